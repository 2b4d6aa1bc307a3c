"""The capacity that a call consumes, by DynamoDB's rules, for callers that request it; `patches.apply` applies it.

MiniStack counts writes by these rules. Here reads are counted too, and nothing is counted unless requested.
Units: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
Sizes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import json
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import json_response
from ministack.services import dynamodb

from scorecast.twin.patch import holding, wrap

Json = dict[str, Any]
Response = tuple[int, Json, bytes]

READ_BYTES = 4096
# An item of a transaction costs twice as much: as two consistent reads, or as two writes of the table.
TRANSACTED = 2


def apply() -> None:
    """Count reads, and count nothing for calls that do not request it."""
    count_reads()
    count_only_if_asked()


def read_units(size_bytes: int, *, consistent: bool = False) -> float:
    """Return the cost of reading this many bytes: half a unit (one if consistent) for each 4 KB, and at least that."""
    return _blocks(size_bytes) * (1.0 if consistent else 0.5)


def _blocks(size_bytes: int) -> int:
    return max(1, -(-size_bytes // READ_BYTES))


def _asks(data: Json) -> bool:
    return data.get("ReturnConsumedCapacity") in ("TOTAL", "INDEXES")


# ---------------------------------------------------------------- reads


@dataclass
class _Page:
    """The page that is being read; `size_bytes` is its size before the filter."""

    size_bytes: int = 0


_page: ContextVar[_Page | None] = ContextVar("page", default=None)


def count_reads() -> None:
    """MiniStack counts half a unit for a read, or one if consistent, whatever its size, and nothing for a batch."""
    wrap(dynamodb, "_add_consumed_capacity", _add_consumed)
    wrap(dynamodb, "_paginate_evaluated_items", _paginate)
    for name in ("_query", "_scan"):
        wrap(dynamodb, name, _read_page)
    wrap(dynamodb, "_batch_get_item", _batch_get)
    wrap(dynamodb, "_transact_get_items", _transact_get)
    wrap(dynamodb, "_transact_write_items", _transact_write)


def _read_page(original: Callable[[Json], Response], data: Json) -> Response:
    if not _asks(data):
        return original(data)
    with holding(_page, _Page()):
        return original(data)


def _paginate(
    original: Callable[..., Any], items: list[Json], limit: Any, table: Json, index: str | None = None
) -> tuple[list[Json], bool]:
    page, has_more = original(items, limit, table, index)
    if counted := _page.get():
        entries = [dynamodb._apply_index_projection(item, table, index) for item in page] if index else page
        counted.size_bytes = sum(map(dynamodb._item_size_bytes, entries))
    return page, has_more


def _add_consumed(original: Callable[..., None], result: Json, data: Json, table: str, **of: Any) -> None:
    original(result, data, table, **of)
    if _asks(data) and not of.get("write"):
        page = _page.get()
        size = page.size_bytes if page else _item_bytes(table, data["Key"])
        result["ConsumedCapacity"] = _times(_blocks(size), result["ConsumedCapacity"])


def _times(factor: int, consumed: Any) -> Any:
    if isinstance(consumed, dict):
        return {name: _times(factor, value) for name, value in consumed.items()}
    return consumed * factor if isinstance(consumed, float) else consumed


def _item_bytes(table: str, key: Json) -> int:
    item = dynamodb._get_item_by_key(dynamodb._tables[dynamodb._normalize_table_name(table)], key)
    return dynamodb._item_size_bytes(item) if item else 0


# ---------------------------------------------------------------- batches and transactions


def _batch_get(original: Callable[[Json], Response], data: Json) -> Response:
    status, headers, body = original(data)
    if status != 200 or not _asks(data):
        return status, headers, body
    answer = json.loads(body)
    consumed = [
        _consumed(data, table, sum(_units_of_batch(table, request, answer)))
        for table, request in data["RequestItems"].items()
    ]
    response: Response = json_response({**answer, "ConsumedCapacity": consumed})
    return response


def _units_of_batch(table: str, request: Json, answer: Json) -> Iterator[float]:
    """Yield the cost of each key that was read; a key without an item costs as much as the smallest item."""
    left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
    for key in request["Keys"]:
        if key not in left:
            yield read_units(_item_bytes(table, key), consistent=bool(request.get("ConsistentRead")))


def _transact_get(original: Callable[[Json], Response], data: Json) -> Response:
    status, headers, body = original(data)
    if status != 200 or not _asks(data):
        return status, headers, body
    units: dict[str, float] = {}
    for get in (one["Get"] for one in data["TransactItems"]):
        cost = TRANSACTED * read_units(_item_bytes(get["TableName"], get["Key"]), consistent=True)
        units[get["TableName"]] = units.get(get["TableName"], 0.0) + cost
    consumed = [_consumed(data, table, of_table, "ReadCapacityUnits") for table, of_table in units.items()]
    response: Response = json_response({**json.loads(body), "ConsumedCapacity": consumed})
    return response


def _transact_write(original: Callable[[Json], Response], data: Json) -> Response:
    """Add the table's own share, which MiniStack omits."""
    status, headers, body = original(data)
    answer = json.loads(body) if status == 200 and data.get("ReturnConsumedCapacity") == "INDEXES" else {}
    if "ConsumedCapacity" not in answer:
        return status, headers, body
    for consumed in answer["ConsumedCapacity"]:
        kind = "WriteCapacityUnits" if "WriteCapacityUnits" in consumed else "ReadCapacityUnits"
        consumed["Table"] = {"CapacityUnits": consumed[kind], kind: consumed[kind]}
    response: Response = json_response(answer)
    return response


def _consumed(data: Json, table: str, units: float, kind: str | None = None) -> Json:
    share = {"CapacityUnits": units} | ({kind: units} if kind else {})
    whole = {"TableName": table, **share}
    return {**whole, "Table": share} if data["ReturnConsumedCapacity"] == "INDEXES" else whole


# ---------------------------------------------------------------- nothing for those who do not ask

_counts: ContextVar[bool] = ContextVar("counts", default=True)


def count_only_if_asked() -> None:
    """MiniStack counts the cost of each write of a transaction or a batch, even if nobody requests it."""
    for name in ("_transact_write_items", "_batch_write_item"):
        wrap(dynamodb, name, _write)
    wrap(dynamodb, "_index_write_units", lambda units, *of: units(*of) if _counts.get() else 0.0)


def _write(original: Callable[[Json], Response], data: Json) -> Response:
    with holding(_counts, _asks(data)):
        return original(data)

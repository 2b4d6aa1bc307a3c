"""Keeps the keys of MiniStack's tables sorted, so that a page of a Scan or a Query does not grow with the table.

MiniStack sorts all items of a table, or of a partition, for each page. Here it sees a table with only the items that
the page can have, and answers as from the whole table; if they do not fill the page, it is given more.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import dynamodb
from sortedcontainers import SortedList

from scorecast.twin.patch import holding, wrap
from scorecast.twin.sorted_indexes import AFTER, BaseKey, Json, key_bounds

Response = tuple[int, Json, bytes]

# No index has this name.
_KEYS = ""
# The size of the sample that estimates how many items make a page.
_SAMPLE = 50


def keep_tables_sorted() -> None:
    """MiniStack sorts all items of a table, or of a partition, for each page of a Scan or a Query."""
    dynamodb._tables.__class__ = _Tables
    wrap(dynamodb, "_scan", _scan)
    wrap(dynamodb, "_query", _query)
    wrap(dynamodb, "_build_key", _build_key)


class SortedKeys:
    """The keys of all items of a table: its partition key and its sort key, as MiniStack keeps the items."""

    def __init__(self, table: Json) -> None:
        self.sorted = SortedList((pk, sk) for pk, items in list(table["items"].items()) for sk in list(items))

    def add(self, base_key: BaseKey, _item: Json) -> None:
        self.sorted.add(base_key)

    def remove(self, base_key: BaseKey) -> None:
        self.sorted.discard(base_key)


def _sorted_keys(table: Json) -> Any:
    """Return the table's sorted keys, which every later write updates."""
    indexes = table.setdefault(dynamodb._INDEX_MEMBERS, {})
    if _KEYS not in indexes:
        indexes[_KEYS] = SortedKeys(table)
    return indexes[_KEYS].sorted


# ---------------------------------------------------------------- a part of a table


@dataclass
class _Part:
    """What MiniStack sees of a table; `has_more` is set once it has answered that there is a next page."""

    name: str
    table: Json
    has_more: bool = False


_part: ContextVar[_Part | None] = ContextVar("part", default=None)


class _Tables(AccountRegionScopedDict):  # type: ignore[misc]
    """MiniStack's tables; a page in progress sees only a part of its table."""

    __slots__ = ()

    def get(self, key: str, default: Any = None) -> Any:
        part = _part.get()
        return part.table if part and part.name == key else super().get(key, default)


def _build_key(original: Callable[..., Json], *of: Any) -> Json:
    """Note that there is a next page: MiniStack builds a key only to say where that starts."""
    if part := _part.get():
        part.has_more = True
    return original(*of)


def _read(original: Callable[[Json], Response], data: Json, table: Json, keys: Iterator[BaseKey]) -> Response:
    """Answer from the first keys, and from more while they do not fill the page."""
    seen = list(islice(keys, _SAMPLE))
    count = int(data.get("Limit") or _items_of_a_page(table, seen)) * int(data.get("TotalSegments") or 1)
    while True:
        # Three more: two at the bounds that the condition may drop, and one that follows the page.
        seen += islice(keys, max(0, count + 3 - len(seen)))
        part = _Part(dynamodb._normalize_table_name(data["TableName"]), {**table, "items": _items(table, seen)})
        with holding(_part, part):
            answer = original(data)
        if part.has_more or len(seen) < count + 3 or answer[0] != 200:
            return answer
        count *= 4


def _items_of_a_page(table: Json, sample: list[BaseKey]) -> int:
    """Estimate how many items make a page, rather too many than too few."""
    sizes: list[int] = [
        dynamodb._item_size_bytes(item) for items in _items(table, sample).values() for item in items.values()
    ]
    page_bytes: int = dynamodb._DDB_PAGE_SIZE_BYTES
    return (1 + len(sizes)) * page_bytes * 5 // (4 * (1 + sum(sizes)))


def _items(table: Json, keys: list[BaseKey]) -> dict[Any, Json]:
    items: dict[Any, Json] = {}
    for pk, sk in keys:
        item = table["items"].get(pk, {}).get(sk)
        if item is not None:
            items.setdefault(pk, {})[sk] = item
    return items


# ---------------------------------------------------------------- scans and queries


def _scan(original: Callable[[Json], Response], data: Json) -> Response:
    table = _table_of(data)
    if table is None:
        return original(data)
    start = data.get("ExclusiveStartKey")
    least = (*_base_key(table, start), AFTER) if start else ()
    return _read(original, data, table, _sorted_keys(table).irange(least, (AFTER,)))


def _query(original: Callable[[Json], Response], data: Json) -> Response:
    table = _table_of(data)
    sort = table and table.get("sk_name")
    # Keys are sorted as texts, which is the right order only for texts.
    if not table or not sort or dynamodb._get_attr_type(table, sort) != "S" or not data.get("KeyConditionExpression"):
        return original(data)
    try:
        keys = _keys_of(table, sort, data)
    except (KeyError, TypeError, ValueError):
        return original(data)  # MiniStack says what is wrong with the request
    return _read(original, data, table, keys)


def _keys_of(table: Json, sort: str, data: Json) -> Iterator[BaseKey]:
    """Return the keys that a query asks for, and perhaps one beyond its bounds; raises KeyError for a missing value."""
    names, values = data.get("ExpressionAttributeNames") or {}, data.get("ExpressionAttributeValues") or {}
    pk = dynamodb._extract_pk_from_condition(data["KeyConditionExpression"], values, names, table["pk_name"])
    least, most = ((pk, *place) for place in key_bounds(data, sort, lambda value: value["S"]) or ((), (AFTER,)))
    forward = data.get("ScanIndexForward", True)
    if start := data.get("ExclusiveStartKey"):
        place = _base_key(table, start)
        least, most = (max(least, (*place, AFTER)), most) if forward else (least, min(most, place))
    keys: Iterator[BaseKey] = _sorted_keys(table).irange(least, most, reverse=not forward)
    return keys


def _table_of(data: Json) -> Json | None:
    """Return the table of a request that reads no index; None if it does not exist, or if the start is invalid."""
    table: Json | None = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName")))
    start = data.get("ExclusiveStartKey")
    is_start = start is None or (isinstance(start, dict) and table and {table["pk_name"]} <= start.keys())
    return table if table and is_start and not data.get("IndexName") else None


def _base_key(table: Json, key: Json) -> BaseKey:
    sort = table.get("sk_name")
    return dynamodb._extract_key_val(key[table["pk_name"]]), dynamodb._extract_key_val(key.get(sort)) if sort else ""

"""Limits of DynamoDB that MiniStack does not enforce; `patches.apply` applies them.

MiniStack enforces most limits itself; a comparison with DynamoDB Local found that these are missing. docs/twin.md lists
all of them with AWS's pages.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Context, localcontext
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import dynamodb

from scorecast.twin.patch import wrap

Json = dict[str, Any]
Response = tuple[int, Json, bytes]
# The keys of each table.
Keys = dict[str, list[Json]]

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
KEY_BYTES = {"HASH": 2048, "RANGE": 1024}
STATEMENT_CHARACTERS = 8192
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
BATCH_GET_BYTES = 16 * 1024 * 1024
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html
TRANSACTION_BYTES = 4 * 1024 * 1024

_KEY_TOO_LONG = {
    "HASH": "Size of hashkey has exceeded the maximum size limit of2048 bytes",
    "RANGE": "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
}
# Precise enough for the sum of any two DynamoDB numbers: 38 digits each, from 1E-130 to almost 1E+126.
_EXACT = Context(prec=300)


def apply() -> None:
    """Apply every limit of tables."""
    limit_keys_of_indexes()
    add_exactly()
    take_one_action_an_entry()
    read_no_more_than_fits()
    check_statements()


# ---------------------------------------------------------------- keys and numbers


def limit_keys_of_indexes() -> None:
    """MiniStack limits the bytes of a table's keys, but not those of its indexes' keys."""
    wrap(dynamodb, "_index_key_empty_reason", _index_key_reason)


def _index_key_reason(original: Callable[..., str | None], table: Json, item: Json, **update: bool) -> str | None:
    for index in (table.get("GlobalSecondaryIndexes") or []) + (table.get("LocalSecondaryIndexes") or []):
        for key in index["KeySchema"]:
            value = item.get(key["AttributeName"]) or {}
            if len(str(value.get("S", "")).encode()) > KEY_BYTES[key["KeyType"]]:
                return f"One or more parameter values were invalid: {_KEY_TOO_LONG[key['KeyType']]}"
    return original(table, item, **update)


def add_exactly() -> None:
    """MiniStack rounds a sum to 28 digits; AWS keeps 38, and refuses a sum that has more."""
    wrap(dynamodb, "_apply_update_expression", _update_exactly)
    wrap(dynamodb, "_set_at_path", _set_number)


def _update_exactly(original: Callable[..., Any], *update: Any) -> Any:
    with localcontext(_EXACT):
        return original(*update)


def _set_number(original: Callable[..., None], item: Json, path: list[Any], value: Json) -> None:
    if "N" in value and (error := dynamodb._number_error(value["N"])):
        raise ValueError(error)
    original(item, path, value)


# ---------------------------------------------------------------- transactions and batches


def take_one_action_an_entry() -> None:
    """MiniStack accepts a transaction's entry with two actions, and drops one of them."""
    wrap(dynamodb, "_transact_write_members_error", _members_error)


def _members_error(original: Callable[..., Response | None], data: Json, members: list[Json]) -> Response | None:
    if any(len(member) != 1 for member in members):
        return refusal("TransactItems can only contain one of Check, Put, Update or Delete")
    return original(data, members)


def read_no_more_than_fits() -> None:
    """MiniStack reads any number of bytes; AWS leaves keys for later beyond 16 MB, and fails transactions beyond 4."""
    wrap(dynamodb, "_batch_get_item", _batch_get)
    wrap(dynamodb, "_transact_get_items", _transact_get)


def _batch_get(original: Callable[[Json], Response], data: Json) -> Response:
    """Read the keys in order until an item does not fit."""
    status, headers, body = original(data)
    # The JSON of whole items is longer than the items' sizes.
    requests = data.get("RequestItems") or {}
    whole = not any("ProjectionExpression" in request for request in requests.values())
    if status != 200 or (whole and len(body) <= BATCH_GET_BYTES):
        return status, headers, body
    fitting, rest = _split(requests)
    if not any(rest.values()):
        return status, headers, body
    _, _, body = original({**data, "RequestItems": _with_keys(requests, fitting)})
    response: Response = json_response({**json.loads(body), "UnprocessedKeys": _with_keys(requests, rest)})
    return response


def _split(requests: Json) -> tuple[Keys, Keys]:
    """Return the keys whose items fit into an answer, and those after them."""
    fitting: Keys = {name: [] for name in requests}
    rest: Keys = {name: [] for name in requests}
    size = 0
    for name, key, item_bytes in _sizes(requests):
        size += item_bytes
        (fitting if size <= BATCH_GET_BYTES else rest)[name].append(key)
    return fitting, rest


def _sizes(requests: Json) -> Iterator[tuple[str, Json, int]]:
    for name, request in requests.items():
        table = dynamodb._tables[dynamodb._normalize_table_name(name)]
        for key in request["Keys"]:
            item = dynamodb._get_item_by_key(table, key)
            yield name, key, dynamodb._item_size_bytes(item) if item else 0


def _with_keys(requests: Json, keys: Keys) -> Json:
    return {name: {**request, "Keys": keys[name]} for name, request in requests.items() if keys[name]}


def _transact_get(original: Callable[[Json], Response], data: Json) -> Response:
    status, headers, body = original(data)
    if status == 200 and len(body) > TRANSACTION_BYTES:
        items = [one["Item"] for one in json.loads(body)["Responses"] if "Item" in one]
        if (size := sum(map(dynamodb._item_size_bytes, items))) > TRANSACTION_BYTES:
            return refusal(f"Transaction payload size cannot exceed 4MB. Payload Size: {size}")
    return status, headers, body


# ---------------------------------------------------------------- PartiQL


def check_statements() -> None:
    """MiniStack accepts statements of any length, batches that read and write, and items that PutItem would refuse."""
    wrap(dynamodb, "_batch_execute_statement", _batch_of_statements)
    wrap(dynamodb, "_execute_statement", _statement)
    wrap(dynamodb, "_partiql_insert", _insert)


def _batch_of_statements(original: Callable[[Json], Response], data: Json) -> Response:
    texts = [one.get("Statement", "") for one in data.get("Statements") or ()]
    if any(len(text) > STATEMENT_CHARACTERS for text in texts):
        return _too_long()
    if len({text.lstrip()[:6].upper() == "SELECT" for text in texts}) > 1:
        return refusal("Read and write requests together in the same batch is not supported.")
    return original(data)


def _statement(original: Callable[[Json], Response], data: Json) -> Response:
    return _too_long() if len(data.get("Statement") or "") > STATEMENT_CHARACTERS else original(data)


def _insert(original: Callable[[Json, Json], Response], table: Json, parsed: Json) -> Response:
    item = parsed.get("item") or {}
    item = item["M"] if set(item) == {"M"} else item
    return (
        dynamodb._validate_item(item, table["pk_name"], table["sk_name"])
        or dynamodb._validate_index_key_values(table, item)
        or original(table, parsed)
    )


def _too_long() -> Response:
    return refusal(f"Member must have length less than or equal to {STATEMENT_CHARACTERS}")


def refusal(message: str) -> Response:
    """Return DynamoDB's refusal of a request."""
    response: Response = error_response_json("ValidationException", message, 400)
    return response

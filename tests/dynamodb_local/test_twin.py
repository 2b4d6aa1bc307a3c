"""The twin answers requests of DynamoDB as DynamoDB Local does, and both end in the same state.

docs/twin.md says where they differ, and why; `_corrected` knows where DynamoDB Local's meter is wrong.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.table_requests import DEFINITION, SORTS, TABLE, Requests
from tests.support.twin_tables import call_twin, patched_tables

Json = dict[str, Any]
Call = Callable[[str, Json], Json]

REQUESTS = 1000
# DynamoDB Local accepts any signature.
HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0",
}


@pytest.fixture
def both(engine: Any) -> Iterator[tuple[Call, Call]]:
    """The twin and DynamoDB Local, each with the empty table."""
    connection = HTTPConnection(urlsplit(engine.endpoint).netloc)

    def call_local(operation: str, request: Json) -> Json:
        target = {"X-Amz-Target": f"DynamoDB_20120810.{operation.title().replace('_', '')}"}
        connection.request("POST", "/", json.dumps(request), HEADERS | target)
        answer: Json = json.loads(connection.getresponse().read())
        return answer

    with patched_tables():
        for call in (call_twin, call_local):
            assert "TableDescription" in call("create_table", DEFINITION)
        yield call_twin, call_local
        call_local("delete_table", {"TableName": TABLE})
    connection.close()


def test_the_twin_answers_a_thousand_requests_as_dynamodb_local_does(both: tuple[Call, Call]) -> None:
    requests, outcomes = Requests(seed=1), Counter[tuple[str, bool]]()
    for _ in range(REQUESTS):
        operation, request = requests.request()
        twin, local = (_whole(call, operation, request) for call in both)
        assert _comparable(twin, request) == _comparable(local, request), (operation, request, twin, local)
        if of_local := _units(local, request):
            expected = _corrected(of_local, operation, request, local)
            assert expected in (None, _units(twin, request)), (operation, request, twin, local)
        outcomes[operation, "__type" in twin] += 1
    twin_items, local_items = (_whole(call, "scan", {"TableName": TABLE})["Items"] for call in both)
    assert _sorted(twin_items) == _sorted(local_items)
    # Each kind of request was taken at times, and refused at times.
    assert len(outcomes) == 20


def _whole(call: Call, operation: str, request: Json) -> Json:
    """Return an answer, or of a query or a scan that has pages, all pages as one."""
    answer = whole = call(operation, request)
    while "LastEvaluatedKey" in answer:
        answer = call(operation, request | {"ExclusiveStartKey": answer["LastEvaluatedKey"]})
        for name in {"Items", "Count", "ScannedCount"} & answer.keys():
            whole[name] += answer[name]
    return whole


# ---------------------------------------------------------------- answers


def _comparable(answer: Json, request: Json) -> Any:
    """Reduce an answer to what every DynamoDB answers alike, and an error to its codes."""
    if "__type" in answer:
        reasons = answer.get("CancellationReasons", [])
        return answer["__type"].partition("#")[2] or answer["__type"], [_plain(reason, "Message") for reason in reasons]
    plain = _plain(answer, "ConsumedCapacity", "LastEvaluatedKey")
    if "Items" in plain:
        sort = SORTS.get(request.get("IndexName"))
        in_order = [item.get(sort) for item in plain["Items"]] if "KeyConditionExpression" in request else None
        return in_order, plain | {"Items": _sorted(plain["Items"])}
    if isinstance(responses := plain.get("Responses"), dict):
        return {name: _sorted(items) for name, items in responses.items()}
    return [one or {"Item": {}} for one in responses] if responses else plain


def _plain(value: Any, *but: str) -> Any:
    """Return a value with its numbers as numbers and its sets in order, without some members."""
    if isinstance(value, list):
        return [_plain(one, *but) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"N"}:
        return {"N": Decimal(value["N"]).normalize()}
    if set(value) == {"SS"}:
        return {"SS": sorted(value["SS"])}
    return {name: _plain(one, *but) for name, one in value.items() if name not in but}


def _sorted(items: list[Json]) -> list[Json]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str))


# ---------------------------------------------------------------- consumed capacity


def _units(answer: Json, request: Json) -> Any:
    """Return what a call says that it consumed, if it was asked and succeeded."""
    if "__type" in answer or request.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return None
    return _plain(answer.get("ConsumedCapacity"), "ReadCapacityUnits", "WriteCapacityUnits")


def _corrected(units: Any, operation: str, request: Json, answer: Json) -> Any:
    """Return what DynamoDB would say in place of DynamoDB Local; None where that cannot be known."""
    if operation in ("query", "scan"):
        # It counts nothing if nothing was read; DynamoDB does.
        return None if "Limit" in request else _plus(units, 0 if answer["ScannedCount"] else _least(request), request)
    if operation == "batch_get_item":
        # It counts nothing for a key without an item.
        [(_, of_table)] = request["RequestItems"].items()
        missing = len(of_table["Keys"]) - len(answer["Responses"][TABLE])
        return [_plus(one, missing * _least(of_table), request) for one in units]
    if operation in ("batch_write_item", "transact_write_items") and re.search(
        '"(Delete|ConditionCheck)', json.dumps(request)
    ):
        return None  # it counts deletions of items that are not there, and checks, in ways of its own
    if operation == "transact_write_items":
        # It counts four times the sum of the different sizes.
        is_one = len(request["TransactItems"]) == 1 and request["ReturnConsumedCapacity"] == "INDEXES"
        return [_of_one_action(one) for one in units] if is_one else None
    return units


def _least(request: Json) -> float:
    return 1.0 if request.get("ConsistentRead") else 0.5


def _plus(units: Json, more: float, request: Json) -> Json:
    """Add units to the whole, and to the share of the table or of the index that was read."""
    sums: Json = json.loads(json.dumps(units))
    index = request.get("IndexName")
    shares = [sums, sums["GlobalSecondaryIndexes"][index] if index else sums["Table"]] if "Table" in sums else [sums]
    for share in shares:
        share["CapacityUnits"] += more
    return sums


def _of_one_action(units: Json) -> Json:
    """Count twice the price of an item in the table, and once its price in an index."""
    table = units["Table"]["CapacityUnits"] / 2
    indexes = {name: share["CapacityUnits"] / 4 for name, share in units.get("GlobalSecondaryIndexes", {}).items()}
    shares = {"GlobalSecondaryIndexes": {name: {"CapacityUnits": share} for name, share in indexes.items()}}
    whole = {"TableName": TABLE, "CapacityUnits": table + sum(indexes.values()), "Table": {"CapacityUnits": table}}
    return whole | (shares if indexes else {})

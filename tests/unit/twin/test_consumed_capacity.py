"""The twin counts consumed capacity by DynamoDB's rules, for those who ask."""

from collections.abc import Iterator
from typing import Any

import pytest

from scorecast.twin.consumed_capacity import read_units
from tests.support.table_requests import DEFINITION, TABLE
from tests.support.twin_tables import call_twin, patched_tables

Json = dict[str, Any]

QUERY = {"KeyConditionExpression": "board = :b", "ExpressionAttributeValues": {":b": {"S": "one"}}}


@pytest.fixture(autouse=True)
def items() -> Iterator[None]:
    """Items a, b, c of 3,000, 6,000 and 9,000 bytes on one board; each entry of by_place has 22 bytes or so."""
    with patched_tables():
        call_twin("create_table", DEFINITION)
        for number, name in enumerate("abc", start=1):
            item = key(name) | {"board": {"S": "one"}, "score": {"N": str(number)}, "place": {"S": name}}
            call_twin("put_item", {"TableName": TABLE, "Item": item | {"more": {"S": "x" * (3000 * number - 40)}}})
        yield


def key(name: str) -> Json:
    return {"id": {"S": name}, "since": {"S": "x"}}


def units(operation: str, **request: Any) -> Any:
    """Return the whole that a call consumed, after a check that it does not say so unasked."""
    whole = request if "RequestItems" in request or "TransactItems" in request else {"TableName": TABLE, **request}
    assert "ConsumedCapacity" not in call_twin(operation, whole)
    consumed = call_twin(operation, whole | {"ReturnConsumedCapacity": "TOTAL"})["ConsumedCapacity"]
    [one] = consumed if isinstance(consumed, list) else [consumed]
    assert one["TableName"] == TABLE
    return one["CapacityUnits"]


def shares(operation: str, **request: Any) -> Json:
    """Return what of the units is the table's, and each index's."""
    consumed = call_twin(operation, request | {"ReturnConsumedCapacity": "INDEXES"})["ConsumedCapacity"]
    [one] = consumed if isinstance(consumed, list) else [consumed]
    indexes = one.get("GlobalSecondaryIndexes", {}).items()
    found = {"table": one["Table"]["CapacityUnits"]} | {name: share["CapacityUnits"] for name, share in indexes}
    assert sum(found.values()) == one["CapacityUnits"]
    return found


def test_a_read_costs_half_a_unit_for_each_4_kb_and_a_whole_one_if_it_is_consistent() -> None:
    assert [read_units(size) for size in (0, 1, 4096, 4097, 9000)] == [0.5, 0.5, 0.5, 1.0, 1.5]
    costs = [
        units("get_item", Key=key(name), ConsistentRead=consistent) for consistent in (False, True) for name in "abcd"
    ]
    assert costs == [0.5, 1.0, 1.5, 0.5, 1.0, 2.0, 3.0, 1.0]


def test_a_projection_is_not_cheaper() -> None:
    assert units("get_item", Key=key("c"), ProjectionExpression="id") == 1.5


def test_a_query_costs_the_sum_of_the_bytes_that_it_read_before_the_filter() -> None:
    assert units("query", IndexName="whole", **QUERY) == 2.5
    assert (
        units("query", IndexName="whole", Select="COUNT", FilterExpression="attribute_exists(nowhere)", **QUERY) == 2.5
    )
    assert units("query", IndexName="whole", Limit=1, **QUERY) == 0.5
    assert shares("query", TableName=TABLE, IndexName="by_place", **QUERY) == {"table": 0.0, "by_place": 0.5}


def test_a_query_that_finds_nothing_costs_half_a_unit() -> None:
    nothing = {":b": {"S": "two"}}
    assert units("query", IndexName="whole", **QUERY | {"ExpressionAttributeValues": nothing}) == 0.5


def test_a_scan_costs_what_it_read() -> None:
    assert units("scan") == 2.5
    assert units("scan", ConsistentRead=True) == 5.0
    assert units("scan", IndexName="by_place") == 0.5


def test_a_batch_costs_each_key_by_itself_also_without_an_item() -> None:
    keys = [key(name) for name in "abcd"]
    assert units("batch_get_item", RequestItems={TABLE: {"Keys": keys}}) == 0.5 + 1.0 + 1.5 + 0.5
    assert units("batch_get_item", RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}}) == 7.0


def test_a_transaction_costs_twice_as_much_in_the_table_and_as_much_in_an_index() -> None:
    gets = [{"Get": {"TableName": TABLE, "Key": key(name)}} for name in "ad"]
    assert units("transact_get_items", TransactItems=gets) == 4.0
    item = key("d") | {"board": {"S": "one"}, "score": {"N": "1"}, "place": {"S": "d"}}
    put = {"Put": {"TableName": TABLE, "Item": item}}
    new = {"table": 2.0, "by_score": 1.0, "by_place": 1.0, "whole": 1.0}
    assert shares("transact_write_items", TransactItems=[put]) == new
    assert shares("transact_write_items", TransactItems=[put]) == {"table": 2.0}


@pytest.mark.parametrize(
    ("update", "indexes"),
    [
        ("REMOVE more", {"whole": 3.0}),
        ("SET score = score + :v", {"by_score": 2.0, "whole": 3.0}),
        ("REMOVE board", {"by_score": 1.0, "by_place": 1.0, "whole": 3.0}),
        ("SET score = score - :v, score2 = :v", {"by_score": 2.0, "whole": 3.0}),
    ],
)
def test_an_index_costs_two_writes_if_its_key_changes_and_none_if_nothing_of_it_does(
    update: str, indexes: Json
) -> None:
    values = {"ExpressionAttributeValues": {":v": {"N": "1"}}} if ":v" in update else {}
    found = shares("update_item", TableName=TABLE, Key=key("a"), UpdateExpression=update, **values)
    assert found == {"table": 3.0, **indexes}

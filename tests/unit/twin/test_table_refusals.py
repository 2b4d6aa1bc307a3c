"""The twin refuses requests of DynamoDB that MiniStack takes, with the words of DynamoDB Local."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.table_requests import DEFINITION, TABLE
from tests.support.twin_tables import call_twin, patched_tables

Json = dict[str, Any]

KEY = {"id": {"S": "a"}, "since": {"S": "x"}}
ITEM = KEY | {"board": {"S": "one"}, "score": {"N": "1"}, "place": {"S": "a"}, "deep": {"M": {"a": {"N": "1"}}}}
QUERY = {"KeyConditionExpression": "board = :b", "ExpressionAttributeValues": {":b": {"S": "one"}}}


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    with patched_tables():
        call_twin("create_table", DEFINITION)
        call_twin("put_item", {"TableName": TABLE, "Item": ITEM})
        yield


def refusal(operation: str, **request: Any) -> str:
    """Return the words of a refusal; "" for an answer."""
    answer = call_twin(operation, {"TableName": TABLE, **request})
    assert answer.get("__type", "ValidationException") == "ValidationException"
    return str(answer.get("message", ""))


@pytest.mark.parametrize(
    ("condition", "value", "reason"),
    [
        ("score < :v", {"BOOL": True}, "operator or function: <, operand type: BOOL"),
        ("NOT :v >= score", {"SS": ["a"]}, "operator or function: >=, operand type: SS"),
        ("size(place) <= :v OR score = :v", {"NULL": True}, "operator or function: <=, operand type: NULL"),
        ("score BETWEEN :v AND :v", {"L": []}, "operator or function: BETWEEN, operand type: L"),
        ("begins_with(place, :v)", {"N": "1"}, "operator or function: begins_with, operand type: N"),
        ("attribute_type(deep.a, :v)", {"N": "1"}, "operator or function: attribute_type, operand type: N"),
        ("attribute_type(deep.a, :v)", {"S": "number"}, "Invalid attribute type name found; type: number"),
    ],
)
def test_operands_have_the_types_of_their_operators(condition: str, value: Json, reason: str) -> None:
    values = {"ExpressionAttributeValues": {":v": value}}
    assert reason in refusal("put_item", Item=ITEM, ConditionExpression=condition, **values)
    assert reason in refusal("scan", FilterExpression=condition, **values)
    action = {"Put": {"TableName": TABLE, "Item": ITEM, "ConditionExpression": condition, **values}}
    assert reason in refusal("transact_write_items", TransactItems=[action])


@pytest.mark.parametrize("update", ["SET score = :0", "SET score = score + :0", "ADD score :0"])
def test_a_value_whose_name_begins_with_a_digit_is_defined(update: str) -> None:
    assert "attribute value: :0" in refusal("update_item", Key=KEY, UpdateExpression=update)
    assert "attribute value: :0" in refusal("scan", FilterExpression="score < :0")


def test_a_number_begins_with_no_text() -> None:
    request = {"FilterExpression": "begins_with(score, :v)", "ExpressionAttributeValues": {":v": {"S": "1"}}}
    assert call_twin("scan", {"TableName": TABLE, **request})["Count"] == 0


@pytest.mark.parametrize(
    "update",
    ["SET score = :v, score = :v", "SET deep.a = :v REMOVE deep", "ADD score :v SET #s = :v", "REMOVE deep.a, deep.a"],
)
def test_an_update_changes_an_attribute_once(update: str) -> None:
    request = {"UpdateExpression": update, "ExpressionAttributeValues": {":v": {"N": "1"}}}
    request = {name: value for name, value in request.items() if name == "UpdateExpression" or ":v" in update}
    names = {"ExpressionAttributeNames": {"#s": "score"}} if "#s" in update else {}
    assert "Two document paths overlap" in refusal("update_item", Key=KEY, **request, **names)
    action = {"Update": {"TableName": TABLE, "Key": KEY, **request, **names}}
    assert "Two document paths overlap" in refusal("transact_write_items", TransactItems=[action])


def test_different_parts_of_an_attribute_change_together() -> None:
    assert not refusal("update_item", Key=KEY, UpdateExpression="REMOVE deep.a, deep.b, board")


@pytest.mark.parametrize("path", ["nowhere.a", "nowhere[0]", "score.a", "deep[0]", "deep.b.c"])
def test_a_part_is_removed_from_what_is_there(path: str) -> None:
    assert "document path" in refusal("update_item", Key=KEY, UpdateExpression=f"REMOVE {path}")


@pytest.mark.parametrize("path", ["score.a", "score[0]", "deep[0]", "deep.a.b", "nowhere.a", "nowhere[0]"])
@pytest.mark.parametrize("clause", ["SET {} = :v", "ADD {} :v"])
def test_a_part_is_set_of_what_has_parts(clause: str, path: str) -> None:
    update = {"UpdateExpression": clause.format(path), "ExpressionAttributeValues": {":v": {"N": "1"}}}
    assert "document path" in refusal("update_item", Key=KEY, **update)
    assert call_twin("get_item", {"TableName": TABLE, "Key": KEY})["Item"] == ITEM


@pytest.mark.parametrize("operation", ["query", "scan"])
@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"FilterExpression": "attribute_exists(hidden)"}, "reserved keyword: hidden"),
        ({"ProjectionExpression": "id, hidden"}, "Invalid ProjectionExpression: Attribute name is a reserved keyword"),
        ({"FilterExpression": "attribute_exists(deep.a)"}, "filter attributes: [deep]"),
        ({"ProjectionExpression": "deep.a, place"}, "by_score does not project [deep, place]"),
        ({"Select": "ALL_ATTRIBUTES"}, "projection type is not ALL"),
    ],
)
def test_what_an_index_does_not_have_is_not_read_from_it(operation: str, request_: Json, words: str) -> None:
    query = QUERY if operation == "query" else {}
    assert words in refusal(operation, IndexName="by_score", **query, **request_)


@pytest.mark.parametrize(("index", "key"), [("by_score", "score"), ("by_place", "board"), (None, "since")])
def test_a_query_filters_by_no_key_of_its_own(index: str | None, key: str) -> None:
    request = QUERY if index else {"KeyConditionExpression": "id = :i", "ExpressionAttributeValues": {":i": {"S": "a"}}}
    request = request | ({"IndexName": index} if index else {})
    words = f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
    assert refusal("query", FilterExpression=f"attribute_exists({key})", **request) == words


def test_a_query_filters_by_whatever_else_its_index_has() -> None:
    assert not refusal("query", IndexName="by_score", FilterExpression="attribute_exists(id)", **QUERY)
    names = {"ExpressionAttributeNames": {"#t": "text"}}
    assert not refusal("query", IndexName="by_score", FilterExpression="attribute_not_exists(#t)", **names, **QUERY)


def test_a_key_condition_has_no_reserved_word() -> None:
    values = {":i": {"S": "a"}}
    words = refusal("query", KeyConditionExpression="id = :i AND at = :i", ExpressionAttributeValues=values)
    assert words == "Invalid KeyConditionExpression: Attribute name is a reserved keyword; reserved keyword: at"


def test_a_transaction_reads_no_overlapping_paths() -> None:
    get = {"Get": {"TableName": TABLE, "Key": KEY, "ProjectionExpression": "deep.a, deep"}}
    assert "Two document paths overlap" in refusal("transact_get_items", TransactItems=[get])

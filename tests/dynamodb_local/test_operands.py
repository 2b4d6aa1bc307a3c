"""Operators with values of every type: the twin refuses those that DynamoDB Local does, and answers others alike."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.table_requests import DEFINITION, TABLE
from tests.support.twin_tables import call_twin, patched_tables

Json = dict[str, Any]

KEY = {"id": {"S": "a"}, "since": {"S": "x"}}
ITEM = KEY | {
    "score": {"N": "1"},
    "place": {"S": "a"},
    "deep": {"M": {"a": {"N": "1"}}},
    "many": {"L": [{"N": "1"}]},
    "tags": {"SS": ["a", "b"]},
}
VALUES: list[Json] = [
    {"S": "a"},
    {"N": "1"},
    {"BOOL": True},
    {"NULL": True},
    {"L": [{"S": "a"}]},
    {"M": {"a": {"S": "b"}}},
    {"SS": ["a"]},
    {"NS": ["1"]},
]
CONDITIONS = [
    *(f"score {sign} :v" for sign in ("=", "<>", "<", "<=", ">", ">=")),
    *(f"size(place) {sign} :v" for sign in ("=", "<")),
    "NOT :v >= score",
    "score IN (:v)",
    "score BETWEEN :v AND :v",
    "deep.a BETWEEN score AND :v",
    "begins_with(place, :v)",
    "begins_with(score, :v)",
    "contains(tags, :v)",
    "contains(many, :v)",
    "attribute_type(deep, :v)",
    "attribute_exists(:v)",
    ":v = :v",
    *("score = score", "NOT score <> score", "deep.a = deep.a", "many[0] = many[0]", "score = (score)"),
    *("deep.a = deep", "size(place) = size(place)", "score = place", "many[0] = many[1]"),
    *("score BETWEEN score AND place", "score BETWEEN place AND score", "score BETWEEN place AND place"),
    *("score IN (place, score)", "score IN (place, place)", "place BETWEEN :v AND place", ":v IN (:v, score)"),
]
UPDATES = [
    "SET score = score + :v",
    "SET score = :v - score",
    "SET place = place + :v",
    "SET score = (score - :v)",
    "SET score = score + :v + :v",
    "SET deep.a = if_not_exists(deep.b, :v) + :v",
    "SET many = list_append(many, :v)",
    "SET many = list_append(if_not_exists(a, :v), many)",
    "SET score = list_append(score, :v)",
    "SET a = if_not_exists(a, :v)",
    "SET a = if_not_exists(:v, :v)",
    "SET a = if_not_exists(score, nothing)",
    "SET a = if_not_exists(a, nothing)",
    "SET attribute_type = :v, score = if_not_exists(score, :v)",
    "SET a = nothing",
    "SET a = :v SET b = :v",
    "SET a = :v, b = a",
    "SET many[0] = :v",
    "SET deep.b.c = :v",
    "ADD score :v",
    "ADD tags :v",
    "ADD a :v",
    "DELETE tags :v",
    "DELETE tags[0] :v",
    "DELETE deep.b.c :v",
    "DELETE score :v",
    *(
        "SET",
        "SET a",
        "SET a =",
        "SET a = size(score)",
        "SET a = place + ",
        "REMOVE",
        "REMOVE a,",
        "ADD a",
    ),
    *(
        "ADD a = :v",
        "DELETE tags",
        "SET a = if_not_exists",
        "SET a = if_not_exists(place)",
        "SET a.[0] = :v",
    ),
    *(
        "SET a = list_append(:v)",
        "a = :v",
        "SET a = :v,",
        "SET a = :v REMOVE REMOVE",
        "SET (a) = :v",
    ),
    *("SET score = (score) + (:v)", "SET score = (score + :v) - :v", "SET score = :v - (score + :v)"),
    *("SET score = -:v", "SET score = if_not_exists(score, score + :v)", "SET score = IF_NOT_EXISTS(score, :v)"),
]
KEYS = [
    *(f"id = :v AND since {sign} :v" for sign in ("=", "<", ">=", "<>")),
    *(f"id = :v AND {test}" for test in ("begins_with(since, :v)", "since BETWEEN :v AND :v", "since IN (:v)")),
    *(f"id = :v AND {test}" for test in ("contains(since, :v)", "attribute_exists(since)", "NOT since = :v")),
    "id = :v OR since = :v",
    "id < :v",
    "since = :v",
]


@pytest.fixture(scope="module")
def local(engine: Any) -> Iterator[Any]:
    """DynamoDB Local with the table, and the twin with the same one beside it."""
    engine.dynamodb.create_table(**DEFINITION)
    with patched_tables():
        call_twin("create_table", DEFINITION)
        yield engine.dynamodb
    engine.dynamodb.delete_table(TableName=TABLE)


def check(local: Any, operation: str, expression: str, request: Json) -> None:
    """Ask both with values of every type."""
    for value in VALUES if ":v" in expression else VALUES[:1]:
        local.put_item(TableName=TABLE, Item=ITEM)
        call_twin("put_item", {"TableName": TABLE, "Item": ITEM})
        values = {"ExpressionAttributeValues": {":v": value}} if ":v" in expression else {}
        asked = {"TableName": TABLE, **request, **values}
        words = ""
        try:
            answer = getattr(local, operation)(**asked)
            theirs = {"answer": answer.get("Attributes", answer.get("Items"))}
        except ClientError as error:
            theirs = {"refused": error.response["Error"]["Code"]}
            words = error.response["Error"]["Message"]
        answer = call_twin(operation, asked)
        ours = {"answer": answer.get("Attributes", answer.get("Items"))}
        ours = {"refused": answer["__type"].rpartition("#")[2]} if "__type" in answer else ours
        assert ours == theirs, (expression, value)
        assert "reserved keyword" not in words, "all else in the expression would go untested"


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions(local: Any, condition: str) -> None:
    check(local, "put_item", condition, {"Item": ITEM, "ConditionExpression": condition})
    check(local, "scan", condition, {"FilterExpression": condition})


@pytest.mark.parametrize("update", UPDATES)
def test_updates(local: Any, update: str) -> None:
    check(local, "update_item", update, {"Key": KEY, "UpdateExpression": update, "ReturnValues": "ALL_NEW"})


@pytest.mark.parametrize("condition", KEYS)
def test_key_conditions(local: Any, condition: str) -> None:
    check(local, "query", condition, {"KeyConditionExpression": condition})


V = {":v": {"S": "a"}}
REFERENCES: list[Json] = [
    {"FilterExpression": "place = :v", "ExpressionAttributeValues": V},
    {"FilterExpression": "place = :v2", "ExpressionAttributeValues": V | {":v2": {"S": "a"}}},
    {"FilterExpression": "place = :2", "ExpressionAttributeValues": V},
    {"FilterExpression": "#0 = :v", "ExpressionAttributeValues": V},
    {"FilterExpression": "#0 = :v", "ExpressionAttributeValues": V, "ExpressionAttributeNames": {"#0": "place"}},
    {"FilterExpression": "#0 = place", "ExpressionAttributeNames": {"#0": "place"}},
    {"FilterExpression": "#deep.a = #d.a", "ExpressionAttributeNames": {"#deep": "deep", "#d": "deep"}},
    {"FilterExpression": "#deep.a = deep.b", "ExpressionAttributeNames": {"#deep": "deep", "#d": "deep"}},
    {"ProjectionExpression": "#0"},
    {"ProjectionExpression": "#0, #01", "ExpressionAttributeNames": {"#0": "place", "#01": "score"}},
    {"ProjectionExpression": "#01", "ExpressionAttributeNames": {"#0": "place", "#01": "score"}},
    {
        "ProjectionExpression": "#p",
        "FilterExpression": "#s < :v",
        "ExpressionAttributeNames": {"#p": "place", "#s": "score"},
        "ExpressionAttributeValues": V,
    },
]


@pytest.mark.parametrize("request_", REFERENCES, ids=str)
def test_names_and_values_that_are_undefined_or_unused(local: Any, request_: Json) -> None:
    check(local, "scan", "", request_)

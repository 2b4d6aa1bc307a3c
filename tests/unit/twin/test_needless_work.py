"""What nobody needs is left out, and nothing else: what is copied, checked or measured once is what it was."""

import gc
import json
import logging
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core import iam_evaluator
from ministack.services import dynamodb, eventbridge

from scorecast.twin import needless_work

Json = dict[str, Any]


_PATCHED = (
    "copy",
    "_ddb_canonicalize_number",
    "_transact_write_items",
    "_apply_update_expression",
    "_transact_write_action_error",
    "_evaluate_condition",
    "_item_size_bytes",
    "_number_size_bytes",
)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    logger, threshold = logging.getLogger("events"), gc.get_threshold()
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setattr(eventbridge, "_events_log_list", eventbridge._events_log_list)
    for name in _PATCHED:
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))
    monkeypatch.setattr(iam_evaluator, "parse_policy_document", iam_evaluator.parse_policy_document)
    yield
    gc.set_threshold(*threshold)
    logger.setLevel(logger.level)


def test_delivered_events_do_not_stay_in_memory() -> None:
    needless_work.apply()
    for number in range(100):
        assert b'"FailedEntryCount": 0' in eventbridge._put_events({"Entries": [{"Source": str(number)}]})[2]
    assert len(eventbridge._events_log_list()) == 1


def test_warnings_about_events_are_still_logged() -> None:
    logger = logging.getLogger("events")
    logger.setLevel(logging.INFO)  # as the engine logs
    needless_work.apply()
    assert logger.isEnabledFor(logging.WARNING)
    assert not logger.isEnabledFor(logging.INFO)


def test_a_copy_of_an_item_has_nothing_in_common_with_it_that_can_change() -> None:
    needless_work.apply()
    item: dict[str, Any] = {
        "id": {"S": "p1"},
        "list": {"L": [{"N": "1"}, {"BOOL": True}, {"NULL": None}]},
        "map": {"M": {"S": {"S": "x"}}},
        "set": {"SS": ["a"]},
    }
    copied = dynamodb.copy.deepcopy(item)
    assert copied == item
    del copied["id"]
    copied["list"]["L"][0] = {"N": "2"}
    copied["map"]["M"]["S"] = {"S": "y"}
    copied["set"]["SS"].append("b")
    assert item["id"] == {"S": "p1"}
    assert item["list"]["L"][0] == {"N": "1"}
    assert item["map"] == {"M": {"S": {"S": "x"}}}
    assert item["set"] == {"SS": ["a"]}


def test_what_is_no_json_is_copied_with_its_type() -> None:
    needless_work.apply()
    items = defaultdict(dict, {"p1": {"StarWar": {"id": {"S": "p1"}}}})
    copied = dynamodb.copy.deepcopy({"items": items})
    copied["items"]["p2"]["StarWar"] = {}
    assert list(items) == ["p1"]


def test_numbers_are_what_they_were() -> None:
    texts = ["1", "1.0", "-0", "1E3", "1e-131", "9" * 39, " 1", "1_0", "", "x", None, 5, ["1"]]
    before = list(map(dynamodb._ddb_canonicalize_number, texts))
    needless_work.apply()
    for _ in range(2):
        assert list(map(dynamodb._ddb_canonicalize_number, texts)) == before


# ---------------------------------------------------------------- transactions


@pytest.fixture
def table() -> Iterator[str]:
    """A table with the key `id`."""
    name = str(uuid.uuid4())
    dynamodb._create_table(
        {
            "TableName": name,
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    )
    yield name
    dynamodb._delete_table({"TableName": name})


def update_of(table: str, participant: str, score: Any, **more: Any) -> Json:
    names, values = {"#score": "score"}, {":score": score}
    update = {"UpdateExpression": "SET #score = :score, times[0] = :score"}
    condition = {"ConditionExpression": "attribute_not_exists(#score) OR #score < :score"}
    expressions = update | condition | {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    return {"Update": {"TableName": table, "Key": {"id": {"S": participant}}, **expressions, **more}}


def transact(*actions: Json) -> tuple[int, Json]:
    status, _, body = dynamodb._transact_write_items({"TransactItems": [*actions]})
    return status, json.loads(body)


def count_calls(monkeypatch: pytest.MonkeyPatch, holder: Any, name: str) -> list[Any]:
    """Return a list that grows by the arguments of each call."""
    calls: list[Any] = []
    original = getattr(holder, name)

    def call(*of: Any) -> Any:
        calls.append(of)
        return original(*of)

    monkeypatch.setattr(holder, name, call)
    return calls


def items_of(table: str) -> list[Json]:
    items = json.loads(dynamodb._scan({"TableName": table})[2])["Items"]
    return sorted(items, key=lambda item: str(item["id"]["S"]))


def test_each_update_of_a_transaction_is_applied_once_and_to_its_own_item(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied = count_calls(monkeypatch, dynamodb, "_apply_set")
    needless_work.apply()
    before: list[Json] = [{"id": {"S": one}, "times": {"L": [{"N": one}]}} for one in "12"]
    for item in before:
        dynamodb._put_item({"TableName": table, "Item": item})
    assert transact(update_of(table, "1", {"N": "7"}), update_of(table, "2", {"N": "8"}))[0] == 200
    assert len(applied) == 2
    after = items_of(table)
    assert [(item["score"]["N"], item["times"]["L"]) for item in after] == [("7", [{"N": "7"}]), ("8", [{"N": "8"}])]
    status, refusal = transact(update_of(table, "1", {"N": "9"}), update_of(table, "2", {"N": "8"}))
    assert (status, [one["Code"] for one in refusal["CancellationReasons"]]) == (
        400,
        ["None", "ConditionalCheckFailed"],
    )
    assert items_of(table) == after


def test_an_addition_is_made_once(table: str) -> None:
    needless_work.apply()
    dynamodb._put_item({"TableName": table, "Item": {"id": {"S": "1"}, "score": {"N": "5"}}})
    adding = {"UpdateExpression": "ADD #score :score", "ConditionExpression": "#score > :score"}
    assert transact(update_of(table, "1", {"N": "3"}, **adding)) == (200, {})
    assert items_of(table) == [{"id": {"S": "1"}, "score": {"N": "8"}}]


def test_bounds_in_the_wrong_order_are_found_after_the_same_condition_without_a_mistake() -> None:
    def refusal(low: str, high: str) -> str:
        names = {"ExpressionAttributeNames": {"#score": "score"}}
        values = {"ExpressionAttributeValues": {":low": {"N": low}, ":high": {"N": high}}}
        condition = {"ConditionExpression": "#score BETWEEN :low AND :high"}
        answer = dynamodb._transact_write_action_error(
            "Put", {"TableName": "one", "Item": {}} | condition | names | values
        )
        return str(json.loads(answer[2])["message"]) if answer else ""

    before = [refusal("1", "2"), refusal("2", "1")]
    assert "The BETWEEN operator requires upper bound" in before[1]
    needless_work.apply()
    for _ in range(2):
        assert [refusal("1", "2"), refusal("2", "1")] == before


def test_a_condition_is_tested_on_nothing_once_for_values_of_the_same_types(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = count_calls(monkeypatch, dynamodb._ExprEval, "evaluate")
    needless_work.apply()
    put = {"TableName": table, "ConditionExpression": "attribute_not_exists(id) AND :unique = :unique"}
    for one in "abc":
        item = {"Item": {"id": {"S": one}}, "ExpressionAttributeValues": {":unique": {"S": one}}}
        assert transact({"Put": put | item}) == (200, {})
    assert len(tested) == 1 + 3


@pytest.mark.parametrize("of", ["ExpressionAttributeValues", "ExpressionAttributeNames"])
@pytest.mark.parametrize("malformed", [{"a": "x"}, {"a": {}}, {"a": 5}, ["a"], "a"])
def test_what_is_malformed_is_answered_as_it_was(table: str, of: str, malformed: Any) -> None:
    def answer() -> Any:
        try:
            return transact(update_of(table, "1", {"N": "2"}, **{of: malformed}))
        except Exception as error:
            return type(error)

    before = answer()
    needless_work.apply()
    assert [answer(), answer()] == [before, before]


@pytest.mark.parametrize(
    "item",
    [
        {"id": {"S": "Zoë"}, "名": {"S": ""}},
        {"n": {"N": "-1.50"}, "b": {"B": "YWI="}, "t": {"BOOL": True}, "nothing": {"NULL": True}},
        {"l": {"L": [{"S": "ä"}, {"M": {"a": {"N": "1"}}}]}, "s": {"SS": ["a", "bc"]}, "ns": {"NS": ["10", "2"]}},
        {"malformed": {"S": 5}, "more": {"S": "a", "N": "1"}, "text": "x", "none": None},
        {},
        None,
    ],
)
def test_an_item_has_the_bytes_that_it_had(item: Any) -> None:
    before = dynamodb._item_size_bytes(item)
    needless_work.apply()
    assert [dynamodb._item_size_bytes(item) for _ in range(2)] == [before, before]


def test_a_policy_is_read_once_and_again_when_it_changes() -> None:
    needless_work.apply()
    policy = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
    [first] = iam_evaluator.parse_policy_document(policy)
    [second] = iam_evaluator.parse_policy_document(policy)
    assert first is second
    [other] = iam_evaluator.parse_policy_document(policy.replace("Get", "Put"))
    assert (first.actions, other.actions) == (["s3:GetObject"], ["s3:PutObject"])
    assert iam_evaluator.parse_policy_document(json.loads(policy)) == [first]

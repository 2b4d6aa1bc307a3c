import json
from typing import Any

import pytest

from scorecast.changes.change import Change, from_detail, from_event, from_record, iso_time, pad_sequence, to_detail
from scorecast.errors import CannotRead
from tests.support.fakes import STREAM_ARN, item, record


def detail_of(image: dict[str, Any]) -> dict[str, Any]:
    return to_detail(from_record(record(item() | image)))


def test_the_detail_of_an_update_holds_both_images_as_plain_json_and_the_changed_names() -> None:
    detail = to_detail(from_record(record(item(score="90"), item(score="60"), sequence=7)))
    assert detail == {
        "schema": "scorecast.change/1",
        "id": "event-7",
        "table": "main",
        "operation": "MODIFY",
        "keys": {"id": "1", "metadata": "StarWar"},
        "new": {"id": "1", "metadata": "StarWar", "userName": "userA", "hackathonName": "StarWar", "projectScore": 90},
        "old": {"id": "1", "metadata": "StarWar", "userName": "userA", "hackathonName": "StarWar", "projectScore": 60},
        "changed": ["projectScore"],
        "sequence": "7".zfill(40),
        "at": "2020-04-15T08:26:16Z",
    }


def test_an_insert_has_no_old_image_and_a_remove_no_new_one() -> None:
    inserted, removed = to_detail(from_record(record(item()))), to_detail(from_record(record(None, item())))
    assert "old" not in inserted
    assert "new" not in removed
    assert inserted["changed"] == removed["changed"] == sorted(item())


@pytest.mark.parametrize(
    ("value", "plain", "hint"),
    [
        ({"N": "60"}, 60, None),
        ({"N": "-0.5"}, -0.5, None),
        ({"N": "123456789012345"}, 123456789012345, None),
        ({"N": "1234567890123456"}, 1234567890123456, {"N": "1234567890123456"}),
        ({"N": "9223372036854775807"}, 2**63 - 1, {"N": "9223372036854775807"}),
        ({"N": "9223372036854775808"}, 2.0**63, {"N": "9223372036854775808"}),
        ({"N": "-9223372036854775808"}, -(2**63), {"N": "-9223372036854775808"}),
        ({"N": "-9223372036854775809"}, -(2.0**63), {"N": "-9223372036854775809"}),
        ({"N": "9" * 38}, 1e38, {"N": "9" * 38}),
        ({"N": "0.1234567890123456789"}, 0.12345678901234568, {"N": "0.1234567890123456789"}),
        ({"N": "1E+125"}, 1e125, {"N": "1E+125"}),
        ({"N": "1.0"}, 1.0, {"N": "1.0"}),
        ({"B": "AAEC"}, "AAEC", "B"),
        ({"SS": ["a", "b"]}, ["a", "b"], "SS"),
        ({"NS": ["1", "2.5"]}, [1, 2.5], "NS"),
        ({"NS": ["1" + "0" * 20]}, [1e20], "NS"),
        ({"BS": ["AAEC"]}, ["AAEC"], "BS"),
        ({"NULL": True}, None, None),
        ({"BOOL": False}, False, None),
        ({"S": ""}, "", None),
        ({"L": []}, [], None),
        ({"M": {}}, {}, None),
    ],
)  # fmt: skip
def test_a_value_is_plain_json_with_a_hint_only_where_json_is_ambiguous(
    value: dict[str, Any], plain: Any, hint: Any
) -> None:
    detail = detail_of({"x": value})
    assert detail["new"]["x"] == plain
    assert type(detail["new"]["x"]) is type(plain)
    assert detail.get("types", {}).get("/new/x") == hint


@pytest.mark.parametrize(("made", "image"), [(record(item()), "OldImage"), (record(None, item()), "NewImage")])
def test_an_empty_image_counts_as_absent(made: dict[str, Any], image: str) -> None:
    """AWS omits an image that is not there; moto until March 2026 and ScyllaDB's Alternator passed an empty one."""
    empty = made | {"dynamodb": made["dynamodb"] | {image: {}}}
    assert from_record(empty) == from_record(made)
    assert image[:3].lower() not in to_detail(from_record(empty))


EXPIRY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


@pytest.mark.parametrize("identity", [EXPIRY, {"Type": EXPIRY["type"], "PrincipalId": EXPIRY["principalId"]}])
def test_an_expired_item_says_that_dynamodb_removed_it(identity: dict[str, str]) -> None:
    """Lambda and GetRecords spell the names differently."""
    change = from_record(record(None, item()) | {"userIdentity": identity})
    detail = to_detail(change)
    assert detail["userIdentity"] == EXPIRY
    assert from_detail(detail, STREAM_ARN) == change


@pytest.mark.parametrize("identity", ["dynamodb", [], {}, {"type": "Service"}, {"type": 5, "principalId": "x"}])
def test_a_malformed_identity_is_refused(identity: Any) -> None:
    with pytest.raises(CannotRead, match="userIdentity"):
        from_record(record(None, item()) | {"userIdentity": identity})


def test_a_change_without_an_identity_has_no_field_for_it() -> None:
    assert "userIdentity" not in to_detail(from_record(record(item()) | {"userIdentity": None}))


def test_hints_point_into_nested_values_with_escaped_names() -> None:
    detail = detail_of({"a/b~c": {"M": {"list": {"L": [{"S": "x"}, {"B": "AAEC"}]}}}})
    assert detail["types"] == {"/new/a~1b~0c/list/1": "B"}


def test_a_double_based_hop_loses_nothing() -> None:
    digits = "12345678901234567890.123456789012345678"
    change = from_record(record(item(score=digits)))
    hopped = json.loads(json.dumps(to_detail(change)))  # like a parser that holds numbers as doubles
    assert from_detail(hopped, STREAM_ARN) == change


def test_another_order_in_a_set_is_not_a_change() -> None:
    new, old = ({"tags": {"M": {"l": {"L": [{"SS": tags}]}}}} for tags in (["a", "b"], ["b", "a"]))
    assert from_record(record(item() | new, item() | old)).changed() == []


def test_a_fraction_of_a_second_is_kept() -> None:
    assert iso_time(1586939176.25) == "2020-04-15T08:26:16.250000Z"


@pytest.mark.parametrize("number", ["", "12a", "1" * 41, "-1", "\uff11"])
def test_an_invalid_sequence_number_is_refused(number: str) -> None:
    with pytest.raises(CannotRead, match="sequence number"):
        pad_sequence(number)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"eventName": "TRUNCATE"}, "eventName"),
        ({"eventID": None}, "eventID"),
        ({"eventSourceARN": "arn:aws:kinesis:us-east-1:1:stream/x"}, "stream's ARN"),
        ({"dynamodb": None}, "dynamodb"),
        ({"dynamodb": {"Keys": {}}}, "Keys"),
        ({"dynamodb": record(item())["dynamodb"] | {"NewImage": ["id"]}}, "NewImage"),
    ],
)
def test_a_malformed_record_is_refused_by_field(broken: dict[str, Any], named: str) -> None:
    with pytest.raises(CannotRead, match=named):
        from_record(record(item()) | broken)


@pytest.mark.parametrize("value", [{"N": "abc"}, {"N": "nan"}, {"S": 5}, {"X": "1"}, {}, "text", {"S": "a", "N": "1"}])
def test_a_malformed_value_in_an_image_is_refused_with_its_pointer(value: Any) -> None:
    with pytest.raises(CannotRead, match="/new/x"):
        detail_of({"x": value})


@pytest.mark.parametrize(
    "broken",
    [
        {"schema": "scorecast.change/2"},
        {"operation": "UPSERT"},
        {"sequence": "x"},
        {"new": [1]},
        {"types": []},
        {"types": {"/new/id": "SS"}},
        {"types": {"/new/id": {"N": 5}}},
        {"types": {"/new/id": {"N": "5", "S": "5"}}},
        {"types": {"/new/id": {"N": "five"}}},
        {"types": {"/new/id": {"N": "1E+126"}}},
        {"new": {"id": 1e-200}},
        {"types": {"/new/id": "M"}},
        {"new": {"id": float("nan")}},
    ],
)
def test_an_event_that_breaks_the_contract_is_refused(broken: dict[str, Any]) -> None:
    detail = to_detail(from_record(record(item()))) | broken
    with pytest.raises(CannotRead):
        from_event({"detail": detail, "resources": [STREAM_ARN]})


@pytest.mark.parametrize("event", [None, [], {}, {"detail": {}}, {"detail": {}, "resources": []}, "text"])
def test_anything_but_an_event_is_refused(event: Any) -> None:
    with pytest.raises(CannotRead):
        from_event(event)


def test_a_change_knows_whether_an_attribute_is_or_was_there() -> None:
    gone: Change = from_record(record(item(score=None), item()))
    assert gone.has("projectScore")
    assert not gone.has("email")

"""An event with a claim keeps the leaderboard's attributes; the claim's document is checked by its hash."""

import json
from typing import Any

import pytest

from scorecast.changes.change import Change, from_event, from_record, to_detail
from scorecast.changes.claim import (
    CHANGED_BYTES,
    KEPT_BYTES,
    claim_for,
    claim_in,
    pack,
    read_kept,
    read_pointer,
    shorten,
    unpack,
)
from scorecast.errors import CannotRead
from scorecast.runtime.settings import AttributeNames
from tests.support.fakes import STREAM_ARN, item, record

CLAIM = claim_for(b"{}", "backup", "main/1")


def change(new: dict[str, Any], old: dict[str, Any] | None = None) -> Change:
    return from_record(record(new, old))


def short(made: Change, **names: Any) -> dict[str, Any]:
    return shorten(made, CLAIM, AttributeNames(**names))


def test_an_event_keeps_the_keys_and_the_leaderboards_attributes() -> None:
    detail = short(change(item() | {"text": {"S": "x"}}, item(score="50")))
    whole = to_detail(change(item(), item(score="50")))
    assert detail == whole | {"changed": ["projectScore", "text"], "images": CLAIM.pointer()}


def test_the_attribute_names_are_those_of_the_stack() -> None:
    new = item() | {"points": {"N": "7"}}
    assert short(change(new), score="points")["new"].keys() == item(score=None).keys() | {"points"}


def test_hints_are_those_of_the_kept_attributes() -> None:
    exact = "12345678901234567890"
    detail = short(change(item(score=exact) | {"photo": {"B": "aGVsbG8="}}))
    assert detail["types"] == {"/new/projectScore": {"N": exact}}


def test_a_missing_image_is_omitted_and_one_without_kept_attributes_is_empty() -> None:
    bare = record(item()) | {"dynamodb": record(item())["dynamodb"] | {"NewImage": {"text": {"S": "x"}}}}
    detail = short(from_record(bare))
    assert detail["new"] == {}
    assert "old" not in detail


@pytest.mark.parametrize(
    "value", [{"S": "x" * KEPT_BYTES}, {"M": {}}, {"L": []}, {"NS": ["1"]}, {"B": "A" * KEPT_BYTES}]
)
def test_attributes_that_the_event_cannot_keep_are_named(value: dict[str, Any]) -> None:
    detail = short(change(item() | {"a/b": value}, item() | {"a/b": {"S": "short"}}), name="a/b")
    assert detail["images"]["leftOut"] == ["/new/a~1b"]
    assert "a/b" not in detail["new"]
    assert detail["old"]["a/b"] == "short"
    assert detail["changed"] == ["a/b"]
    assert read_pointer(detail["images"]).lacks_attributes


def test_changed_keeps_only_the_leaderboards_names_if_there_are_too_many() -> None:
    many = {f"{'x' * 100}{number}": {"N": "1"} for number in range(CHANGED_BYTES // 100)}
    detail = short(change(item(score="60") | many, item(score="50")))
    assert detail["changed"] == ["projectScore"]
    assert detail["images"]["leftOut"] == ["/changed"]
    assert not read_pointer(detail["images"]).lacks_attributes


def test_a_claim_is_named_by_its_document() -> None:
    assert claim_for(b"{}", "backup", "main/1") == CLAIM != claim_for(b"[]", "backup", "main/1")
    assert CLAIM.key == f"images/main/1-{CLAIM.sha256}.json.gz"
    assert (CLAIM.uri, CLAIM.size_bytes) == (f"s3://backup/{CLAIM.key}", 2)
    assert read_pointer(json.loads(json.dumps(CLAIM.pointer()))) == CLAIM


@pytest.mark.parametrize(
    "pointer",
    [
        None,
        [],
        {},
        CLAIM.pointer() | {"key": ""},
        CLAIM.pointer() | {"bytes": "2"},
        CLAIM.pointer() | {"leftOut": "/new"},
        CLAIM.pointer() | {"bucket": "example.org/x"},
        CLAIM.pointer() | {"key": "changes/a"},
        CLAIM.pointer() | {"sha256": "A"},
    ],
)
def test_a_malformed_pointer_is_refused(pointer: Any) -> None:
    with pytest.raises(CannotRead, match="The event's images"):
        claim_in({"detail": {"images": pointer}})


def test_an_event_with_a_claim_is_not_read_as_a_whole_one() -> None:
    event = {"resources": [STREAM_ARN], "detail": short(change(item() | {"text": {"S": "x"}}))}
    with pytest.raises(CannotRead, match="images are in S3"):
        from_event(event)
    assert read_kept(event) == change(item())


def test_an_event_without_a_claim_is_read_unchanged() -> None:
    event = {"resources": [STREAM_ARN], "detail": to_detail(change(item()))}
    assert claim_in(event) is None
    assert read_kept(event) == change(item())


@pytest.mark.parametrize("body", [pack(b"{}"), b"{}"])
def test_an_object_is_read_zipped_or_not(body: bytes) -> None:
    assert unpack(CLAIM, body) == {}


def test_a_document_that_is_not_json_is_refused_by_name() -> None:
    with pytest.raises(CannotRead, match=r"s3://backup/images/a-.* is not JSON"):
        unpack(claim_for(b"{", "backup", "a"), b"{")


@pytest.mark.parametrize("body", [b"", b"[]", pack(b"[]"), pack(b"{}")[:-4], b"\x1f\x8bnonsense"])
def test_an_object_whose_hash_differs_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(CannotRead, match=CLAIM.uri):
        unpack(CLAIM, body)


def test_the_same_document_makes_the_same_object() -> None:
    assert pack(b"x" * 1000) == pack(b"x" * 1000)

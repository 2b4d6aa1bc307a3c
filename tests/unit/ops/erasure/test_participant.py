"""Whether a document is about a participant: only the id attribute of its item decides."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scorecast.changes.change import from_record, to_detail
from scorecast.ops.erasure.participant import Participant
from tests.support.fakes import item, record

ONE = Participant("1", "id")


def detail(**images: Any) -> dict[str, Any]:
    return {"schema": "scorecast.change/1", "keys": {"id": "1", "metadata": "StarWar"}} | images


def test_a_record_an_event_and_its_detail_are_about_the_participant_of_their_item() -> None:
    made = record(item("1"), item("1", score="7"))
    whole = to_detail(from_record(made))
    for document in (made, whole, {"detail": whole, "resources": ["arn"]}):
        assert ONE.is_in(document)
        assert not Participant("10", "id").is_in(document)
        assert not Participant("StarWar", "id").is_in(document)


@pytest.mark.parametrize("participant", ["10", "01", " 1", "1 ", "", "11"])
def test_an_id_that_contains_another_is_another(participant: str) -> None:
    assert not ONE.is_in(to_detail(from_record(record(item(participant or "x")))))


def test_the_same_text_in_another_attribute_or_deeper_is_not_the_participants() -> None:
    other = {"keys": {"id": "2", "metadata": "1"}, "new": {"id": "2", "name": "1", "friend": {"id": "1"}}}
    assert not ONE.is_in(other | {"id": "1", "changed": ["1"], "sequence": "1"})
    friend = {"friend": {"M": {"id": {"S": "1"}}}, "best": {"S": "1"}}
    assert not ONE.is_in(record(item("2") | friend))


@pytest.mark.parametrize("image", ["new", "old"])
def test_an_item_whose_id_is_not_its_key_counts_by_either_image(image: str) -> None:
    keys = {"pk": "x"}
    assert ONE.is_in({"keys": keys, image: {"pk": "x", "id": "1"}})
    images = {"Keys": {"pk": {"S": "x"}}, f"{image.capitalize()}Image": {"id": {"S": "1"}}}
    assert ONE.is_in({"eventName": "MODIFY", "dynamodb": images})


def test_an_id_that_is_a_number_is_compared_by_its_digits() -> None:
    long = "12345678901234567890123"
    made = record({"id": {"N": long}, "metadata": {"S": "b"}})
    assert Participant(long, "id").is_in(made)
    assert Participant(long, "id").is_in(to_detail(from_record(made)))
    assert Participant("7", "id").is_in(detail(keys={"id": 7}))


def test_binary_data_that_looks_like_the_id_is_not_it() -> None:
    assert not Participant("MQ==", "id").is_in(detail(keys={"id": "MQ=="}, types={"/keys/id": "B"}))
    assert not Participant("MQ==", "id").is_in(record({"id": {"B": "MQ=="}, "metadata": {"S": "b"}}))


def test_the_attribute_may_have_any_name() -> None:
    who = Participant("1", "a/b~c")
    assert who.is_in({"keys": {"a/b~c": 1}, "types": {"/keys/a~1b~0c": {"N": "1"}}})
    assert not who.is_in({"keys": {"id": "1"}})


@pytest.mark.parametrize("name", ["participant", "previousLeader"])
def test_a_standing_event_is_about_those_that_it_names(name: str) -> None:
    standing = {"schema": "scorecast.standing/1", "id": "9", name: {"id": "1", "projectScore": 60}}
    assert ONE.is_in({"detail": standing})
    assert not Participant("9", "id").is_in({"detail": standing})


@pytest.mark.parametrize("document", [None, [], "1", {}, {"detail": None}, {"dynamodb": []}, {"keys": ["1"]}])
def test_what_has_no_item_is_about_nobody(document: Any) -> None:
    assert not ONE.is_in(document)


@given(
    st.text(min_size=1),
    st.sampled_from(["S", "N"]),
    st.booleans(),
    st.one_of(st.text(), st.integers().map(str), st.decimals(allow_nan=False, allow_infinity=False).map(str)),
)
@example("é", "S", True, "é")
@example('"', "S", False, '"')
@example("x", "N", False, "0.00001")
@example("x", "N", False, "12345678901234567890")
def test_a_text_that_is_not_read_is_about_others(other: str, kind: str, is_ascii: bool, participant: str) -> None:
    value = participant if kind == "S" or re.fullmatch(r"-?\d+(\.\d+)?", participant) else "7"
    document = to_detail(from_record(record(item(other) | {"id": {kind: value}})))
    text = json.dumps(document, ensure_ascii=is_ascii)
    for who in (Participant(participant, "id"), Participant(value, "id"), Participant(other, "id")):
        assert who.may_be_in(text) or not who.is_in(document)


def test_an_object_without_the_id_is_not_read() -> None:
    for text in ('{"keys": {"id": "1"}}', '{"keys": {"id": "142", "at": "42-1"}, "score": 421, "digits": [1, 0.42]}'):
        assert not Participant("42", "id").may_be_in(text)
    for text in ('{"id":42}', '{"id": 42}', '{"id": 42.0, "a": 1}', '{"id": "42"}'):
        assert Participant("42", "id").may_be_in(text)
    assert not Participant("Zoe", "id").may_be_in('{"keys": {"id": "1"}}')
    assert Participant("4.2", "id").may_be_in('{"keys": {"id": "1"}}')

"""Whom a dead letter is about, in every format."""

import gzip
import json
from typing import Any

import pytest

from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim import claim_for, pack
from scorecast.changes.claim_store import ClaimStore
from scorecast.ops.dead_letters.formats import read_letter
from scorecast.ops.erasure.letters import About, ParticipantLetters
from scorecast.ops.erasure.participant import Participant
from tests.support.erasure_system import batch_of
from tests.support.fakes import FakeObjects, item, record
from tests.support.ops_fakes import QUEUE
from tests.support.recovery_fakes import (
    STORED_BATCH,
    change,
    delivery_attributes,
    envelope,
    event,
    invocation_letter,
    message,
    stored_batch_letter,
    stream_letter,
)

STANDING = {"schema": "scorecast.standing/1", "participant": {"id": "1"}, "previousLeader": {"id": "2"}}


@pytest.fixture
def s3() -> FakeObjects:
    return FakeObjects()


def about(s3: FakeObjects, body: str, participant: str = "1", attributes: dict[str, str] | None = None) -> About:
    letters = ParticipantLetters(ClaimStore(lambda: s3), Participant(participant, "id"))
    return letters.about(read_letter(message(body, attributes)).content)


def of(*participants: str) -> dict[str, Any]:
    return {"Records": [record(item(one)) for one in participants]}


LETTERS: dict[str, tuple[str, dict[str, str] | None]] = {
    "a change that the bus refused": (envelope("fanout", change()), None),
    "a change that cannot be applied": (envelope("standings", change()), None),
    "a record that cannot be read": (envelope("fanout", None, record=record(item("1"), eventName="?")), None),
    "a message that cannot be read": (envelope("standings", None, record=event(change())), None),
    "a message of the queue": (event(change()), None),
    "a failed delivery": (event(change()), delivery_attributes(QUEUE)),
    "a standing event": (json.dumps({"resources": [], "detail": STANDING}), delivery_attributes(QUEUE)),
    "a failed invocation": (invocation_letter(json.loads(event(change()))), None),
    "a failed invocation with a batch": (invocation_letter(of("1", "1")), None),
    "a failed invocation with messages": (invocation_letter({"Records": [{"body": event(change())}]}), None),
    "a text of its own": (event(change()).replace('"resources"', '"of"'), None),
}


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_is_about_the_participant_of_its_change(s3: FakeObjects, name: str) -> None:
    body, attributes = LETTERS[name]
    assert about(s3, body, attributes=attributes) is About.PARTICIPANT
    assert about(s3, body, "10", attributes) is About.OTHERS
    assert about(s3, body, "StarWar", attributes) is About.OTHERS


def test_a_letter_about_several_participants_is_shared(s3: FakeObjects) -> None:
    assert about(s3, invocation_letter(of("1", "2"))) is About.SHARED
    assert about(s3, invocation_letter(of("1", "2")), "3") is About.OTHERS


def test_a_letter_that_names_a_batch_goes_only_with_the_last_record(s3: FakeObjects) -> None:
    s3.objects[STORED_BATCH] = batch_of(*of("1", "2")["Records"])
    assert about(s3, stored_batch_letter()) is About.OTHERS
    s3.objects[STORED_BATCH] = batch_of(*of("1", "1")["Records"])
    assert about(s3, stored_batch_letter()) is About.PARTICIPANT


def test_a_letter_with_a_place_in_the_stream_holds_nothing(s3: FakeObjects) -> None:
    assert about(s3, stream_letter()) is About.OTHERS


def test_a_claims_images_are_not_needed_but_those_of_an_unreadable_record_are(s3: FakeObjects) -> None:
    detail = to_detail(from_record(record(item("1"))))
    claim = claim_for(json.dumps(detail).encode(), "backup", "main/1")
    assert about(s3, envelope("fanout", None, change=detail | {"images": claim.pointer()})) is About.PARTICIPANT
    whole = json.dumps(record(item("1"))).encode()
    claim = claim_for(whole, "backup", "unreadable/record")
    body = envelope("fanout", None, images=claim.pointer())
    assert about(s3, body) is About.UNKNOWN
    s3.objects[claim.key] = pack(whole)
    assert about(s3, body) is About.PARTICIPANT
    assert about(s3, body, "2") is About.OTHERS
    assert gzip.decompress(s3.objects[claim.key]) == whole


@pytest.mark.parametrize("body", ["hello", "{", stored_batch_letter()])
def test_a_letter_that_cannot_be_read_is_unknown(s3: FakeObjects, body: str) -> None:
    assert about(s3, body) is About.UNKNOWN

"""A letter's images are fetched from where its claim says, whoever parked it."""

import json

import pytest

from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim import claim_for
from scorecast.changes.claim_store import ClaimStore
from scorecast.errors import CannotRead
from scorecast.fanout.plan import publication_of
from scorecast.ops.dead_letters.images import with_images
from scorecast.ops.dead_letters.letters import (
    ParkedBatch,
    ParkedChange,
    ParkedDelivery,
    ParkedInvocation,
    ParkedMessage,
    ParkedRecord,
    ParkedText,
)
from tests.support.fakes import BUS, STREAM_ARN, FakeObjects, item, record

CHANGE = from_record(record(item() | {"text": {"S": "x" * 300_000}}))
MADE = publication_of(CHANGE, BUS)
SHORT, WHOLE = json.loads(MADE.entry["Detail"]), to_detail(CHANGE)
RECORD = claim_for(b'{"eventName":"TRUNCATE"}', "backup", "unreadable/record")


def event(detail: dict) -> dict:
    return {"resources": [STREAM_ARN], "detail": detail}


@pytest.fixture
def claims() -> ClaimStore:
    s3 = FakeObjects()
    claims = ClaimStore(lambda: s3)
    assert MADE.claim
    claims.put(MADE.claim, MADE.document)
    claims.put(RECORD, b'{"eventName":"TRUNCATE"}')
    return claims


@pytest.mark.parametrize(("content", "whole"), [
    (ParkedChange(SHORT, STREAM_ARN), ParkedChange(WHOLE, STREAM_ARN)),
    (ParkedRecord(None, RECORD.pointer()), ParkedRecord({"eventName": "TRUNCATE"})),
    (ParkedInvocation("function", event(SHORT)), ParkedInvocation("function", event(WHOLE))),
    (ParkedMessage(json.dumps(event(SHORT))), ParkedMessage(json.dumps(event(WHOLE)))),
    (ParkedDelivery("rule", "to", json.dumps(event(SHORT))), ParkedDelivery("rule", "to", json.dumps(event(WHOLE)))),
])  # fmt: skip
def test_images_come_in_place_of_a_claim(claims: ClaimStore, content, whole) -> None:
    assert with_images(content, claims) == whole
    assert with_images(whole, claims) == whole


@pytest.mark.parametrize("content", [
    ParkedText("no JSON"), ParkedMessage("{"), ParkedMessage("[1]"), ParkedRecord("no record"),
    ParkedInvocation("function", "text"), ParkedBatch(STREAM_ARN, "shard", "1", "2", 2),
])  # fmt: skip
def test_what_carries_no_claim_stays_as_it_is(claims: ClaimStore, content) -> None:
    assert with_images(content, claims) == content


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(CannotRead, match=r"s3://backup/images/unreadable/record-.* \(NoSuchKey\)"):
        with_images(ParkedRecord(None, RECORD.pointer()), ClaimStore(FakeObjects))

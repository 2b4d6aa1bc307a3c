"""The images of a letter are fetched from S3 by its claim, in every format of letter."""

import json
from typing import Any

import pytest

from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim import claim_for
from scorecast.changes.claim_store import ClaimStore
from scorecast.errors import CannotRead
from scorecast.fanout.plan import publication_of
from scorecast.ops.dead_letters.images import with_images
from scorecast.ops.dead_letters.letters import (
    Content,
    ParkedBatch,
    ParkedChange,
    ParkedDelivery,
    ParkedInvocation,
    ParkedMessage,
    ParkedRecord,
    ParkedText,
    StoredBatch,
)
from tests.support.fakes import BUS, STREAM_ARN, FakeObjects, item, record
from tests.support.recovery_fakes import STORED_BATCH, stored_batch

CHANGE = from_record(record(item() | {"text": {"S": "x" * 300_000}}))
MADE = publication_of(CHANGE, BUS)
SHORT, WHOLE = json.loads(MADE.entry["Detail"]), to_detail(CHANGE)
RECORD = claim_for(b'{"eventName":"TRUNCATE"}', "backup", "unreadable/record")


def event(detail: dict[str, Any]) -> dict[str, Any]:
    return {"resources": [STREAM_ARN], "detail": detail}


@pytest.fixture
def claims() -> ClaimStore:
    s3 = FakeObjects()
    claims = ClaimStore(lambda: s3)
    assert MADE.claim
    claims.put(MADE.claim, MADE.document)
    claims.put(RECORD, b'{"eventName":"TRUNCATE"}')
    s3.objects[STORED_BATCH] = stored_batch('{"Records":[{"eventName":"INSERT"}]}')
    return claims


@pytest.mark.parametrize(("content", "whole"), [
    (ParkedChange(SHORT, STREAM_ARN), ParkedChange(WHOLE, STREAM_ARN)),
    (ParkedRecord(None, RECORD.pointer()), ParkedRecord({"eventName": "TRUNCATE"})),
    (ParkedInvocation("function", event(SHORT)), ParkedInvocation("function", event(WHOLE))),
    (ParkedMessage(json.dumps(event(SHORT))), ParkedMessage(json.dumps(event(WHOLE)))),
    (StoredBatch("backup", STORED_BATCH, 9), StoredBatch("backup", STORED_BATCH, 9, [{"eventName": "INSERT"}])),
    (ParkedDelivery("rule", "to", json.dumps(event(SHORT))), ParkedDelivery("rule", "to", json.dumps(event(WHOLE)))),
])  # fmt: skip
def test_images_replace_a_claim(claims: ClaimStore, content: Content, whole: Content) -> None:
    assert with_images(content, claims) == whole
    assert with_images(whole, claims) == whole


@pytest.mark.parametrize("content", [
    ParkedText("no JSON"), ParkedMessage("{"), ParkedMessage("[1]"), ParkedRecord("no record"),
    ParkedInvocation("function", "text"), ParkedBatch(STREAM_ARN, "shard", "1", "2", 2),
])  # fmt: skip
def test_a_letter_without_a_claim_is_unchanged(claims: ClaimStore, content: Content) -> None:
    assert with_images(content, claims) == content


def test_missing_images_are_named() -> None:
    with pytest.raises(CannotRead, match=r"s3://backup/images/unreadable/record-.* \(NoSuchKey\)"):
        with_images(ParkedRecord(None, RECORD.pointer()), ClaimStore(FakeObjects))

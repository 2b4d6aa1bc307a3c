"""A consumer resolves an event with a claim, or gets an error that names the object."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim import claim_in, pack
from scorecast.changes.claim_store import ClaimStore, resolve
from scorecast.errors import CannotRead, NotAcknowledged
from scorecast.fanout.plan import Publication, publication_of
from tests.support.fakes import BUS, STREAM_ARN, FakeObjects, client_error, item, record

CONSUMERS = Path(__file__).parents[3] / "docs" / "consumers.md"
CHANGE = from_record(record(item() | {"text": {"S": "x" * 300_000}}))


@pytest.fixture
def s3() -> FakeObjects:
    return FakeObjects()


def leave(s3: FakeObjects, made: Publication) -> dict[str, Any]:
    """Put the document, and return the event."""
    assert made.claim
    ClaimStore(lambda: s3).put(made.claim, made.document)
    return {"source": "update.aws.dynamodb", "resources": [STREAM_ARN], "detail": json.loads(made.entry["Detail"])}


def test_a_resolved_event_equals_the_event_without_a_claim(s3: FakeObjects) -> None:
    event = leave(s3, publication_of(CHANGE, BUS))
    assert resolve(event, s3) == event | {"detail": to_detail(CHANGE)}


def test_an_event_that_carries_its_images_needs_no_s3(s3: FakeObjects) -> None:
    event = {"resources": [STREAM_ARN], "detail": to_detail(from_record(record(item())))}
    assert resolve(event, s3) is event
    assert s3.read == []


def test_images_can_be_read_from_a_copy_of_the_backup(s3: FakeObjects) -> None:
    event = leave(s3, publication_of(CHANGE, replace(BUS, bucket="of-old")))
    asked: list[str] = []

    class Copy:
        def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
            asked.append(Bucket)
            return s3.get_object(Bucket=Bucket, Key=Key)

    assert resolve(event, Copy(), "copy")["detail"] == to_detail(CHANGE)  # type: ignore[arg-type]
    assert asked == ["copy"]


@pytest.mark.parametrize("refusal", [None, client_error("AccessDenied", 403)])
def test_a_missing_or_forbidden_document_is_named(s3: FakeObjects, refusal: ClientError | None) -> None:
    event = leave(s3, publication_of(CHANGE, BUS))
    s3.objects.clear()
    s3.refuse = lambda _: refusal
    with pytest.raises(CannotRead, match=r"s3://backup/images/main/.* cannot be read \((NoSuchKey|AccessDenied)\)"):
        resolve(event, s3)


@pytest.mark.parametrize("trouble", [client_error("SlowDown", 503), ConnectTimeoutError(endpoint_url="https://s3")])
def test_a_transient_error_asks_for_another_attempt(s3: FakeObjects, trouble: Any) -> None:
    made = publication_of(CHANGE, BUS)
    event = leave(s3, made)
    s3.refuse = lambda _: trouble
    with pytest.raises(NotAcknowledged, match="s3://backup/images/main/"):
        resolve(event, s3)
    with pytest.raises(NotAcknowledged, match="S3 did not accept s3://backup/images/main/"):
        ClaimStore(lambda: s3).put(made.claim, made.document)  # type: ignore[arg-type]


def test_images_of_another_change_are_refused(s3: FakeObjects) -> None:
    event = leave(s3, publication_of(CHANGE, BUS))
    event["detail"]["id"] = "another"
    with pytest.raises(CannotRead, match="belongs to another change than 'another'"):
        resolve(event, s3)


def test_s3_is_not_connected_before_the_first_claim(s3: FakeObjects) -> None:
    connected: list[FakeObjects] = []

    def connect() -> FakeObjects:
        connected.append(s3)
        return s3

    claims = ClaimStore(connect)
    claims.read({"resources": [STREAM_ARN], "detail": to_detail(from_record(record(item())))})
    event = leave(s3, publication_of(CHANGE, BUS))
    assert claims.read(event).new == item()
    assert connected == []
    assert claim_in(claims.resolve(event)) is None
    assert connected


def test_the_lines_of_the_documentation_do_the_same(s3: FakeObjects) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", CONSUMERS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    [lines] = [block for block in blocks if "def detail_of" in block]
    documented: dict[str, Any] = {}
    exec(lines, documented)
    event = leave(s3, publication_of(CHANGE, BUS))
    assert documented["detail_of"](event, s3) == to_detail(CHANGE)
    assert documented["detail_of"]({"detail": to_detail(CHANGE)}, s3) == to_detail(CHANGE)
    s3.objects.update(dict.fromkeys(s3.objects, pack(b"{}")))
    with pytest.raises(ValueError, match=r"s3://backup/images/main/.* is not the document that the event names"):
        documented["detail_of"](event, s3)

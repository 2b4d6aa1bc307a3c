"""ConsumerLambda and changes that were too large for the bus."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from scorecast.fanout.plan import read_publication
from scorecast.leaderboard.item import NAME_CHARACTERS
from tests.support.consumer_system import System, event
from tests.support.fakes import BUS, STREAM_ARN, client_error, item, record


@pytest.fixture
def system() -> System:
    return System()


def claimed(system: System, image: dict[str, Any], sequence: int = 1) -> str:
    """An event too large for the bus, with its images in S3."""
    publication = read_publication(record(image | {"text": {"S": "x" * 300_000}}, None, sequence), BUS)
    assert publication.claim
    system.s3.objects[publication.claim.key] = publication.document
    event = {"resources": [STREAM_ARN], "detail": json.loads(publication.entry["Detail"])}
    return json.dumps(event)


def test_a_large_change_is_applied_without_its_images(system: System) -> None:
    system.process(claimed(system, item()))
    assert system.table.scores == {("1", "StarWar"): "60"}
    assert system.s3.read == []


def test_an_attribute_that_the_event_lacks_is_fetched(system: System) -> None:
    system.process(claimed(system, item(name="x" * 5000)))
    [entry] = system.table.items.values()
    assert entry["userName"] == {"S": "x" * NAME_CHARACTERS}
    assert len(system.s3.read) == 1


def test_while_s3_is_busy_the_change_is_retried_and_blocks_no_other(system: System) -> None:
    system.s3.refuse = lambda _: client_error("SlowDown", 503)
    outcome = system.process(claimed(system, item(name="x" * 5000)), event(item("2"), sequence=2))
    assert outcome.retry_ids == ["0"]
    assert system.table.scores == {("2", "StarWar"): "60"}


@pytest.mark.parametrize("spoil", [lambda s3: s3.clear(), lambda s3: s3.update(dict.fromkeys(s3, b"{}"))])
def test_a_change_with_lost_images_is_a_dead_letter_that_names_them(
    system: System, spoil: Callable[[dict[str, bytes]], None]
) -> None:
    body = claimed(system, item(name="x" * 5000))
    spoil(system.s3.objects)
    assert system.process(body).retry_ids == []
    [letter] = system.queue.messages
    assert (letter["errorCode"], letter["record"]) == ("CannotRead", body)
    assert "s3://backup/images/main/" in letter["reason"]


def test_a_large_change_that_cannot_be_applied_is_parked_with_its_claim(system: System) -> None:
    body = claimed(system, item() | {"projectScore": {"S": "many"}})
    system.process(body)
    [letter] = system.queue.messages
    assert letter["errorCode"] == "CannotApply"
    assert letter["change"] == json.loads(body)["detail"]

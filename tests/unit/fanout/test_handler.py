import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from scorecast.changes.change import from_detail, from_event, from_record
from scorecast.changes.claim import read_pointer
from scorecast.changes.claim_store import ClaimStore, resolve
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.errors import CannotRead, NotAcknowledged
from scorecast.fanout import handler
from scorecast.fanout.handler import Fanout
from scorecast.fanout.publish import RESERVE_S, Publisher
from scorecast.runtime.settings import FanoutSettings
from tests.support.fakes import BUS, STREAM_ARN, FakeEvents, FakeObjects, FakeSqs, client_error, item, record

# Error codes of the bus that are about the entry, and those that are not.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
REFUSED = "MalformedDetail"
BUSY_CODES = ("ThrottlingException", "InternalFailure", "InternalException", "ServiceUnavailable")
SETTINGS = FanoutSettings(BUS, "queue", 4)


class System:
    """The function with a bus, a queue and a clock that pauses advance."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.bus, self.queue, self.s3, self.left_s = FakeEvents(), FakeSqs(), FakeObjects(), 60.0
        claims = ClaimStore(lambda: self.s3)
        publisher = Publisher(self.bus, claims, executor, SETTINGS.max_attempts, self.pause, lambda: 1.0)
        self.fanout = Fanout(SETTINGS, publisher, DeadLetterQueue(self.queue, "queue"))

    def pause(self, seconds: float) -> None:
        self.left_s -= seconds

    def run(self, records: list[Any]) -> dict[str, int]:
        return self.fanout.run(records, lambda: self.left_s)


@pytest.fixture
def system() -> Iterator[System]:
    with ThreadPoolExecutor(4) as executor:
        yield System(executor)


def records(count: int) -> list[dict[str, Any]]:
    return [record(item(str(at)), sequence=at) for at in range(count)]


def test_every_record_is_published_once(system: System) -> None:
    assert system.run(records(25)) == {"records": 25, "published": 25, "parked": 0}
    assert sorted(detail["id"] for detail in system.bus.details) == sorted(f"event-{at}" for at in range(25))
    assert system.queue.messages == []


def test_only_the_failed_entries_are_sent_again(system: System) -> None:
    failing = {"3", "7"}
    system.bus.refuse_entry = lambda entry: _fail_once(failing, entry)
    assert system.run(records(10))["published"] == 10
    assert [len(call) for call in system.bus.calls] == [10, 2]


def _fail_once(failing: set[str], entry: dict[str, Any]) -> str | None:
    participant = entry["Detail"].split('"id":"')[2].split('"')[0]
    if participant in failing:
        failing.remove(participant)
        return "ThrottlingException"
    return None


def test_a_change_refused_at_every_attempt_is_parked_whole_with_the_reason(system: System) -> None:
    system.bus.refuse_entry = lambda entry: REFUSED if '"event-2"' in entry["Detail"] else None
    assert system.run(records(5)) == {"records": 5, "published": 4, "parked": 1}
    [letter] = system.queue.messages
    assert letter["stage"] == "fanout"
    assert (letter["errorCode"], letter["reason"], letter["attempts"]) == (REFUSED, "as told", 4)
    assert letter["changeId"] == letter["change"]["id"] == "event-2"
    assert letter["change"]["new"]["projectScore"] == 60
    assert letter["firstAt"] <= letter["lastAt"]


def test_a_call_that_fails_counts_as_an_attempt_of_its_entries(system: System) -> None:
    system.bus.refuse_call = lambda _: client_error("ValidationException")
    assert system.run(records(3))["parked"] == 3
    assert len(system.bus.calls) == 4 * 4  # each refused call is followed by one for each entry


def test_an_entry_that_makes_aws_reject_the_call_does_not_fail_the_others(system: System) -> None:
    def reject(entries: list[dict[str, Any]]) -> ClientError | None:
        return client_error("ValidationException") if any('"event-4"' in one["Detail"] for one in entries) else None

    system.bus.refuse_call = reject
    assert system.run(records(10)) == {"records": 10, "published": 9, "parked": 1}
    assert len(system.bus.taken) == 9


def test_a_later_change_of_an_item_is_not_sent_before_the_earlier_one_is_settled(system: System) -> None:
    busy = iter([True, True, False])
    system.bus.refuse_entry = lambda entry: "Busy" if '"event-1"' in entry["Detail"] and next(busy) else None
    system.run([record(item("a"), sequence=1), record(item("b"), sequence=2), record(item("a"), item("a"), sequence=3)])
    order = [detail["id"] for detail in system.bus.details]
    assert order.index("event-1") < order.index("event-3")


def test_an_unreadable_record_is_parked_unchanged_and_the_others_are_published(system: System) -> None:
    broken = record(item()) | {"eventName": "TRUNCATE"}
    assert system.run([broken, *records(2), "no record"]) == {"records": 4, "published": 2, "parked": 2}
    first, second = system.queue.messages
    assert (first["errorCode"], first["record"]) == ("CannotRead", broken)
    assert second["record"] == "no record"


def test_a_dead_letter_queue_that_refuses_leaves_the_batch_unacknowledged(system: System) -> None:
    system.bus.refuse_entry = lambda _: REFUSED
    system.queue.refuses = True
    with pytest.raises(NotAcknowledged, match="refused 3 of 3"):
        system.run(records(3))


@pytest.mark.parametrize("code", BUSY_CODES)
def test_a_busy_bus_is_asked_until_the_time_runs_out_and_nothing_is_parked(system: System, code: str) -> None:
    system.bus.refuse_entry = lambda _: code
    with pytest.raises(NotAcknowledged, match="Time ran out with 3 changes"):
        system.run(records(3))
    assert len(system.bus.calls) > 2 * SETTINGS.max_attempts
    assert system.queue.messages == []
    assert system.left_s >= RESERVE_S


BUSY_CALLS = [
    client_error("ThrottlingException"),
    client_error("InternalException", 500),
    client_error("ServiceUnavailable", 503),
    client_error("TooManyRequestsException", 429),
    ReadTimeoutError(endpoint_url="https://events"),
    EndpointConnectionError(endpoint_url="https://events"),
]


@pytest.mark.parametrize("error", BUSY_CALLS, ids=lambda error: type(error).__name__ + str(error)[:60])
def test_a_call_that_fails_for_a_busy_bus_is_no_refusal_of_its_entries(system: System, error: Exception) -> None:
    answers = iter([error] * 2 * SETTINGS.max_attempts)
    system.bus.refuse_call = lambda _: next(answers, None)
    assert system.run(records(3)) == {"records": 3, "published": 3, "parked": 0}
    assert len(system.bus.calls) == 2 * SETTINGS.max_attempts + 1


def test_a_busy_bus_between_refusals_does_not_count(system: System) -> None:
    codes = iter([REFUSED, "ThrottlingException"] * 10)
    system.bus.refuse_entry = lambda _: next(codes)
    assert system.run(records(1))["parked"] == 1
    [letter] = system.queue.messages
    assert (letter["errorCode"], letter["attempts"]) == (REFUSED, 4)
    assert len(system.bus.calls) == 7


def test_a_refused_entry_is_given_up_while_the_bus_is_busy_for_others(system: System) -> None:
    busy = iter(["ThrottlingException"] * 6)
    system.bus.refuse_entry = lambda entry: REFUSED if '"event-0"' in entry["Detail"] else next(busy, None)
    assert system.run(records(2)) == {"records": 2, "published": 1, "parked": 1}


def test_a_busy_s3_is_asked_until_the_time_runs_out_and_nothing_is_parked(system: System) -> None:
    system.s3.refuse = lambda _: client_error("SlowDown", 503)
    with pytest.raises(NotAcknowledged, match="Time ran out with 1 changes"):
        system.run([large(), *records(2)])
    assert system.queue.messages == []


def test_running_out_of_time_before_the_attempts_leaves_the_batch_unacknowledged(system: System) -> None:
    system.bus.refuse_entry = lambda _: REFUSED
    system.left_s = RESERVE_S + 0.2
    with pytest.raises(NotAcknowledged, match="Time ran out with 3 changes"):
        system.run(records(3))
    assert system.queue.messages == []


def test_dead_letters_are_cut_into_batches_that_the_queue_accepts(system: System) -> None:
    system.bus.refuse_entry = lambda _: REFUSED
    system.run([record(item(str(at), name="x" * 150_000), sequence=at) for at in range(12)])
    assert system.queue.batch_sizes == [6, 6]
    assert len(system.queue.messages) == 12


def test_the_handler_answers_with_the_counts(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "fanout", lambda: system.fanout)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    assert handler.handle({"Records": records(2)}, context) == {"records": 2, "published": 2, "parked": 0}


@pytest.mark.parametrize("event", [{}, [], None, {"Records": "no"}])
def test_the_handler_names_the_event_that_it_reads(event: Any) -> None:
    with pytest.raises(CannotRead, match="a batch of a DynamoDB stream"):
        handler.handle(event, None)


# ---------------------------------------------------------------- changes too large for the bus


def large(sequence: int = 100, size: int = 300_000) -> dict[str, Any]:
    new, old = (item("large", score=score) | {"text": {"S": score * (size // 2)}} for score in ("60", "50"))
    return record(new, old, sequence)


def test_a_change_too_large_for_the_bus_is_published_with_a_claim(system: System) -> None:
    assert system.run([large(), *records(2)]) == {"records": 3, "published": 3, "parked": 0}
    [detail] = [one for one in system.bus.details if "images" in one]
    assert (detail["id"], detail["new"]["projectScore"], detail["changed"]) == (
        "event-100",
        60,
        ["projectScore", "text"],
    )
    assert list(system.s3.objects) == [detail["images"]["key"]]
    event = {"detail": detail, "resources": [STREAM_ARN]}
    assert from_event(resolve(event, system.s3)) == from_record(large())


def test_an_object_is_there_before_its_event(system: System) -> None:
    missing: list[str] = []
    system.bus.refuse_entry = lambda entry: missing.extend(
        {json.loads(entry["Detail"])["images"]["key"]} - system.s3.objects.keys()
    )
    system.run([large(1), large(2)])
    assert missing == []
    assert len(system.bus.taken) == len(system.s3.objects) == 2


def test_the_same_change_delivered_again_is_the_same_object(system: System) -> None:
    system.run([large()])
    body = dict(system.s3.objects)
    system.run([large()])
    assert system.s3.objects == body


def test_a_busy_s3_is_retried_and_blocks_no_other_change(system: System) -> None:
    busy = iter([client_error("SlowDown", 503), None])
    system.s3.refuse = lambda _: next(busy)
    assert system.run([large(), *records(2)])["published"] == 3
    assert [len(call) for call in system.bus.calls] == [2, 1]


def test_images_that_s3_refuses_are_parked_whole_while_a_message_has_room(system: System) -> None:
    system.s3.refuse = lambda _: client_error("AccessDenied", 403)
    assert system.run([large(), *records(2)]) == {"records": 3, "published": 2, "parked": 1}
    [letter] = system.queue.messages
    assert (letter["errorCode"], letter["attempts"]) == ("ImagesNotStored", 4)
    assert "s3://backup/images/main/" in letter["reason"]
    assert "AccessDenied" in letter["reason"]
    assert from_detail(letter["change"], STREAM_ARN) == from_record(large())


def test_a_large_change_that_the_bus_refuses_is_parked_with_its_claim(system: System) -> None:
    system.bus.refuse_entry = lambda _: REFUSED
    assert system.run([large(size=600_000)])["parked"] == 1
    [letter] = system.queue.messages
    assert letter["errorCode"] == REFUSED
    assert len(json.dumps(letter)) < 5000
    event = {"detail": letter["change"], "resources": [letter["streamArn"]]}
    assert from_event(resolve(event, system.s3)) == from_record(large(size=600_000))


def test_a_large_record_that_cannot_be_read_is_parked_with_a_claim(system: System) -> None:
    broken = large(size=600_000) | {"eventName": "TRUNCATE"}
    assert system.run([broken, *records(1)]) == {"records": 2, "published": 1, "parked": 1}
    [letter] = system.queue.messages
    assert (letter["errorCode"], letter.get("record")) == ("CannotRead", None)
    assert ClaimStore(lambda: system.s3).fetch(read_pointer(letter["images"])) == broken


def test_a_reason_does_not_quote_a_whole_item(system: System) -> None:
    system.run([record(item() | {"text": {"S": ["x" * 300_000]}})])
    [letter] = system.queue.messages
    assert "/new/text is not a DynamoDB value" in letter["reason"]
    assert len(letter["reason"]) == 1000


def test_a_record_that_cannot_be_parked_leaves_the_batch_unacknowledged(system: System) -> None:
    system.s3.refuse = lambda _: client_error("AccessDenied", 403)
    with pytest.raises(NotAcknowledged, match="s3://backup/images/unreadable/record-"):
        system.run([large(size=600_000) | {"eventName": "TRUNCATE"}])

"""A change has one id, from the stream's record to the entry: the log lines of both functions about it show that id."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.fanout.handler import Fanout
from scorecast.fanout.publish import Publisher
from scorecast.runtime.settings import FanoutSettings
from tests.support.consumer_system import System, event
from tests.support.fakes import BUS, STREAM_ARN, FakeEvents, FakeObjects, FakeSqs, item, record

ID = "7de3041dd709b024af6f29e4fa13d34c"


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.INFO]


def publish(record: dict[str, Any], bus: FakeEvents) -> None:
    with ThreadPoolExecutor(1) as executor:
        publisher = Publisher(bus, ClaimStore(FakeObjects), executor, 1)
        Fanout(FanoutSettings(BUS, "queue", 1), publisher, DeadLetterQueue(FakeSqs(), "queue")).run(
            [record], lambda: 60.0
        )


def test_the_lines_of_both_functions_show_the_id_of_a_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    change = record(item(score="60")) | {"eventID": ID}
    publish(change, FakeEvents(refuse_entry=lambda _: "MalformedDetail"))
    assert lines_of(caplog) == [f"fanout parked change={ID} code=MalformedDetail"]
    caplog.clear()
    bus, system = FakeEvents(), System()
    publish(change, bus)
    [detail] = bus.details
    system.table.before = lambda _: "TransactionConflict"
    system.process(json.dumps({"source": "update.aws.dynamodb", "resources": [STREAM_ARN], "detail": detail}))
    assert lines_of(caplog) == [f"standings retries change={ID}"]


def test_a_record_that_cannot_be_read_is_found_by_its_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    publish(record(item()) | {"eventID": ID, "eventName": "TRUNCATE"}, FakeEvents())
    assert lines_of(caplog) == [f"fanout parked change={ID} code=CannotRead"]


def test_a_change_that_can_never_be_applied_is_found_by_its_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    message = json.loads(event(item() | {"projectScore": {"S": "abc"}}))
    message["detail"]["id"] = ID
    System().process(json.dumps(message), "not JSON {")
    assert lines_of(caplog) == [
        f"standings parked change={ID} code=CannotApply",
        "standings parked change=unknown code=CannotRead",
    ]


def test_a_change_whose_letter_is_not_taken_is_said_to_be_retried(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    system = System()
    system.queue.refuses = True
    system.process(event(item() | {"projectScore": {"S": "abc"}}))
    assert lines_of(caplog)[-1] == "standings retries change=unknown"


@pytest.mark.parametrize("name", ["s3cret-name", "a" * 31, 5, None, ["a"]])
def test_an_id_that_no_stream_makes_is_not_logged(caplog: pytest.LogCaptureFixture, name: Any) -> None:
    caplog.set_level(logging.INFO)
    publish(record(item()) | {"eventID": name, "eventName": "TRUNCATE"}, FakeEvents())
    assert lines_of(caplog) == ["fanout parked change=unknown code=CannotRead"]

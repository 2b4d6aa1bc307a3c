"""Asynchronous invocations are retried, given up and kept as Lambda does."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ministack.services import lambda_svc

from scorecast.twin import async_invocations, destinations, kept_state
from scorecast.twin.async_invocations import Event
from scorecast.twin.waiting import Waiting

Json = dict[str, Any]
QUEUE = "arn:aws:sqs:us-east-1:000000000000:dead"
FAILED: Json = {"error": True, "body": {"errorMessage": "no", "errorType": "ValueError"}, "function_error": "Unhandled"}
THROTTLED = {"error": True, "throttle": True, "body": {}}


class Invoked:
    """A function that fails as the test says, with a clock that passes pauses at once."""

    def __init__(self) -> None:
        self.name, self.now = str(uuid.uuid4()), 1_000_000.0
        self.arn = f"arn:aws:lambda:us-east-1:000000000000:function:{self.name}"
        self.answers: Callable[[], Json] = lambda: FAILED
        self.times: list[float] = []
        self.sent: list[tuple[str, Any, Json]] = []
        self.function: Json = {"config": {"FunctionName": self.name, "FunctionArn": self.arn}}
        lambda_svc._functions[self.name] = self.function
        self.configure()

    def configure(self, **settings: Any) -> None:
        """Set how asynchronous invocations of the function are handled, as CloudFormation does."""
        on_failure = {"DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}
        self.function["event_invoke_configs"] = {"$LATEST": on_failure | settings}

    def run(self, age_s: float = 0.0) -> list[float]:
        """Send an event and pass its pauses; return when it was tried, in seconds after it was sent."""
        event: Event | None = Event(self.arn, {"a": 1}, "request", self.now - age_s, self.now)
        began = self.now
        while event is not None:
            self.now = event.due_at
            event = async_invocations.attempt(event)
        return [round(at - began, 3) for at in self.times]

    def record(self) -> Json:
        [(_, record, _)] = self.sent
        return dict(record)

    # What the code under test calls.

    def time(self) -> float:
        return self.now

    def _execute_function(self, record: Json, event: Json) -> Json:
        assert (record["config"]["FunctionArn"], event) == (self.arn, {"a": 1})
        self.times.append(self.now)
        return self.answers()

    def _send(self, destination: str, body: str, _folder: str, _function: Json, attributes: Json) -> None:
        self.sent.append((destination, json.loads(body), attributes))


@pytest.fixture
def invoked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoked]:
    invoked = Invoked()
    monkeypatch.setattr(async_invocations, "time", invoked)
    monkeypatch.setattr(lambda_svc, "_execute_function", invoked._execute_function)
    monkeypatch.setattr(destinations, "_send", invoked._send)
    yield invoked
    lambda_svc._functions.pop(invoked.name, None)


def test_a_function_that_fails_is_tried_again_after_one_and_two_minutes_of_aws(invoked: Invoked) -> None:
    assert invoked.run() == [0, 1, 3]
    record = invoked.record()
    assert record["requestContext"] == {
        "requestId": "request",
        "functionArn": f"{invoked.arn}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["requestPayload"] == {"a": 1}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"] == FAILED["body"]


def test_a_success_ends_it(invoked: Invoked) -> None:
    answers: Iterator[Json] = iter([FAILED, {"body": None}])
    invoked.answers = lambda: next(answers)
    assert invoked.run() == [0, 1]
    assert invoked.sent == []


@pytest.mark.parametrize(("retries", "attempts"), [(0, [0]), (1, [0, 1])])
def test_a_function_sets_its_number_of_retries(invoked: Invoked, retries: int, attempts: list[float]) -> None:
    invoked.configure(MaximumRetryAttempts=retries)
    assert invoked.run() == attempts


def test_a_retry_that_would_come_too_late_is_not_waited_for(invoked: Invoked) -> None:
    invoked.configure(MaximumEventAgeInSeconds=120)
    assert invoked.run() == [0, 1]
    assert invoked.record()["requestContext"]["condition"] == "EventAgeExceeded"


def test_an_event_that_waited_too_long_is_given_up_without_an_attempt(invoked: Invoked) -> None:
    invoked.configure(MaximumEventAgeInSeconds=60)
    assert invoked.run(age_s=61) == []
    record = invoked.record()
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == (
        "EventAgeExceeded",
        0,
    )
    assert "responseContext" not in record


def test_a_throttled_function_is_tried_for_six_hours_of_aws(invoked: Invoked) -> None:
    invoked.answers = lambda: THROTTLED
    tried = invoked.run()
    assert [round(60 * at) for at in tried[:4]] == [0, 1, 3, 7]
    assert 355 < tried[-1] <= 361
    assert invoked.record()["requestContext"]["condition"] == "EventAgeExceeded"


def test_a_function_that_is_switched_off_is_not_waited_for(invoked: Invoked) -> None:
    invoked.function["concurrency"] = 0
    invoked.answers = lambda: THROTTLED
    assert invoked.run() == [0]
    assert invoked.record()["requestContext"]["condition"] == "ZeroReservedConcurrency"


def test_a_dead_letter_queue_gets_the_event_alone(invoked: Invoked) -> None:
    invoked.function["config"]["DeadLetterConfig"] = {"TargetArn": QUEUE}
    invoked.configure(DestinationConfig={})
    invoked.run()
    [(destination, event, attributes)] = invoked.sent
    assert (destination, event) == (QUEUE, {"a": 1})
    assert attributes["ErrorMessage"]["StringValue"] == "no"


# ---------------------------------------------------------------- the queue


def event(name: str) -> Event:
    now = time.time()
    return Event(name, {}, name, now, now)


def test_what_waits_or_runs_is_kept_and_nothing_is_taken_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting[Event]()
    for name in ("running", "waiting"):
        waiting.put(event(name))
    running = waiting.take()
    waiting.close()
    monkeypatch.setattr(async_invocations, "waiting", waiting)
    [(_, marks, value_of)] = kept_state._waiting_events()
    assert {Event(**value_of(key)).request_id for key in marks} == {"running", "waiting"}
    assert not waiting.is_idle()
    waiting.done(running, None)
    assert waiting.is_idle()
    assert [one.request_id for one in waiting.all()] == ["waiting"]

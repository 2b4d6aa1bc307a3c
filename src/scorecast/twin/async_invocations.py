"""Asynchronous invocations of functions: a queue, retries, a maximum age, and a destination for failures, as on AWS.

MiniStack runs each in a thread of its own, and does not retry those of rules. Here only a few run at once, since each
takes a core; the others wait, and the journal keeps them. `patches.apply` applies this.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import new_uuid, request_scope
from ministack.services import eventbridge, lambda_svc

from scorecast.twin import destinations, pace
from scorecast.twin.patch import wrap
from scorecast.twin.waiting import Waiting

log = logging.getLogger("scorecast.twin.async_invocations")

Json = dict[str, Any]

# How many events functions work on at once; each is one short call, during which the function waits as long as it
# works.
EVENTS_AT_ONCE = max(2, os.cpu_count() or 1)
# Seconds of AWS: before the first and the second retry, and between attempts to invoke a throttled function.
RETRY_PAUSES_S = (60, 120)
FIRST_THROTTLED_PAUSE_S, LONGEST_THROTTLED_PAUSE_S = 1, 300
# Lambda's defaults.
RETRIES, AGE_S = 2, 21_600


def apply() -> None:
    """Queue the events of Invoke, of rules and of buckets."""
    lambda_svc.invoke_async_with_retry = _invoke_later
    wrap(eventbridge, "_dispatch_to_lambda", _dispatch)
    for _ in range(EVENTS_AT_ONCE):
        threading.Thread(target=waiting.work, args=(attempt,), daemon=True).start()


@dataclass(frozen=True, slots=True)
class Event:
    """An event for a function. `saved_s` says how much longer its pauses would have been on AWS."""

    function_arn: str
    payload: Any
    request_id: str
    sent_at: float
    due_at: float
    depth: int = 0
    attempts: int = 0
    throttled: int = 0
    saved_s: float = 0.0

    @property
    def resource(self) -> str:
        """The ARN of the function."""
        return self.function_arn

    def age_s(self, at: float) -> float:
        """Return the age in seconds of AWS."""
        return at - self.sent_at + self.saved_s

    def after(self, pause_s: float) -> "Event":
        """Return the event as it will be retried after a pause, given in seconds of AWS."""
        here_s = pace.here(pause_s)
        return replace(self, due_at=time.time() + here_s, saved_s=self.saved_s + pause_s - here_s)


# Events that wait until they are due, and those that a function is working on.
waiting = Waiting[Event]()


# ---------------------------------------------------------------- what triggers


def _invoke_later(function: Json, payload: Any) -> None:
    arn = (function.get("config") or function)["FunctionArn"]
    now = time.time()
    waiting.put(Event(arn, payload, new_uuid(), now, now, lambda_svc._invoke_depth.get()))


def _dispatch(original: Callable[[str, str], None], arn: str, payload: str) -> None:
    """Queue a rule's event."""
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        original(arn, payload)  # it logs that there is no such function
        return
    _invoke_later({"FunctionArn": arn}, json.loads(payload))


# ---------------------------------------------------------------- attempts


def attempt(event: Event) -> Event | None:
    """Invoke the function; return the event to retry, or None when it is finished."""
    spec = parse_arn(event.function_arn)
    with request_scope(spec.account_id, spec.region):
        return _attempt(event)


def _attempt(event: Event) -> Event | None:
    function = _Function.of(event.function_arn)
    if function is None:
        log.warning("an event is lost: there is no function %s", event.function_arn)
        return None
    if event.age_s(time.time()) > function.longest_age_s:
        function.give_up(event, "EventAgeExceeded", None)
        return None
    lambda_svc._invoke_depth.set(event.depth)
    result = lambda_svc._execute_function(function.record, event.payload)
    if not result.get("error"):
        return None
    return function.after_throttling(event) if result.get("throttle") else function.after_failure(event, result)


@dataclass(frozen=True, slots=True)
class _Function:
    """A function, an alias or a version, with its settings for asynchronous invocations."""

    arn: str
    name: str
    record: Json
    settings: Json
    is_switched_off: bool

    @classmethod
    def of(cls, arn: str) -> "_Function | None":
        """Find the function of the request's account and region."""
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            return None
        base = lambda_svc._functions[name]
        _, qualifier = lambda_svc._lambda_function_name_and_qualifier_from_arn(arn)
        # For the function itself, CloudFormation stores the settings under another name than the API does.
        names = (qualifier,) if qualifier and qualifier != "$LATEST" else (None, "$LATEST")
        settings: Json = next(filter(None, (lambda_svc._event_invoke_config(base, one) for one in names)), {})
        record = lambda_svc._execution_record_for_config(function, {**config, "FunctionArn": arn})
        return cls(arn, name, record, settings, lambda_svc._reserved_concurrency(base, config) == 0)

    @property
    def longest_age_s(self) -> int:
        return int(self.settings.get("MaximumEventAgeInSeconds") or AGE_S)

    def after_throttling(self, event: Event) -> Event | None:
        """Wait, without counting an attempt; give up at once if the function has no concurrency."""
        if self.is_switched_off:
            self.give_up(event, "ZeroReservedConcurrency", None)
            return None
        pause_s = min(FIRST_THROTTLED_PAUSE_S * 2 ** min(event.throttled, 10), LONGEST_THROTTLED_PAUSE_S)
        return replace(event, throttled=event.throttled + 1).after(pause_s)

    def after_failure(self, event: Event, result: Json) -> Event | None:
        """Wait for the next attempt, if one is allowed."""
        event = replace(event, attempts=event.attempts + 1)
        retries = self.settings.get("MaximumRetryAttempts")
        if event.attempts > (RETRIES if retries is None else int(retries)):
            self.give_up(event, "RetriesExhausted", result)
            return None
        again = event.after(RETRY_PAUSES_S[event.attempts - 1])
        if again.age_s(again.due_at) > self.longest_age_s:
            self.give_up(event, "EventAgeExceeded", result)
            return None
        return again

    def give_up(self, event: Event, condition: str, response: Json | None) -> None:
        """Send Lambda's record to the destination, and the event to the function's dead-letter queue.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        log.warning("an event for %s is given up: %s", self.arn, condition)
        error = (response or {}).get("body")
        if destination := destinations.on_failure(self.settings):
            self._send(destination, self._record_of(event, condition, response) | {"responsePayload": error})
        if queue := (self.record["config"].get("DeadLetterConfig") or {}).get("TargetArn"):
            message = str((error or {}).get("errorMessage", condition) if isinstance(error, dict) else condition)
            attributes = {
                "RequestID": {"DataType": "String", "StringValue": event.request_id},
                "ErrorCode": {"DataType": "Number", "StringValue": "200"},
                "ErrorMessage": {"DataType": "String", "StringValue": message[:1024] or condition},
            }
            destinations.send(queue, event.payload, "", self.record["config"], attributes)

    def _record_of(self, event: Event, condition: str, response: Json | None) -> Json:
        _, qualifier = lambda_svc._lambda_function_name_and_qualifier_from_arn(self.arn)
        context = {
            "requestId": event.request_id,
            "functionArn": self.arn if qualifier else f"{self.arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        }
        return destinations.record(context, response) | {"requestPayload": event.payload}

    def _send(self, destination: str, record: Json) -> None:
        if parse_arn(destination).service != "lambda":
            destinations.send(destination, record, f"aws/lambda/async/{self.name}", self.record["config"])
        elif destinations.is_allowed(self.record["config"], destination):
            _invoke_later({"FunctionArn": destination}, record)

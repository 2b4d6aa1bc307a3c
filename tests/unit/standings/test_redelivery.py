"""When the queue delivers a change again, and how long an invocation goes on with a busy table."""

import json
import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from scorecast.runtime import aws
from scorecast.runtime.aws import Client
from scorecast.runtime.settings import ConsumerSettings
from scorecast.standings import handler
from scorecast.standings.handler import ANNOUNCE_S, RESERVE_S, Delivery
from scorecast.standings.redelivery import LONGEST_S, Redelivery
from scorecast.standings.store import Leaderboard
from tests.support.consumer_system import SETTINGS, Context, System, about, event, message
from tests.support.fakes import FakeVisibility, item


@pytest.fixture
def system() -> System:
    return System()


# ---------------------------------------------------------------- a busy table


class BusyTable:
    """HTTP to a DynamoDB that is too busy for any transaction."""

    def send(self, request: Any) -> SimpleNamespace:
        is_write = request.headers["X-Amz-Target"].endswith("TransactWriteItems")
        answer: Any = {"__type": "ThrottlingException", "message": "as told"} if is_write else {"Responses": {}}
        return SimpleNamespace(status_code=400 if is_write else 200, content=json.dumps(answer).encode(), headers={})


def test_writes_to_a_table_that_stays_busy_end_within_the_functions_30_s(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    keys = SimpleNamespace(access_key="AKIA", secret_key="secret", token=None)
    credentials = SimpleNamespace(get_frozen_credentials=lambda: keys)

    def busy(service: str, total_attempts: int = 4) -> Client:
        known = aws.SERVICES[service]
        return Client(known, "https://aws/", "us-east-1", credentials, BusyTable(), total_attempts, slept.append)

    monkeypatch.setattr(handler, "create_client", busy)
    monkeypatch.setattr(random, "random", lambda: 1.0)
    monkeypatch.setattr(random, "uniform", lambda _, longest: longest)
    monkeypatch.setattr(ConsumerSettings, "from_environment", lambda _: SETTINGS)
    monkeypatch.setattr(handler, "_announcements", lambda *_: None)
    monkeypatch.setattr(handler, "_upkeep", lambda *_: None)
    processor = handler.processor.__wrapped__()
    patient = replace(processor, leaderboard=replace(processor.leaderboard, sleep=slept.append))
    assert patient.process([Delivery("1", event(item()))]).retry_ids == ["1"]
    assert 1 < sum(slept) < 20


# ---------------------------------------------------------------- redelivery


def test_messages_that_failed_become_visible_within_seconds_with_jitter(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = FakeVisibility()
    processor = replace(system.processor, redelivery=Redelivery(sqs, "consumer"))
    monkeypatch.setattr(handler, "processor", lambda: processor)
    system.table.before = lambda action: "ThrottlingError" if "Put" in action else None
    messages = [message(f"m{number}", event(item(str(number))), receives=1 + number % 9) for number in range(25)]
    assert len(handler.handle({"Records": messages}, Context())["batchItemFailures"]) == 25
    assert [len(call) for call in sqs.calls] == [10, 10, 5]
    delays = {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for call in sqs.calls for entry in call}
    assert delays.keys() == {one["receiptHandle"] for one in messages}
    assert all(1 <= delay <= LONGEST_S for delay in delays.values())
    assert len(set(delays.values())) > 3
    assert delays["handle-m0"] <= 2


def test_messages_that_succeeded_keep_their_visibility(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = FakeVisibility()
    monkeypatch.setattr(handler, "processor", lambda: replace(system.processor, redelivery=Redelivery(sqs, "consumer")))
    handler.handle({"Records": [message("m", event(item())), message("n", "not json")]}, Context())
    assert sqs.calls == []


@pytest.mark.parametrize("fault", ["refused", "failed"])
def test_a_message_that_cannot_be_hastened_is_reported_all_the_same(
    system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    sqs = FakeVisibility(fault)
    monkeypatch.setattr(handler, "processor", lambda: replace(system.processor, redelivery=Redelivery(sqs, "consumer")))
    system.table.before = about("1", "TransactionConflict")
    answer = handler.handle({"Records": [message("m", event(item()))]}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert "could not hasten the redelivery of 1 changes" in caplog.text


# ---------------------------------------------------------------- an invocation's time


def test_writing_goes_on_while_it_makes_progress_and_ends_in_time_for_the_announcements(system: System) -> None:
    now = [0.0]

    def pass_time(seconds: float) -> None:
        now[0] += max(seconds, 0.01)

    def throttle(action: dict[str, Any]) -> str | None:
        now[0] += 0.02
        return "ThrottlingError" if random.random() < 0.003 else None

    system.table.before = throttle
    leaderboard = Leaderboard(system.table, "leaderboard", "boards", pass_time, lambda: now[0])
    processor = replace(system.processor, leaderboard=leaderboard, clock=lambda: now[0])
    deliveries = [Delivery(str(at), event(item(str(at), score=str(at)))) for at in range(1000)]
    outcome = processor.process(deliveries, remaining_s=30)
    assert now[0] <= 30 - RESERVE_S - ANNOUNCE_S + 2.5  # the last transaction has begun before
    assert outcome.counts["applied"] > 0
    assert outcome.counts["applied"] + len(outcome.retry_ids) == 1000
    system.table.check()


def test_entries_that_a_busy_board_refuses_share_transactions_when_they_are_tried_again(system: System) -> None:
    busy = True
    system.table.before = lambda action: "ThrottlingError" if "Put" in action and busy else None

    def calm(_: float) -> None:
        nonlocal busy
        busy = False

    leaderboard = replace(system.processor.leaderboard, sleep=calm)
    processor = replace(system.processor, leaderboard=leaderboard)
    outcome = processor.process([Delivery(str(at), event(item(str(at)))) for at in range(40)])
    assert outcome.counts == {"applied": 40}
    assert len(system.table.transactions) == 3  # one that was refused, and two halves


@pytest.mark.parametrize(
    "code",
    [
        *("ConditionalCheckFailed", "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"),
        *("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"),
        *(
            "InternalServerError",
            "TransactionInProgressException",
            "ResourceNotFoundException",
            "AccessDeniedException",
        ),
    ],
)
def test_what_may_pass_is_delivered_again(system: System, code: str) -> None:
    system.table.before = about("1", code)
    assert system.process(event(item("1"))).counts == {"retry": 1}
    assert system.queue.messages == []


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_what_never_passes_is_parked(system: System, code: str) -> None:
    system.table.before = about("1", code)
    assert system.process(event(item("1"))).counts == {"parked": 1}

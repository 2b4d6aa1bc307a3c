"""A replay sends what matches of a time, in the backup's order, and goes on where an earlier one ended."""

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from scorecast.ops.consumers.replay import Event, Replay, Replayed, Window
from scorecast.ops.recovery.backup import objects_since
from scorecast.ops.stack.rate_limit import RateLimit
from tests.support.ops_fakes import FakeS3

WINDOW = Window(datetime(2026, 1, 31, 9, tzinfo=UTC), datetime(2026, 1, 31, 11, tzinfo=UTC))


def event(name: str, time: str, board: str = "StarWar") -> Event:
    return {"id": f"of-{name}", "time": f"2026-01-31T{time}:00Z", "detail": {"id": name, "board": board}}


@pytest.fixture
def s3() -> FakeS3:
    """A backup: hours with events of their own time, late ones, and an object that began in the hour before."""
    stored = {
        "changes/2026/01/31/11/a": [event("late", "10:59"), event("end", "11:00")],
        "changes/2026/01/31/07/a": [event("old", "07:10")],
        "changes/2026/01/31/08/z": [event("before", "08:59"), event("start", "09:00")],
        "changes/2026/01/31/09/a": [event("one", "09:30"), event("other", "09:31", "Dune"), event("two", "09:29")],
        "failed/processing-failed/2026/01/31/x": [event("failed", "10:00"), {"errorCode": "none"}],
    }
    lines = {key: "\n".join(map(json.dumps, events)).encode() for key, events in stored.items()}
    return FakeS3(lines)


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


class Consumer:
    """Takes events, until it fails at one."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at, self.taken = fails_at, list[str]()

    def take(self, event: Event) -> None:
        if event["detail"]["id"] == self.fails_at:
            raise ConnectionError
        self.taken.append(event["detail"]["id"])


def of_star_war(event: Event) -> bool:
    return bool(event["detail"]["board"] == "StarWar")


def run(s3: Any, executor: Executor, consumer: Consumer | None, done: Replayed) -> Replayed:
    replay = Replay(of_star_war, consumer.take if consumer else None, executor, RateLimit(None))
    replay.run(objects_since(s3, "backup", WINDOW.start, done.after), WINDOW, done)
    return done


def test_what_matches_within_the_window_is_sent_in_the_backups_order(s3: FakeS3, executor: Executor) -> None:
    consumer = Consumer()
    done = run(s3, executor, consumer, Replayed(""))
    assert consumer.taken == ["start", "one", "two", "late", "failed"]
    assert (done.events, done.matched, done.sent) == (6, 5, 5)
    assert "changes/2026/01/31/07/a" not in s3.read


def test_a_dry_run_counts_and_sends_nothing(s3: FakeS3, executor: Executor) -> None:
    done = run(s3, executor, None, Replayed(""))
    assert (done.events, done.matched, done.sent) == (6, 5, 0)


def test_a_run_that_failed_goes_on_after_the_last_object_that_is_done(s3: FakeS3, executor: Executor) -> None:
    consumer, done = Consumer("late"), Replayed("")
    with pytest.raises(ConnectionError):
        run(s3, executor, consumer, done)
    assert (done.sent, done.after) == (3, "changes/2026/01/31/09/a")
    consumer.fails_at = ""
    run(s3, executor, consumer, Replayed(done.after))
    assert consumer.taken == ["start", "one", "two", "late", "failed"]


@pytest.mark.parametrize("no_event", [{}, {"time": None}, {"time": "soon"}])
def test_what_is_no_event_is_within_no_window(no_event: dict[str, Any]) -> None:
    assert not WINDOW.has(no_event)

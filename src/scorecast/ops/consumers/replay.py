"""Replay: send one consumer the events of a period again, from the backup.

The events have their original ids, so a consumer recognizes what it has handled. An object of the backup is done when
all its events have been sent; after a run that ended early, the next one continues after the last object that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress
from typing import Any

from scorecast.ops.stack.moments import read_time
from scorecast.ops.stack.rate_limit import RateLimit

Event = dict[str, Any]
Send = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Window:
    """The events whose `time` is from `start` (inclusive) to `end` (exclusive)."""

    start: datetime
    end: datetime

    def has(self, event: Event) -> bool:
        """Whether an event is in the window; a record of Firehose that is not an event is in none."""
        try:
            return self.start <= read_time(event["time"]) < self.end
        except (KeyError, TypeError, ValueError):
            return False


@dataclass(slots=True)
class Replayed:
    """What a replay has done so far: events in the window, those that match the consumer's pattern, and those sent.

    `after` is the key of the last object that was done.
    """

    after: str
    events: int = 0
    matched: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """Passes the events that `matches` accepts to `send`, in the backup's order; without `send` it only counts them."""

    matches: Callable[[Event], bool]
    send: Send | None
    executor: Executor
    limit: RateLimit
    on_events: Callable[[int], None] = field(default=lambda _: None)

    def run(self, objects: Iterable[tuple[str, list[Event]]], window: Window, done: Replayed) -> None:
        """Replay the objects' events that are within the window; count in `done`."""
        for key, events in objects:
            wanted = list(filter(window.has, events))
            done.events += len(wanted)
            self._send_all(compress(wanted, self.executor.map(self.matches, wanted)), done)
            done.after = key
            self.on_events(len(wanted))

    def _send_all(self, events: Iterator[Event], done: Replayed) -> None:
        for event in events:
            done.matched += 1
            if self.send:
                self.limit.wait(1)
                self.send(event)
                done.sent += 1

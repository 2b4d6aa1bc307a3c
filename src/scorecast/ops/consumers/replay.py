"""Replay: send the events of a time to one consumer again, as the backup has them.

Their ids are those of the first time, so a consumer recognizes what it has handled. An object of the backup counts as
done when all its events were sent; a run that ended early goes on after the last one that is done.
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
    """The events whose `time` is from `start` on and before `end`."""

    start: datetime
    end: datetime

    def has(self, event: Event) -> bool:
        """Whether an event is of the time; what Firehose kept although it is no event is of none."""
        try:
            return self.start <= read_time(event["time"]) < self.end
        except (KeyError, TypeError, ValueError):
            return False


@dataclass(slots=True)
class Replayed:
    """What a replay did so far: events in the time, those that the consumer's pattern matches, and those sent.

    `after` is the key of the last object that is done.
    """

    after: str
    events: int = 0
    matched: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """Sends with `send` what `matches`, event by event in the backup's order; without `send` it only counts."""

    matches: Callable[[Event], bool]
    send: Send | None
    executor: Executor
    limit: RateLimit
    on_events: Callable[[int], None] = field(default=lambda _: None)

    def run(self, objects: Iterable[tuple[str, list[Event]]], window: Window, done: Replayed) -> None:
        """Replay the events of the objects that are within the window; count in `done`."""
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

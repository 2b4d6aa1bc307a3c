"""Waiting for something to come true: poll, never longer than a deadline, ever less often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The time; tests put their own in."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()


def poll_until(deadline_s: float, pause_s: float, longest_pause_s: float, clock: Clock = CLOCK) -> Iterator[float]:
    """Yield the seconds gone by, at once and after each pause; ends when the deadline is over.

    The last attempt is at the deadline itself, so what comes true just before it is not missed.
    """
    start = clock.now()
    gone_s = 0.0
    while True:
        yield gone_s
        gone_s = clock.now() - start
        if gone_s >= deadline_s:
            return
        clock.sleep(min(pause_s, deadline_s - gone_s))
        pause_s = min(pause_s * 1.5, longest_pause_s)
        gone_s = clock.now() - start

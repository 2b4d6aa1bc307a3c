"""poll_until: a loop that waits for a condition, with growing pauses and a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The time; tests pass their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()


def poll_until(deadline_s: float, pause_s: float, longest_pause_s: float, clock: Clock = CLOCK) -> Iterator[float]:
    """Yield the elapsed seconds, immediately and after each pause; end at the deadline.

    The last attempt is at the deadline itself, so a condition that becomes true just before it is seen.

    >>> list(poll_until(deadline_s=0, pause_s=1, longest_pause_s=1))
    [0.0]
    """
    start = clock.now()
    elapsed_s = 0.0
    while True:
        yield elapsed_s
        elapsed_s = clock.now() - start
        if elapsed_s >= deadline_s:
            return
        clock.sleep(min(pause_s, deadline_s - elapsed_s))
        pause_s = min(pause_s * 1.5, longest_pause_s)
        elapsed_s = clock.now() - start

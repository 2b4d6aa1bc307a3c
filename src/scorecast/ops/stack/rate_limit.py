"""RateLimit: limits the number of items per second, for all threads together."""

from __future__ import annotations

from threading import Lock

from scorecast.ops.stack.polling import CLOCK, Clock


class RateLimit:
    """Limits how many items all threads together process per second."""

    def __init__(self, rate: float | None, clock: Clock = CLOCK) -> None:
        self._rate, self._clock, self._lock = rate, clock, Lock()
        self._next_s = clock.now()

    def wait(self, count: int) -> None:
        """Wait until `count` more items may be processed."""
        if self._rate is None or count == 0:
            return
        with self._lock:
            turn_s = max(self._next_s, self._clock.now())
            self._next_s = turn_s + count / self._rate
        early_s = turn_s - self._clock.now()
        if early_s > 0:
            self._clock.sleep(early_s)

"""Work that waits until it is due: events for functions and deliveries to targets, with their retries."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

log = logging.getLogger("scorecast.twin.waiting")


class Due(Protocol):
    """A piece of work: when it is due, and the ARN that it is for."""

    @property
    def due_at(self) -> float: ...

    @property
    def resource(self) -> str: ...


T = TypeVar("T", bound=Due)


class Waiting(Generic[T]):
    """The work that waits until it is due, and the work that is being tried."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._running: list[T] = []
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._is_closed = False

    def put(self, one: T) -> None:
        with self._changed:
            self._push(one)

    def _push(self, one: T) -> None:
        heapq.heappush(self._heap, (one.due_at, next(self._numbers), one))
        self._changed.notify()

    def work(self, attempt: Callable[[T], T | None]) -> None:
        """Try one after another when it is due, forever; whatever `attempt` returns waits again."""
        while True:
            one, again = self.take(), None
            try:
                again = attempt(one)
            except Exception:
                log.exception("what was due for %s is lost", one.resource)
            finally:
                self.done(one, again)

    def take(self) -> T:
        """Wait for the first one to be due and return it; it is one of `all` until `done`."""
        with self._changed:
            while (pause_s := self._pause_s()) is None or pause_s > 0:
                self._changed.wait(pause_s)
            one = heapq.heappop(self._heap)[2]
            self._running.append(one)
            return one

    def _pause_s(self) -> float | None:
        return None if self._is_closed or not self._heap else self._heap[0][0] - time.time()

    def done(self, one: T, again: T | None) -> None:
        """Finish with one; if `again` is given, that waits next."""
        with self._changed:
            self._running.remove(one)
            if again is not None:
                self._push(again)

    def close(self) -> None:
        """Stop handing out work."""
        with self._changed:
            self._is_closed = True

    def is_idle(self) -> bool:
        """Whether nothing is being tried."""
        return not self._running

    def all(self) -> list[T]:
        """Return all work, including what is being tried, which may be tried again after a restart."""
        with self._changed:
            return [*self._running, *(one for _, _, one in self._heap)]

"""Load: many writes to the main table, in batches, from several threads, at a rate.

An item's writes stay in order: each item belongs to one thread, and a batch holds an item only once. Throttled writes
are repeated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Event, Lock, Thread
from typing import Any

from scorecast.leaderboard.item import Key
from scorecast.ops.load.plan import Write
from scorecast.ops.stack.batch_write import BATCH_WRITES, WriteRequest, write_batch
from scorecast.ops.stack.main_table import MainTable
from scorecast.ops.stack.polling import CLOCK, Clock

LANES = 8
# The keys of this many last writes are remembered: when these have arrived, so have most others.
NEWEST = 100
# The length of a lane's queue: enough for the next batches, but little to drop at Ctrl-C.
_LANE_WRITES = 2 * BATCH_WRITES


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a load: the number of writes, the seconds, whether the user stopped it, and the last keys."""

    changes: int
    seconds: float
    is_interrupted: bool = False
    newest: tuple[Key, ...] = ()

    @property
    def per_second(self) -> float:
        """Writes per second."""
        return self.changes / max(self.seconds, 0.001)


@dataclass(slots=True)
class Load:
    """Writes changes to the main table; any thread calls `on_written` with the size of each batch."""

    table: MainTable
    dynamodb: Any
    on_written: Callable[[int], None] = lambda _: None
    clock: Clock = CLOCK
    _written: int = 0
    _newest: deque[Key] = field(default_factory=lambda: deque(maxlen=NEWEST))
    _lock: Lock = field(default_factory=Lock)
    _stopped: Event = field(default_factory=Event)
    _failures: list[BaseException] = field(default_factory=list)

    def run(self, writes: Iterable[Write], rate: float | None = None) -> Written:
        """Write all, at most `rate` per second; Ctrl-C stops it after the batches in progress."""
        start = self.clock.now()
        lanes = [_Lane(self._take) for _ in range(LANES)]
        is_interrupted = False
        try:
            self._feed(lanes, writes, rate)
        except KeyboardInterrupt:
            is_interrupted = True
            self._stopped.set()
        finally:
            for lane in lanes:
                lane.end()
        if self._failures:
            raise self._failures[0]
        return Written(self._written, self.clock.now() - start, is_interrupted, tuple(self._newest))

    def _feed(self, lanes: list[_Lane], writes: Iterable[Write], rate: float | None) -> None:
        for write in paced(writes, rate, self.clock):
            if self._stopped.is_set():
                return
            self._newest.append(write.key)
            lanes[hash(write.key) % len(lanes)].queue.put(write)

    def _take(self, batch: list[Write]) -> None:
        """Write a batch in a lane's thread; after a failure the remaining writes are dropped."""
        if self._stopped.is_set():
            return
        try:
            self._write_batch(batch)
        except BaseException as error:
            self._failures.append(error)
            self._stopped.set()

    def _write_batch(self, batch: list[Write]) -> None:
        requests = [self._request(write) for write in batch]
        advice = "choose a lower --rate, or try again later"
        write_batch(self.dynamodb, self.table.name, requests, advice, self.clock)
        self._count(len(batch))

    def _request(self, write: Write) -> WriteRequest:
        key = self.table.key(*write.key)
        if write.score is None:
            return {"DeleteRequest": {"Key": key}}
        names = self.table.attributes
        return {"PutRequest": {"Item": key | {names.score: {"N": str(write.score)}, names.name: {"S": write.name}}}}

    def _count(self, changes: int) -> None:
        with self._lock:
            self._written += changes
        self.on_written(changes)


class _Lane:
    """One thread, and the writes that wait for it."""

    def __init__(self, take: Callable[[list[Write]], None]) -> None:
        self.queue: Queue[Write | None] = Queue(_LANE_WRITES)
        self._take = take
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let the thread write what is waiting, and end it."""
        self.queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        for batch in batches(self.queue):
            self._take(batch)


def batches(queue: Queue[Write | None]) -> Iterator[list[Write]]:
    """Gather waiting writes into batches of different items; a None in the queue ends them."""
    batch: dict[tuple[str, str], Write] = {}
    while True:
        try:
            write = queue.get(block=not batch)
        except Empty:
            yield list(batch.values())
            batch = {}
            continue
        if batch and (write is None or write.key in batch or len(batch) == BATCH_WRITES):
            yield list(batch.values())
            batch = {}
        if write is None:
            return
        batch[write.key] = write


def paced(writes: Iterable[Write], rate: float | None, clock: Clock) -> Iterator[Write]:
    """Yield each write when it is due at this rate (per second), or at once without a rate."""
    start = clock.now()
    for number, write in enumerate(writes):
        early_s = start + number / rate - clock.now() if rate else 0
        if early_s > 0:
            clock.sleep(early_s)
        yield write

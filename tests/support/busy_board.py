"""One board under load: consumers that write at the same time, and an index that takes so many write units a second.

Time is simulated. Each consumer is a thread, and only the one whose time has come runs, so the result depends on the
seed alone. A call takes some milliseconds; two transactions that overlap in an item conflict, as on AWS.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.redelivery import Receipt, Redelivery
from scorecast.standings.store import Leaderboard
from tests.support.consumer_system import SETTINGS
from tests.support.fakes import FakeDynamoDb, FakeObjects, FakeSqs, client_error

CALL_S = 0.01
TRANSACTION_S = 0.025
VISIBILITY_S = 180.0
INVOCATION_S = 30.0


class Clock:
    """Simulated time for threads: each runs until it sleeps, then the one with the earliest time runs."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._number = 0
        self._lock = threading.Lock()

    def run(self, tasks: list[Callable[[], None]]) -> None:
        """Run all tasks until they end."""
        threads = [threading.Thread(target=self._run, args=(task, self._enter(0.0)), daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
        self._next()
        for thread in threads:
            thread.join()

    def sleep(self, seconds: float) -> None:
        turn = self._enter(self.now + seconds)
        self._next()
        turn.wait()

    def time(self) -> float:
        return self.now

    def _run(self, task: Callable[[], None], turn: threading.Event) -> None:
        turn.wait()
        try:
            task()
        finally:
            self._next()

    def _enter(self, at: float) -> threading.Event:
        turn = threading.Event()
        with self._lock:
            self._number += 1
            heapq.heappush(self._waiting, (at, self._number, turn))
        return turn

    def _next(self) -> None:
        with self._lock:
            if not self._waiting:
                return
            self.now, _, turn = heapq.heappop(self._waiting)
        turn.set()


@dataclass
class BusyDynamoDb(FakeDynamoDb):
    """Tables whose index by score takes `units` a second for the board, after a burst of one second."""

    clock: Clock = field(default_factory=Clock)
    units: float = 1000.0
    tokens: float = 1000.0
    filled_at: float = 0.0
    busy_items: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        self.clock.sleep(CALL_S)
        return super().batch_get_item(RequestItems=RequestItems)

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        keys = [str(one.get("Put", {}).get("Item", {}).get("id") or one["Update"]["Key"]) for one in TransactItems]
        if any(self.busy_items[key] for key in keys):
            return self._refuse("TransactionConflict", [bool(self.busy_items[key]) for key in keys])
        puts = [("Put" in one) for one in TransactItems]
        self._fill()
        if sum(puts) > self.tokens:
            return self._refuse("ThrottlingError", puts)
        self.tokens -= sum(puts)
        self.busy_items.update(keys)
        self.clock.sleep(TRANSACTION_S)
        self.busy_items.subtract(keys)
        return super().transact_write_items(TransactItems=TransactItems)

    def _fill(self) -> None:
        self.tokens = min(self.units, self.tokens + self.units * (self.clock.now - self.filled_at))
        self.filled_at = self.clock.now

    def _refuse(self, code: str, which: list[bool]) -> dict[str, Any]:
        self.refused[code] += 1
        self.clock.sleep(CALL_S)
        error = client_error("TransactionCanceledException")
        error.response["CancellationReasons"] = [{"Code": code if one else "None"} for one in which]
        raise error


@dataclass(order=True)
class Message:
    """A message of the queue: when it is visible, and how many times it has been received."""

    visible_at: float
    number: int
    body: str = field(compare=False)
    receives: int = field(default=0, compare=False)
    is_done: bool = field(default=False, compare=False)


class BusyBoard:
    """Consumers with one queue and one board."""

    def __init__(self, bodies: list[str], *, consumers: int, batch: int, units: float, seed: int = 1) -> None:
        random.seed(seed)
        self.clock = Clock()
        self.table = BusyDynamoDb(clock=self.clock, units=units, tokens=units)
        self.messages = [Message(0.0, number, body) for number, body in enumerate(bodies)]
        self.dead_letters = FakeSqs()
        self._waiting, self._left = list(self.messages), len(bodies)
        heapq.heapify(self._waiting)
        self._batch = batch
        self.clock.run([self._consume for _ in range(consumers)])

    @property
    def most_receives(self) -> int:
        return max(one.receives for one in self.messages)

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        for entry in Entries:
            self.messages[int(entry["ReceiptHandle"])].visible_at = self.clock.now + entry["VisibilityTimeout"]
        self.clock.sleep(CALL_S)
        return {"Successful": []}

    def _consume(self) -> None:
        processor = self._processor()
        while self._left:
            batch = self._receive()
            if not batch:
                self.clock.sleep(0.1)
                continue
            deliveries = [Delivery(str(one.number), one.body, Receipt(str(one.number), one.receives)) for one in batch]
            outcome = processor.process(deliveries, INVOCATION_S)
            failed = {int(name) for name in outcome.retry_ids}
            self._left -= len(batch) - len(failed)
            for one in batch:
                if one.number in failed:
                    heapq.heappush(self._waiting, one)

    def _processor(self) -> BatchProcessor:
        return BatchProcessor(
            SETTINGS,
            Leaderboard(self.table, "leaderboard", "boards", self.clock.sleep, self.clock.time),
            DeadLetterQueue(self.dead_letters, "queue"),
            ClaimStore(FakeObjects),
            PolicyTable(self.table, "boards", self.clock.time),
            None,
            Redelivery(self, "consumer"),
            clock=self.clock.time,
        )

    def _receive(self) -> list[Message]:
        batch: list[Message] = []
        while self._waiting and len(batch) < self._batch and self._waiting[0].visible_at <= self.clock.now:
            one = heapq.heappop(self._waiting)
            one.receives, one.visible_at = one.receives + 1, self.clock.now + VISIBILITY_S
            batch.append(one)
        return batch

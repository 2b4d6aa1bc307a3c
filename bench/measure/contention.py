"""Concurrent writers on one board, with repeated and reordered deliveries and writers killed in a transaction.

DynamoDB Local runs transactions one after another, so they never conflict there. `Collisions` cancels a transaction if
another one in flight has the same item, as DynamoDB does. Part of `python -m bench.measure.ranks`.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from botocore.exceptions import ClientError

from bench.rig.boards import SHAPES
from bench.rig.tables import BOARDS, LEADERBOARD
from scorecast.standings.entry import Entry, newest
from scorecast.standings.store import Leaderboard

REMOVED_SHARE = 0.1
BATCH = 50

Action = dict[str, Any]


class Killed(Exception):
    """The function was killed in a transaction: before the call was sent, or before its answer arrived."""


@dataclass(frozen=True)
class Stress:
    """How many changes, participants and writers there are; `repeated` and `killed` are shares of 1."""

    changes: int = 20_000
    participants: int = 10_000
    writers: int = 8
    repeated: float = 0.1
    killed: float = 0.05
    seed: str = "strain"


@dataclass
class Collisions:
    """The items that transactions in flight are about to change."""

    _items: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def in_flight(self, actions: Sequence[Action]) -> Iterator[None]:
        """Hold a transaction's items until it ends; raise TransactionCanceledException if another has any."""
        items = [_item_of(action) for action in actions]
        with self._lock:
            reasons = ["TransactionConflict" if item in self._items else "None" for item in items]
            if any(reason != "None" for reason in reasons):
                raise _cancelled(reasons)
            self._items.update(items)
        try:
            yield
        finally:
            with self._lock:
                self._items.difference_update(items)


@dataclass
class RoughClient:
    """A DynamoDB client of one writer: its transactions can conflict, and it can be killed."""

    dynamodb: Any
    killed: float
    collisions: Collisions
    draw: random.Random
    events: Counter[str] = field(default_factory=Counter)

    def batch_get_item(self, **request: Any) -> Any:
        """Read as usual."""
        return self.dynamodb.batch_get_item(**request)

    def put_item(self, **request: Any) -> Any:
        """Write as usual."""
        return self.dynamodb.put_item(**request)

    def transact_write_items(self, *, TransactItems: list[Action]) -> Any:
        """Try the transaction; half of the killed ones are done first."""
        self.events["transactions"] += 1
        fate = self.draw.random() / self.killed if self.killed else 1.0
        if fate < 0.5:
            raise self._kill()
        try:
            with self.collisions.in_flight(TransactItems):
                answer = self.dynamodb.transact_write_items(TransactItems=TransactItems)
        except ClientError as error:
            reasons = {reason["Code"] for reason in error.response["CancellationReasons"]} - {"None"}
            self.events["conflicts" if "TransactionConflict" in reasons else "overtaken"] += 1
            raise
        if fate < 1:
            raise self._kill()
        return answer

    def _kill(self) -> Killed:
        self.events["killed"] += 1
        return Killed()


def draw_changes(stress: Stress, board: str) -> list[Entry]:
    """Draw changes of a board's participants, repeats included, in random order."""
    draw = random.Random(stress.seed)
    changes = [_change(draw, stress, board, sequence) for sequence in range(1, stress.changes + 1)]
    changes += draw.sample(changes, int(stress.repeated * len(changes)))
    draw.shuffle(changes)
    return changes


def _change(draw: random.Random, stress: Stress, board: str, sequence: int) -> Entry:
    participant = f"player{draw.randrange(stress.participants):07}"
    score = None if draw.random() < REMOVED_SHARE else str(SHAPES["uniform"](draw))
    return Entry(participant, board, f"{sequence:040}", "2026-01-01T00:00:00Z", score, f"The {participant}")


def write_all(dynamodb: Any, stress: Stress, changes: Sequence[Entry]) -> Counter[str]:
    """Have concurrent writers write all changes, retrying each batch until it is done; count what happened."""
    deliveries: SimpleQueue[list[Entry]] = SimpleQueue()
    for at in range(0, len(changes), BATCH):
        deliveries.put(list(newest(changes[at : at + BATCH]).values()))
    collisions = Collisions()
    clients = [
        RoughClient(dynamodb, stress.killed, collisions, random.Random(f"{stress.seed} {number}"))
        for number in range(stress.writers)
    ]
    threads = [threading.Thread(target=_write, args=(client, deliveries)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events: Counter[str] = Counter()
    for client in clients:
        events.update(client.events)
    return events


def _write(client: RoughClient, deliveries: SimpleQueue[list[Entry]]) -> None:
    leaderboard = Leaderboard(client, LEADERBOARD, BOARDS)
    while True:
        try:
            batch = deliveries.get_nowait()
        except Empty:
            return
        try:
            results = leaderboard.write(batch)
        except Killed:
            client.events["redelivered"] += len(batch)
            deliveries.put(batch)
            leaderboard = Leaderboard(client, LEADERBOARD, BOARDS)
            continue
        if again := [entry for entry in batch if results[entry.key].failed]:
            client.events["redelivered"] += len(again)
            deliveries.put(again)


def _item_of(action: Action) -> str:
    [(kind, request)] = action.items()
    key = request["Key"] if kind == "Update" else {name: request["Item"][name] for name in ("id", "metadata")}
    return f"{request['TableName']} {key}"


def _cancelled(reasons: Sequence[str]) -> ClientError:
    answer: dict[str, Any] = {
        "Error": {"Code": "TransactionCanceledException", "Message": f"Transaction cancelled {reasons}"},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]

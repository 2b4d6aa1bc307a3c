"""Concurrent writers on one board, with upkeep, repeated and reordered deliveries, and writers killed in any write.

DynamoDB Local runs transactions one after another, so they never conflict there. `Collisions` cancels a transaction if
another one in flight has the same item, as DynamoDB does. Part of `python -m bench.measure.ranks`.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from queue import Empty, SimpleQueue
from typing import Any

from botocore.exceptions import ClientError

from bench.rig.boards import AT, SEQUENCE_DIGITS
from bench.rig.scores import SHAPES, name_of
from bench.rig.tables import BOARDS, LEADERBOARD, index_names
from scorecast.leaderboard.policy import DEFAULT
from scorecast.standings.entry import Entry, newest
from scorecast.standings.store import Leaderboard
from scorecast.standings.upkeep import Upkeep

REMOVED_SHARE = 0.1

Action = dict[str, Any]


class Killed(BaseException):
    """The function was killed in a write: before the call was sent, or before its answer arrived."""


@dataclass(frozen=True)
class Stress:
    """How many changes, participants and writers there are; `repeated` and `killed` are shares of 1."""

    changes: int = 20_000
    participants: int = 10_000
    writers: int = 8
    repeated: float = 0.1
    killed: float = 0.05
    batch: int = 50
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

    def check(self, action: Action) -> None:
        """Raise TransactionConflictException if a transaction in flight has the item of a single write."""
        with self._lock:
            if _item_of(action) in self._items:
                answer: dict[str, Any] = {"Error": {"Code": "TransactionConflictException", "Message": ""}}
                raise ClientError(answer, "UpdateItem")  # type: ignore[arg-type]


@dataclass
class RoughClient:
    """A DynamoDB client of one process: its writes can conflict, and it can be killed in each of them.

    The names of the events begin with `doing`, which says whether the process writes a batch or does upkeep.
    """

    dynamodb: Any
    killed: float
    collisions: Collisions
    draw: random.Random
    doing: str = ""
    events: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, operation: str) -> Any:
        """Read, or put a board into the list, as usual."""
        return getattr(self.dynamodb, operation)

    def update_item(self, **request: Any) -> Any:
        """Try to update an item."""

        def update() -> Any:
            self.collisions.check({"Update": request})
            return self.dynamodb.update_item(**request)

        return self._try("updates", update)

    def transact_write_items(self, *, TransactItems: list[Action]) -> Any:
        """Try a transaction."""

        def transact() -> Any:
            with self.collisions.in_flight(TransactItems):
                return self.dynamodb.transact_write_items(TransactItems=TransactItems)

        return self._try("transactions", transact)

    def _try(self, kind: str, write: Callable[[], Any]) -> Any:
        """Try a write; half of the killed ones are done first."""
        self._count(kind)
        fate = self.draw.random() / self.killed if self.killed else 1.0
        if fate < 0.5:
            raise self._kill()
        try:
            answer = write()
        except ClientError as error:
            reasons = {reason["Code"] for reason in error.response.get("CancellationReasons", [])}
            conflict = "TransactionConflict" in reasons or "Conflict" in error.response["Error"]["Code"]
            self._count("conflicts" if conflict else "overtaken")
            raise
        if fate < 1:
            raise self._kill()
        return answer

    def _kill(self) -> Killed:
        self._count("killed")
        return Killed()

    def _count(self, event: str) -> None:
        self.events[self.doing + event] += 1


def draw_changes(stress: Stress, board: str) -> list[Entry]:
    """Draw changes of a board's participants, repeats included, in random order."""
    draw = random.Random(stress.seed)
    changes = [_change(draw, stress, board, sequence) for sequence in range(1, stress.changes + 1)]
    changes += draw.sample(changes, int(stress.repeated * len(changes)))
    draw.shuffle(changes)
    return changes


def _change(draw: random.Random, stress: Stress, board: str, sequence: int) -> Entry:
    participant = name_of(draw.randrange(stress.participants))
    score = None if draw.random() < REMOVED_SHARE else str(SHAPES["uniform"](draw))
    return Entry(participant, board, f"{sequence:0{SEQUENCE_DIGITS}}", AT, score, f"The {participant}")


def write_all(dynamodb: Any, stress: Stress, changes: Sequence[Entry]) -> Counter[str]:
    """Have concurrent writers write all changes, retrying each batch until it is done; count what happened."""
    deliveries: SimpleQueue[list[Entry]] = SimpleQueue()
    for at in range(0, len(changes), stress.batch):
        deliveries.put(list(newest(changes[at : at + stress.batch]).values()))
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
    """Be one process after another: each writes batches, with upkeep after each, until it is killed."""
    while True:
        leaderboard = Leaderboard(client, LEADERBOARD, BOARDS)
        upkeep = Upkeep(client, LEADERBOARD, *index_names(), leaderboard.index, draw=client.draw.random)
        batch: list[Entry] = []
        try:
            while True:
                batch = deliveries.get_nowait()
                _write_batch(client, leaderboard, upkeep, batch, deliveries)
        except Killed:
            client.doing = ""
            client.events["redelivered"] += len(batch)
            deliveries.put(batch)
        except Empty:
            return


def _write_batch(
    client: RoughClient,
    leaderboard: Leaderboard,
    upkeep: Upkeep,
    batch: list[Entry],
    deliveries: SimpleQueue[list[Entry]],
) -> None:
    results = leaderboard.write(batch)
    client.doing = "upkeep_"
    upkeep.after(results.values(), {entry.board: DEFAULT for entry in batch}, inf)
    client.doing = ""
    if again := [entry for entry in batch if results[entry.key].failed]:
        client.events["redelivered"] += len(again)
        deliveries.put(again)


def _item_of(action: Action) -> str:
    [(kind, request)] = action.items()
    names = ("id", "metadata") if request["TableName"] == LEADERBOARD else ("collection", "name")
    key = request["Item"] if kind == "Put" else request["Key"]
    return " ".join([request["TableName"], *(key[name]["S"] for name in names)])


def _cancelled(reasons: Sequence[str]) -> ClientError:
    answer: dict[str, Any] = {
        "Error": {"Code": "TransactionCanceledException", "Message": f"Transaction cancelled {reasons}"},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]

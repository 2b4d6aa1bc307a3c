"""Announcements: standing events, published after entries were written, about what that changed at the top of boards.

A new top is saved before it is published and ticked off after: at least once, with the same ids, wherever a process
ends. Refuses to hold anything up: a board that cannot be announced now is named, so that it is delivered again.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.errors import NotAcknowledged, ScorecastError
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.policy import Order
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import code_of
from scorecast.runtime.logs import logger
from scorecast.standings.announce.publish import Publisher
from scorecast.standings.announce.snapshots import Overtaken, SnapshotTable
from scorecast.standings.announce.standing_event import events_of
from scorecast.standings.announce.top import Place, Snapshot, Top, best, best_entries, is_ahead, place_of
from scorecast.standings.entry import Entry

# Boards at once: one whose top changed is some seven calls of waiting.
CONCURRENT_BOARDS = 8
# Of the invocation's 30 seconds; what is not begun by then is for another delivery.
BUDGET_S = 8.0
# A board that changes more often while it is announced is for another delivery.
ROUNDS = 5
# Between attempts at a board that another consumer announces at the same time, with full jitter.
_PAUSES_S = (0.05, 0.1, 0.2, 0.4)

_Failures = (ClientError, BotoCoreError, ScorecastError)


class _DynamoDb(BatchGetItem, Protocol):
    def query(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _Written:
    """What a batch was to write on one board, and what of it was written now; and which scores are better there."""

    board: str
    entries: Sequence[Entry]
    applied: Sequence[Entry]
    order: Order

    @property
    def at(self) -> str:
        """When the newest of the changes happened."""
        return max(entry.at for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Announcements:
    """Tells the bus about the first `places` of every board."""

    dynamodb: _DynamoDb
    table: str
    index: str
    snapshots: SnapshotTable
    policies: PolicyTable
    publisher: Publisher
    places: int
    executor: Executor
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def announce(self, entries: Iterable[Entry], applied: Iterable[Entry]) -> set[str]:
        """Announce what entries, of which some were `applied` now, changed; return the boards to be announced again.

        The others may have been written by a process that ended before it announced them. Costs one read of all
        boards' snapshots where no top changed, and seven calls more for a board whose top did.
        """
        by_board, applied_by_board = _by_board(entries), _by_board(applied)
        try:
            snapshots, policies = self.snapshots.read(by_board), self.policies.of(by_board)
        except _Failures as error:
            logger.error("standings could not read %d snapshots (%s)", len(by_board), code_of(error))
            return set(by_board)
        written = (
            _Written(board, some, applied_by_board[board], policies[board].order) for board, some in by_board.items()
        )
        concerned = [one for one in written if snapshots[one.board].concerns(one.entries, self.places, one.order)]
        deadline = self.clock() + BUDGET_S
        done = self.executor.map(lambda one: self._is_announced(one, snapshots[one.board], deadline), concerned)
        return {one.board for one, is_announced in zip(concerned, done, strict=True) if not is_announced}

    def _is_announced(self, written: _Written, snapshot: Snapshot, deadline: float) -> bool:
        """Announce a board; false where that failed or where there was no time for it."""
        if self.clock() > deadline:
            return False
        try:
            self._announce(written, snapshot)
        except _Failures as error:
            logger.error("standings could not announce the top of a board (%s)", code_of(error))
            return False
        return True

    def _announce(self, written: _Written, snapshot: Snapshot) -> None:
        """Announce a board, from its snapshot as it was read; from a later one where another consumer saved one."""
        for pause_s in _PAUSES_S:
            try:
                return self._bring_up(written, snapshot)
            except Overtaken:
                self.sleep(random.uniform(0, pause_s))
                snapshot = self.snapshots.read([written.board])[written.board]
        return self._bring_up(written, snapshot)

    def _bring_up(self, written: _Written, snapshot: Snapshot) -> None:
        """Announce until a top that was read after the last save is the one that was saved.

        So of two consumers at one board at least one sees what both have written: who wrote before the other's save is
        read by the other, and who wrote after it finds the other's snapshot, and with it what it may have changed.
        """
        for _ in range(ROUNDS):
            if snapshot.coming is not None:
                self.publisher.publish(events_of(snapshot))
                snapshot = self.snapshots.save(snapshot, snapshot.announced(_now_ms()))
            top = self._read_top(written, snapshot)
            if top == snapshot.top:
                return
            coming = snapshot.announcing(top, self.places, written.at, _now_ms())
            snapshot = self.snapshots.save(snapshot, coming)
        raise NotAcknowledged(f"The top of the board changed {ROUNDS} times while it was announced.")

    def _read_top(self, written: _Written, snapshot: Snapshot) -> Top:
        """Read the current entries of all that may be in the top, and of its members; a read unit each.

        The index may still show in the top what has left it, and may not show yet what was written now. An entry that
        has left by now may hide the one behind it, which nobody else would announce: the next ones are then read too.
        """
        limit = self.places + sum(entry.id in snapshot.ids for entry in written.applied)
        while True:
            indexed = self._best_indexed(written, limit)
            last = indexed[-1].score if len(indexed) == limit else None
            ahead = best_entries(written.applied, last, self.places, written.order)
            ids = snapshot.ids | {place.id for place in indexed} | {entry.id for entry in ahead}
            top = best(self._read_places(written.board, ids), snapshot.top, self.places, written.order)
            if last is None or (len(top) == self.places and not is_ahead(last, top[-1].score, written.order)):
                return top
            limit *= 2

    def _read_places(self, board: str, ids: Iterable[str]) -> list[Place]:
        keys = [{"id": {"S": one}, "metadata": {"S": board}} for one in sorted(ids)]
        items = read_items(self.dynamodb, self.table, keys, consistent=True, sleep=self.sleep)
        return [place_of(item) for item in items if "projectScore" in item]

    def _best_indexed(self, written: _Written, limit: int) -> list[Place]:
        """Ask the index for the best; half a read unit up to 4 KB."""
        answer = self.dynamodb.query(
            TableName=self.table,
            IndexName=self.index,
            KeyConditionExpression="hackathonName = :board",
            ExpressionAttributeValues={":board": {"S": written.board}},
            ScanIndexForward=written.order is Order.ASCENDING,
            Limit=limit,
        )
        return [place_of(item) for item in answer["Items"]]


def _by_board(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    by_board: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_board[entry.board].append(entry)
    return by_board


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

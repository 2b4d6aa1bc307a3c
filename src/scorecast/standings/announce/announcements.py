"""Announcements: after entries are written, publish standing events for the boards whose top has changed.

A new top is saved before its events are published, and marked as announced afterwards. So its events are published at
least once, with the same ids, wherever a process ends. A board that cannot be announced now does not block others: its
name is returned, so that its changes are delivered again.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import iso_now
from scorecast.errors import NotAcknowledged, ScorecastError
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.index.entries import entry_index
from scorecast.leaderboard.item import is_entry, item_key, read_item
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import code_of
from scorecast.runtime.logs import logger
from scorecast.standings.announce.publish import StandingEventPublisher
from scorecast.standings.announce.snapshots import ConcurrentSave, SnapshotTable
from scorecast.standings.announce.standing_event import events_of
from scorecast.standings.announce.top import Snapshot, Top, TopEntry, best, best_entries, rank_in_top, top_entry_of
from scorecast.standings.entry import Entry

# The number of boards announced concurrently; a board whose top changed waits for about seven calls.
CONCURRENT_BOARDS = 8
# If the top changes more often than this during its announcement, the board is left to another delivery.
ROUNDS = 5
# Pauses, with full jitter, before trying a board again that another process is announcing too.
_PAUSES_S = (0.05, 0.1, 0.2, 0.4)

_Failures = (ClientError, BotoCoreError, ScorecastError)


class _DynamoDb(BatchGetItem, Protocol):
    def query(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _Written:
    """The entries of a batch on one board, the ones that this delivery wrote (`applied`), and the board's policy.

    `published` has, for each saved snapshot, the number of events that the bus accepted.
    """

    board: str
    entries: Sequence[Entry]
    applied: Sequence[Entry]
    policy: BoardPolicy
    published: list[int] = field(default_factory=list)

    @property
    def at(self) -> str:
        """The time of the newest change."""
        return max(entry.at for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Announced:
    """The result: the boards that must be announced again, and how many events the bus accepted."""

    failed: set[str]
    events: int = 0


@dataclass(frozen=True, slots=True)
class Announcements:
    """Announces changes among the first `size` entries of every board."""

    dynamodb: _DynamoDb
    table: str
    score_index: str
    tie_index: str
    snapshots: SnapshotTable
    policies: PolicyTable
    publisher: StandingEventPublisher
    size: int
    executor: Executor
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def announce(self, entries: Iterable[Entry], applied: Iterable[Entry], deadline: float = inf) -> Announced:
        """Announce the tops that `entries` changed.

        Boards that are not announced by the clock's `deadline` must be announced again. `applied` are the entries that
        this delivery wrote; the others may have been written by a process that ended before it announced them. Costs
        one read of all boards' snapshots, and seven more calls for each board whose top changed.
        """
        by_board, applied_by_board = _by_board(entries), _by_board(applied)
        try:
            snapshots, policies = self.snapshots.read(by_board), self.policies.of(by_board)
        except _Failures as error:
            logger.error("standings could not read %d snapshots (%s)", len(by_board), code_of(error))
            return Announced(set(by_board))
        written = (
            _Written(board, some, applied_by_board[board], policies[board])
            for board, some in by_board.items()
            if not policies[board].copy_of and not policies[board].is_frozen(iso_now())
        )
        possible = [one for one in written if snapshots[one.board].may_change_top(one.entries, self.size, one.policy)]
        done = self.executor.map(lambda one: self._is_announced(one, snapshots[one.board], deadline), possible)
        failed = {one.board for one, is_announced in zip(possible, done, strict=True) if not is_announced}
        return Announced(failed, sum(sum(one.published) for one in possible))

    def _is_announced(self, written: _Written, snapshot: Snapshot, deadline: float) -> bool:
        """Announce a board; return whether that succeeded before the deadline."""
        try:
            self._announce(written, snapshot, deadline)
        except _Failures as error:
            logger.error("standings could not announce the top of a board (%s)", code_of(error))
            return False
        return True

    def _announce(self, written: _Written, snapshot: Snapshot, deadline: float) -> None:
        """Announce a board, starting from the given snapshot, or from a newer one if another process saved it."""
        for pause_s in _PAUSES_S:
            try:
                return self._announce_until_settled(written, snapshot, deadline)
            except ConcurrentSave:
                self.sleep(random.uniform(0, pause_s))
                snapshot = self.snapshots.read([written.board])[written.board]
        return self._announce_until_settled(written, snapshot, deadline)

    def _announce_until_settled(self, written: _Written, snapshot: Snapshot, deadline: float) -> None:
        """Announce until the top, read after the last save, equals the saved one.

        So of two processes at one board, at least one sees the writes of both: a process reads what was written before
        its save, and a process that writes later finds the other's snapshot and announces what changed since.
        """
        expires_at = written.policy.expires_at
        for _ in range(ROUNDS):
            if self.clock() > deadline:
                raise NotAcknowledged("There is no time left to announce the top of the board.")
            if snapshot.pending is not None:
                written.published.append(self.publisher.publish(events_of(snapshot)))
                snapshot = self.snapshots.save(snapshot, snapshot.announced(_now_ms()), expires_at)
            top = self._read_top(written, snapshot)
            if top == snapshot.top:
                return
            following = snapshot.announcing(top, self.size, written.at, _now_ms())
            snapshot = self.snapshots.save(snapshot, following, expires_at)
        raise NotAcknowledged(f"The top of the board changed {ROUNDS} times while it was announced.")

    def _read_top(self, written: _Written, snapshot: Snapshot) -> Top:
        """Read the current entries of all candidates for the top and of its members; a read unit each.

        The index is eventually consistent: it may lack entries that were just written, and may still have some that are
        gone. A stale entry may hide the one behind it, which no other process would announce, so then more are read.
        """
        limit = self.size + sum(entry.id in snapshot.ids for entry in written.applied)
        order = written.policy.order
        while True:
            indexed = self._best_indexed(written, limit)
            last = rank_in_top(indexed[-1], order) if len(indexed) == limit else None
            ahead = best_entries(written.applied, last, self.size, written.policy)
            ids = snapshot.ids | {entry.id for entry in indexed} | {entry.id for entry in ahead}
            top = best(self._read_entries(written, ids), snapshot.top, self.size, order)
            if last is None or (len(top) == self.size and rank_in_top(top[-1], order) <= last):
                return top
            limit *= 2

    def _read_entries(self, written: _Written, ids: Iterable[str]) -> list[TopEntry]:
        keys = [item_key(one, written.board) for one in sorted(ids)]
        items = read_items(self.dynamodb, self.table, keys, consistent=True, sleep=self.sleep)
        return [top_entry_of(read_item(item), written.policy) for item in items if is_entry(item)]

    def _best_indexed(self, written: _Written, limit: int) -> list[TopEntry]:
        """Query the index for the best entries; half a read unit for each 4 KB."""
        ties = bool(written.policy.then_by)
        index = entry_index(self.dynamodb.query, self.table, self.score_index, self.tie_index, ties=ties)
        found = index.best(written.board, written.policy.order, limit)
        return [top_entry_of(entry, written.policy) for entry in found]


def _by_board(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    by_board: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_board[entry.board].append(entry)
    return by_board


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

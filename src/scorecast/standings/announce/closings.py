"""Closings: when a board has closed, publish one BoardClosed event with its final top and total.

A closing stays in the board table until its event is on the bus. So the event is published at least once, with the same
id, wherever a process ends. A board that cannot be announced now does not hold up others: the next call tries it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.errors import NotAcknowledged, ScorecastError
from scorecast.leaderboard.batch_get import BatchGetItem
from scorecast.leaderboard.closing import Closing, closings_until, read_closing
from scorecast.leaderboard.index.entries import entry_index
from scorecast.leaderboard.index.table import ROOT, IndexTable
from scorecast.leaderboard.item import StoredEntry
from scorecast.leaderboard.policy import BoardPolicy, read_time, utc_text
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import code_of
from scorecast.runtime.logs import logger
from scorecast.runtime.pages import read_all
from scorecast.standings.announce.board_closed import FinalStandings, board_closed
from scorecast.standings.announce.publish import StandingEventPublisher

# How long changes from before the closing have to reach the board and so be in the event.
GRACE_S = 120
# This long after the closing, an index with fewer entries than the board counts no longer delays the event.
PATIENCE_S = 600

_Failures = (ClientError, BotoCoreError, ScorecastError)


class _DynamoDb(BatchGetItem, Protocol):
    def query(self, **request: Any) -> dict[str, Any]: ...
    def delete_item(self, **request: Any) -> dict[str, Any]: ...
    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ClosingAnnouncements:
    """Announces the ends of boards, with the first `size` entries of each."""

    dynamodb: _DynamoDb
    table: str
    score_index: str
    tie_index: str
    board_table: str
    publisher: StandingEventPublisher
    size: int
    clock: Callable[[], float] = time.monotonic

    def announce(self, now: datetime, deadline: float = inf) -> int:
        """Announce the boards that closed at least GRACE_S before `now`; return how many events the bus accepted.

        Costs a read unit for 4 KB of closings, and for each board a unit for the policy, at most six for the total, and
        a page of its first entries. Closings that are not reached by the clock's `deadline` are left to the next call.
        """
        policies = PolicyTable(self.dynamodb, self.board_table)
        announced = 0
        for closing in self._due(now):
            if self.clock() > deadline:
                break
            try:
                announced += self._settle(closing, policies.of([closing.board])[closing.board], now)
            except _Failures as error:
                logger.error("standings could not announce the end of a board (%s)", code_of(error))
        return announced

    def _due(self, now: datetime) -> list[Closing]:
        """Read the closings to announce; empty if the table does not answer, since the next call is within a minute."""
        request = closings_until(self.board_table, utc_text(now - timedelta(seconds=GRACE_S)))
        try:
            return [*map(read_closing, read_all(self.dynamodb.query, request))]
        except _Failures as error:
            logger.error("standings could not read the closings (%s)", code_of(error))
            return []

    def _settle(self, closing: Closing, policy: BoardPolicy, now: datetime) -> bool:
        """Announce a closing if it is still valid, and delete it; return whether an event was published."""
        holds = policy.closes_at == closing.closes_at and not policy.has_expired(utc_text(now))
        if holds and policy.is_frozen(utc_text(now)):
            return False  # it waits for the reveal
        if holds:
            self.publisher.publish([board_closed(self._read(closing, policy, now))])
        self.dynamodb.delete_item(TableName=self.board_table, Key=closing.key)
        return holds

    def _read(self, closing: Closing, policy: BoardPolicy, now: datetime) -> FinalStandings:
        """Read the final standings; NotAcknowledged if the index does not have all of the board's entries yet."""
        index = IndexTable(self.dynamodb, self.board_table)
        total = index.read(closing.board, [ROOT], consistent=True)[ROOT].total
        entries = self._best(closing.board, policy)
        is_behind = len(entries) < min(self.size, total)
        if is_behind and now < read_time("closes_at", closing.closes_at) + timedelta(seconds=PATIENCE_S):
            raise NotAcknowledged("The index of a closed board does not have all of its entries yet.")
        return FinalStandings(closing, policy, self.size, total, entries)

    def _best(self, board: str, policy: BoardPolicy) -> list[StoredEntry]:
        ties = policy.orders_ties
        index = entry_index(self.dynamodb.query, self.table, self.score_index, self.tie_index, ties=ties)
        return index.best(board, policy.order, self.size)

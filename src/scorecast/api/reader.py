"""The leaderboard as LeaderGet reads it: its tables, and the boards that have entries.

Ranks are competition ranks (1, 2, 2, 4): 1 + the number of entries with a better score. Ranks and totals come from
the counting index, so no answer reads more entries than it shows, except for one bounded count.
"""

from __future__ import annotations

from dataclasses import dataclass

from scorecast.api.entry_table import DynamoDb, EntryTable
from scorecast.api.errors import ApiError
from scorecast.leaderboard.index.lookup import Board, RankIndex
from scorecast.leaderboard.index.table import CounterTable


@dataclass(frozen=True, slots=True)
class LeaderboardReader:
    """The tables, their indexes, and the key that signs tokens."""

    dynamodb: DynamoDb
    table: str
    index: str
    tie_index: str
    board_table: str
    page_token_key: str

    @property
    def entries(self) -> EntryTable:
        """The entries of all boards."""
        return EntryTable(self.dynamodb, self.table, self.index, self.tie_index)

    @property
    def ranks(self) -> RankIndex:
        """The counting index of all boards."""
        counters = CounterTable(self.dynamodb, self.board_table)
        return RankIndex(counters, self.entries.count_above, self.entries.count_between)

    def open_board(self, name: str) -> Board:
        """Read a board's root and policy; ApiError 404 if it has no entries."""
        board = self.ranks.open([name])[name]
        if not board.total:
            raise ApiError(404, f"There is no board {name[:200]!r}, or it has no entries.", "hackathonName")
        return board

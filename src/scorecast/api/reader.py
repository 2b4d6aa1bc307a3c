"""The leaderboard as LeaderGet reads it: its tables, and the boards that have entries.

Ranks are competition ranks (1, 2, 2, 4): 1 + the number of entries with a better score. Ranks, positions and totals
come from the counting index, so an answer reads only the entries that it shows and those of a range or two. Independent
reads are concurrent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from scorecast.api.entry_table import BoardEntries, DynamoDb, EntryTable
from scorecast.api.errors import ApiError
from scorecast.leaderboard.batch_get import read_items
from scorecast.leaderboard.derived_board import frozen_board
from scorecast.leaderboard.index.lookup import Board, RankIndex
from scorecast.leaderboard.index.table import IndexTable
from scorecast.leaderboard.policy import BoardPolicy, policy_key, read_policy, utc_text
from scorecast.runtime.together import Together, together

T = TypeVar("T")
U = TypeVar("U")


def utc_now() -> datetime:
    """Return the current time, which decides whether a board is frozen and which period is current."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class LeaderboardReader:
    """The tables, their indexes, and the key that signs tokens, on behalf of a caller (caller.py).

    `is_live` is for operators: it shows frozen boards as they are now, and boards whatever their readers are.
    """

    dynamodb: DynamoDb
    table: str
    index: str
    tie_index: str
    board_table: str
    page_token_key: str
    together: Together = together
    is_live: bool = False
    caller: str | None = None

    def may_read(self, policy: BoardPolicy) -> bool:
        """Whether the caller is among the readers of a board with this policy."""
        return self.is_live or policy.may_read(self.caller)

    @property
    def entries(self) -> EntryTable:
        """The entries of all boards."""
        return EntryTable(self.dynamodb, self.table, self.index, self.tie_index)

    @property
    def ranks(self) -> RankIndex:
        """The counting index of all boards."""
        by_score, by_tie = (self.entries.by(ties=ties) for ties in (False, True))
        table = IndexTable(self.dynamodb, self.board_table, clock=lambda: self.now().timestamp())
        return RankIndex(table, by_score, by_tie, self.together)

    def both(self, one: Callable[[], T], other: Callable[[], U]) -> tuple[T, U]:
        """Make two calls concurrently."""
        first, second = self.together([one, other])
        return first, second

    def open_boards(self, names: Sequence[str], *, shapes: bool = True) -> dict[str, Board]:
        """Read the roots and policies of boards; for boards that are frozen now, those of their copies.

        Without `shapes` nothing can be looked up.
        """
        boards, now = self.ranks.open(names, shapes=shapes), utc_text(self.now())
        copies = {name: frozen_board(name) for name, board in boards.items() if board.policy.is_frozen(now)}
        if self.is_live or not copies:
            return boards
        opened = self.ranks.open(list(copies.values()), shapes=shapes)
        return boards | {name: opened[copy] for name, copy in copies.items()}

    def open_board(self, name: str, *, shapes: bool = True) -> Board:
        """Read one board as `open_boards` does; ApiError 404 if it has no entries, or not for this caller."""
        board = self.open_boards([name], shapes=shapes)[name]
        if not board.total or not self.may_read(board.policy) or (board.name == name and board.policy.copy_of):
            raise ApiError(404, f"There is no board {name[:200]!r}, or it has no entries.", "hackathonName")
        return board

    def open_with(self, name: str, read: Callable[[str], T]) -> tuple[Board, T]:
        """Open a board and read entries concurrently; if the board is frozen now, read again from its copy."""
        board, found = self.both(partial(self.open_board, name), partial(read, name))
        return board, found if board.name == name else read(board.name)

    def now(self) -> datetime:
        """Return the time."""
        return utc_now()

    def policy_of(self, board: str) -> BoardPolicy:
        """Read a board's policy; half a read unit."""
        found = list(read_items(self.dynamodb, self.board_table, [policy_key(board)], consistent=False))
        return read_policy(found[0] if found else None)

    def entries_of(self, board: Board) -> BoardEntries:
        """Return the entries of a board in its order."""
        return self.entries.of_board(board.name, board.policy)

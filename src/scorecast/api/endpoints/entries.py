"""GET /leaderBoard/?hackathonName=: a page of a board, best first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from scorecast.api.cursor import Cursor, make_token, read_token
from scorecast.api.entry_table import cursor_at
from scorecast.api.errors import ApiError
from scorecast.api.fields import Fields, board_fields, entry_fields
from scorecast.api.parameters import LIMIT_MAX, Parameters
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.index.digits import range_of
from scorecast.leaderboard.index.lookup import Board
from scorecast.leaderboard.item import StoredEntry
from scorecast.leaderboard.policy import BoardPolicy

LIMIT_DEFAULT = 10
POSITION_MAX = 10**12
# A jump to a position reads the entries before it in its range of scores; past this many it starts at the range.
SKIP_MAX = 2000


@dataclass(frozen=True, slots=True)
class ListEntries:
    """A page of a board, from its top, from a token, or from a position (1 is the best)."""

    board: str
    limit: int
    token: str | None = None
    position: int | None = None

    @classmethod
    def read(cls, parameters: Parameters) -> ListEntries:
        """Read the request; ApiError 400 where a parameter is not allowed."""
        board = parameters.board()
        limit = parameters.whole("limit", 1, LIMIT_MAX, LIMIT_DEFAULT)
        if "atRank" not in parameters.names:
            return cls(board, limit, token=parameters.token("next"))
        parameters.allow("hackathonName", "limit", "atRank")
        return cls(board, limit, position=parameters.whole("atRank", 1, POSITION_MAX, 1))

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read the entries that are shown, and one node of the index for `total`."""
        board = reader.open_board(self.board)
        start, skip = self._start(board, reader.page_token_key)
        found = reader.entries.best_first(board.name, board.policy, start, skip + self.limit)
        ranked = list(_ranked(found, start, board.policy))[skip:]
        entries = [{"rank": at.rank, "position": at.shown} | entry_fields(entry) for entry, at in ranked]
        answer = board_fields(board) | {"entries": entries}
        if len(ranked) == self.limit and ranked[-1][1].shown < board.total:
            answer["next"] = make_token(ranked[-1][1], _scope(board), reader.page_token_key)
        return answer

    def _start(self, board: Board, key: str) -> tuple[Cursor, int]:
        """Return the entry or the score at which the page starts, and how many entries to skip from there."""
        if self.token:
            return read_token(self.token, _scope(board), key), 0
        if self.position is None:
            return Cursor("", "", 0, 0), 0
        located = board.locate(self.position)
        if located is None:
            raise ApiError(404, f"The board has no position {self.position}.", "atRank")
        best = board.policy.order.best_first(range_of(located.score))[0]
        skip = self.position - located.above - 1
        return Cursor("", str(best), located.above, located.above), skip if skip <= SKIP_MAX else 0


def _ranked(entries: Iterable[StoredEntry], start: Cursor, policy: BoardPolicy) -> Iterator[tuple[StoredEntry, Cursor]]:
    """Rank each entry: as the entry before it where the scores are equal, else 1 + the number before it."""
    cursor = start
    for entry in entries:
        tied = cursor.id and Decimal(cursor.score) == entry.number
        rank = cursor.rank if tied else cursor.shown + 1
        cursor = cursor_at(entry, policy, rank, cursor.shown + 1)
        yield entry, cursor


def _scope(board: Board) -> str:
    """Name what a page's token is valid for: this board, for as long as it has this order."""
    return f"entries/{board.policy.order}/{board.policy.ties}/{board.name}"

"""GET /leaderBoard/?hackathonName=: a page of a board, best first."""

from __future__ import annotations

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

LIMIT_DEFAULT = 10
POSITION_MAX = 10**12
# A jump to a position reads the entries before it in its range of scores; past this many it starts at the range. A page
# that begins among tied entries counts those before it; past this many it counts on from the page before.
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
        """Read the entries that are shown, one more that tells whether more follow, and the standing of the first."""
        board = reader.open_board(self.board)
        page = self._read(reader, board)
        ranked = page.ranked()[: self.limit]
        entries = [{"rank": one.rank, "position": one.position} | entry_fields(one.entry) for one in ranked]
        answer = board_fields(board) | {"entries": entries}
        if len(page.found) > self.limit:
            last = ranked[-1]
            cursor = cursor_at(last.entry, board.policy, last.position - last.rank + 1)
            answer["next"] = make_token(cursor, _scope(board), reader.page_token_key)
        return answer

    def _read(self, reader: LeaderboardReader, board: Board) -> _Page:
        if self.token:
            return _continue(reader, board, read_token(self.token, _scope(board), reader.page_token_key), self.limit)
        if self.position:
            return _jump(reader, board, self.position, self.limit)
        return _Page(reader.entries.best(board.name, board.policy, self.limit + 1))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """An entry, its rank, and its position (ties share a rank, but not a position)."""

    entry: StoredEntry
    rank: int
    position: int


@dataclass(frozen=True, slots=True)
class _Page:
    """Entries in the board's order, the first of which has `above` better ones and `tied` equal ones before it."""

    found: list[StoredEntry]
    above: int = 0
    tied: int = 0

    def ranked(self) -> list[_Ranked]:
        """Rank each entry: as the entry before it where the scores are equal, else by its position. O(n)."""
        ranked: list[_Ranked] = []
        for position, entry in enumerate(self.found, start=self.above + self.tied + 1):
            if not ranked:
                rank = self.above + 1
            else:
                rank = ranked[-1].rank if ranked[-1].entry.number == entry.number else position
            ranked.append(_Ranked(entry, rank, position))
        return ranked

    def skip(self, count: int) -> _Page:
        """Return the page without its first entries."""
        rest = self.ranked()[count:]
        return _Page(self.found[count:], rest[0].rank - 1, rest[0].position - rest[0].rank) if rest else _Page([])


def _continue(reader: LeaderboardReader, board: Board, cursor: Cursor, limit: int) -> _Page:
    """Read the entries after a cursor; the index says the rank of the first now.

    Costs the lookup of one rank. Where the page begins with entries tied with the cursor, it costs the lookup of the
    next score too, or, if all of the page is tied, a COUNT of at most SKIP_MAX + 1 of the tied entries before it.
    """
    found = reader.entries.after(board.name, board.policy, cursor, limit + 1)
    if not found:
        return _Page([])
    scores = [entry.number for entry in found]
    if scores[0] != Decimal(cursor.score):
        return _Page(found, board.find(scores[0]).above)
    tied = scores.count(scores[0])
    if tied < len(scores):
        first, worse = board.find_many([scores[0], scores[tied]])
        return _Page(found, first.above, max(worse.above - first.above - tied, 0))
    before = reader.entries.count_tied_before(board.name, board.policy, found[0], SKIP_MAX)
    return _Page(found, board.find(scores[0]).above, cursor.tied if before is None else before)


def _jump(reader: LeaderboardReader, board: Board, position: int, limit: int) -> _Page:
    """Read the entries from a position on: the index says in which range of scores it is, and what is above that."""
    located = board.locate(position)
    if located is None:
        raise ApiError(404, f"The board has no position {position}.", "atRank")
    best = board.policy.order.best_first(range_of(located.score))[0]
    skip = position - located.above - 1
    if skip > SKIP_MAX:
        skip = 0
    found = reader.entries.from_score(board.name, board.policy, best, skip + limit + 1)
    return _Page(found, located.above).skip(skip)


def _scope(board: Board) -> str:
    """Name what a page's token is valid for: this board, for as long as it has this order."""
    return f"entries/{board.policy.order}/{board.policy.ties}/{board.name}"

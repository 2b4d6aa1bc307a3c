"""GET /leaderBoard/?hackathonName=: a page of a board, best first."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from scorecast.api.cursor import Cursor, make_token, read_token
from scorecast.api.entry_table import BoardEntries
from scorecast.api.errors import ApiError
from scorecast.api.fields import Fields, board_fields, entry_fields
from scorecast.api.parameters import LIMIT_MAX, Parameters
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.index.lookup import Board, Place
from scorecast.leaderboard.item import StoredEntry

LIMIT_DEFAULT = 10
POSITION_MAX = 10**12
# A jump skips the entries before it in its range. A range has more than this only if ties have no order; then the jump
# starts at the first tied entry. A page of tied entries counts up to this many before it, or else continues the
# previous page.
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
        """Read the entries to show, one more to tell whether others follow, and the standing of the first."""
        # The first page needs no look-up.
        board = reader.open_board(self.board, shapes=bool(self.token or self.position))
        entries = reader.entries_of(board)
        page = self._read(reader, board, entries)
        ranked = page.ranked()[: self.limit]
        shown = [{"rank": one.rank, "position": one.position} | entry_fields(one.entry, board.policy) for one in ranked]
        answer = board_fields(board) | {"entries": shown}
        if len(page.found) > self.limit:
            last = ranked[-1]
            cursor = entries.cursor(last.entry, last.position - last.rank + 1)
            answer["next"] = make_token(cursor, _scope(board), reader.page_token_key)
        return answer

    def _read(self, reader: LeaderboardReader, board: Board, entries: BoardEntries) -> _Page:
        """Read one entry more than is shown."""
        if self.token:
            cursor = read_token(self.token, _scope(board), reader.page_token_key)
            return _continue(reader, board, entries, cursor, self.limit + 1)
        if self.position:
            return _jump(reader, board, entries, self.position, self.limit + 1)
        return _Page(board, entries.best(self.limit + 1))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """An entry, its rank, and its position (ties share a rank, but not a position)."""

    entry: StoredEntry
    rank: int
    position: int


@dataclass(frozen=True, slots=True)
class _Page:
    """Entries in the board's order; before the first are `above` better entries and `tied` equal ones."""

    board: Board
    found: list[StoredEntry]
    above: int = 0
    tied: int = 0

    def ranked(self) -> list[_Ranked]:
        """Rank each entry: like the entry before it if they are tied, else by its position. O(n)."""
        ranked: list[_Ranked] = []
        key = ""
        for position, entry in enumerate(self.found, start=self.above + self.tied + 1):
            before, key = key, self.board.rank_key(entry)
            rank = self.above + 1 if not ranked else ranked[-1].rank if key == before else position
            ranked.append(_Ranked(entry, rank, position))
        return ranked

    def skip(self, count: int) -> _Page:
        """Return the page without its first `count` entries."""
        rest = self.ranked()[count:]
        if not rest:
            return _Page(self.board, [])
        return _Page(self.board, self.found[count:], rest[0].rank - 1, rest[0].position - rest[0].rank)


def _continue(reader: LeaderboardReader, board: Board, entries: BoardEntries, cursor: Cursor, limit: int) -> _Page:
    """Read the entries after a cursor; concurrently look up how many come before its ties, and before the next entry.

    If ties have no order and the whole page is tied with the cursor, count at most SKIP_MAX + 1 entries before it.
    """
    score, tie = Decimal(cursor.score), cursor.tie if board.has_positions else ""
    places = [board.rank_place(score, cursor.tie), Place(score), Place(score, tie, after=True)]
    counts = partial(board.count_before, places)
    found, (above, better, before) = reader.both(partial(entries.after, cursor, limit), counts)
    if not found:
        return _Page(board, [])
    # Entries equal to the cursor come first, and `before` includes them.
    equal = sum(one.tie_order == tie if tie else one.number == score for one in found)
    if equal < len(found):
        ahead = before - equal
    else:
        counted = entries.count_tied_before(found[0], SKIP_MAX)
        ahead = above + cursor.tied if counted is None else better + counted
    is_tied = board.rank_key(found[0]) == board.rank_key_at(score, cursor.tie)
    return _Page(board, found, above, max(ahead - above, 0)) if is_tied else _Page(board, found, ahead)


def _jump(reader: LeaderboardReader, board: Board, entries: BoardEntries, position: int, limit: int) -> _Page:
    """Find a position's range in the index; read the range's entries before the position, and the page from there."""
    found = board.block_at(position)
    if found is None:
        raise ApiError(404, f"The board has no position {position}.", "atRank")
    if board.has_positions:
        skip = _skip(position - found.better - 1)
        read = partial(entries.from_key, found.block.low, skip + limit)
        above, page = reader.both(partial(board.count_better, found), read)
        return _Page(board, page, above, found.better - above).skip(skip)
    above = board.count_better(found)
    skip = _skip(position - above - 1)
    return _Page(board, entries.from_score(board.best_score(found.block), skip + limit), above).skip(skip)


def _skip(many: int) -> int:
    return many if many <= SKIP_MAX else 0


def _scope(board: Board) -> str:
    """Name what a page's token is valid for: this board, as long as it has this order."""
    return f"entries/{board.policy.key_order}/{board.policy.ties}/{board.name}"

"""What LeaderGet answers of the leaderboard, and in how many read units.

Ranks are competition ranks (1, 2, 2, 4): 1 + the number of entries with a better score. They and the totals come from
the counting index, so no answer reads more entries than it shows, except for one bounded count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scorecast.api.cursor import Cursor, make_token, read_token, sign, unsign
from scorecast.api.entries import DynamoDb, EntryTable, cursor_at, is_entry, query_first
from scorecast.api.errors import ApiError
from scorecast.api.neighbours import ranks_above, ranks_below, share_places
from scorecast.api.query import (
    CompareEntries,
    GetEntry,
    GetHistogram,
    ListBoards,
    ListEntries,
    ListParticipantBoards,
    RankScore,
)
from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.index.digits import range_of
from scorecast.leaderboard.index.lookup import Board, RankIndex, Standing
from scorecast.leaderboard.index.table import CounterTable
from scorecast.leaderboard.policy import BoardPolicy

# A jump to a position reads the entries before it in its range; past this many it begins with the range.
SKIP_MAX = 2000

# The collection of the board table that lists the boards.
_BOARDS = {"S": "boards"}
# What a token of the list of boards is good for.
_BOARDS_SCOPE = "boards"


@dataclass(frozen=True, slots=True)
class LeaderboardReader:
    """The leaderboard, read only."""

    dynamodb: DynamoDb
    table: str
    index: str
    tie_index: str
    board_table: str
    page_token_key: str

    def list_boards(self, query: ListBoards) -> dict[str, Any]:
        """A page of the boards that have entries, by name, with their totals: a root and a policy each."""
        after = unsign(query.token, _BOARDS_SCOPE, self.page_token_key) if query.token else ""
        request: dict[str, Any] = {
            "TableName": self.board_table,
            "KeyConditionExpression": "#collection = :boards",
            "ExpressionAttributeNames": {"#collection": "collection"},
            "ExpressionAttributeValues": {":boards": _BOARDS},
        }
        if after:
            request["ExclusiveStartKey"] = {"collection": _BOARDS, "name": {"S": after}}
        # One more than is shown says whether more follow.
        names = [item["name"]["S"] for item in query_first(self.dynamodb, request, query.limit + 1)]
        boards = self._ranks.open(names[: query.limit]).values()
        answer = {"boards": [_about(board) for board in boards if board.total]}
        return answer | self._next(names, query.limit, _BOARDS_SCOPE)

    def list_entries(self, query: ListEntries) -> dict[str, Any]:
        """One page of a board, best first: reads the entries that it returns, and one node for `total`."""
        board = self._open(query.board)
        start, skip = self._start(board, query)
        items = self._entries.best_first(board.name, board.policy, start, skip + query.limit)
        ranked = list(_ranked(items, start, board.policy))[skip:]
        entries = [{"rank": position.rank, "position": position.shown} | _entry(item) for item, position in ranked]
        answer = _about(board) | {"entries": entries}
        if len(ranked) == query.limit and ranked[-1][1].shown < board.total:
            answer["next"] = make_token(ranked[-1][1], _scope(board), self.page_token_key)
        return answer

    def compare_entries(self, query: CompareEntries) -> dict[str, Any]:
        """The entries of several participants, best first; those who are not on the board are not in the answer."""
        board = self._open(query.board)
        items = self._entries.get_many(board.name, query.ids)
        standings = board.find_many([_score(item) for item in items])
        entries = [{"rank": one.rank} | _entry(item) for item, one in zip(items, standings, strict=True)]
        ordered = sorted(entries, key=lambda entry: (entry["rank"], entry["id"]))
        return _about(board) | {"entries": ordered}

    def rank_score(self, query: RankScore) -> dict[str, Any]:
        """The rank that a score has or would have."""
        board = self._open(query.board)
        return _about(board) | {"projectScore": query.score} | _standing(board.find(query.score))

    def get_histogram(self, query: GetHistogram) -> dict[str, Any]:
        """How a board's scores are spread: bars of one width, from the lowest score to the highest."""
        board = self._open(query.board)
        bars = [{"from": bar.low, "to": bar.high, "count": bar.count} for bar in board.histogram()]
        return _about(board) | {"bars": bars}

    def get_entry(self, query: GetEntry) -> dict[str, Any]:
        """One participant's entry with its rank and its neighbours: a GetItem, a look-up, and two short queries."""
        item = self._entries.get(query.board, query.id)
        if item is None:
            raise ApiError(404, f"The participant {query.id[:200]!r} is not on the board {query.board[:200]!r}.")
        board = self._ranks.open([query.board])[query.board]
        standing = board.find(_score(item))
        answer = _about(board) | _entry(item) | _standing(standing)
        return answer | self._neighbours(board, query.neighbours, item, standing.rank)

    def list_participant_boards(self, query: ListParticipantBoards) -> dict[str, Any]:
        """A page of the boards a participant is on, by name: a look-up in the index each."""
        scope = f"participant/{query.id}"
        after = unsign(query.token, scope, self.page_token_key) if query.token else ""
        # One more than is shown says whether more follow.
        items = self._entries.of_participant(query.id, after, query.limit + 1)
        standing = [item for item in items[: query.limit] if is_entry(item)]
        more = self._next([item["metadata"]["S"] for item in items], query.limit, scope)
        if not (standing or more or after):
            raise ApiError(404, f"The participant {query.id[:200]!r} is not on any board.")
        boards = self._ranks.open([item["metadata"]["S"] for item in standing])
        return {"id": query.id, "boards": [_on_board(boards[item["metadata"]["S"]], item) for item in standing]} | more

    # ---------------------------------------------------------------- parts of answers

    @property
    def _entries(self) -> EntryTable:
        return EntryTable(self.dynamodb, self.table, self.index, self.tie_index)

    @property
    def _ranks(self) -> RankIndex:
        counters = CounterTable(self.dynamodb, self.board_table)
        return RankIndex(counters, self._entries.count_above, self._entries.count_between)

    def _open(self, name: str) -> Board:
        board = self._ranks.open([name])[name]
        if not board.total:
            raise ApiError(404, f"There is no board {name[:200]!r}, or it has no entries.", "hackathonName")
        return board

    def _start(self, board: Board, query: ListEntries) -> tuple[Cursor, int]:
        """Where a page starts: after which entry or at which score, and how many entries to pass over from there."""
        if query.token:
            return read_token(query.token, _scope(board), self.page_token_key), 0
        if query.position is None:
            return Cursor("", "", 0, 0), 0
        located = board.locate(query.position)
        if located is None:
            raise ApiError(404, f"The board has no position {query.position}.", "atRank")
        best = board.policy.order.best_first(range_of(located.score))[0]
        skip = query.position - located.above - 1
        return Cursor("", str(best), located.above, located.above), skip if skip <= SKIP_MAX else 0

    def _next(self, names: list[str], limit: int, scope: str) -> dict[str, str]:
        """What to ask for next in a list by name, where there are more names than are shown."""
        return {"next": sign(names[limit - 1], scope, self.page_token_key)} if len(names) > limit else {}

    def _neighbours(self, board: Board, each: int, item: Item, rank: int) -> dict[str, Any]:
        # As many as there are places on both sides together, for one of the sides may end early.
        above, below = (
            self._entries.beside(board.name, board.policy, item, 2 * each, above=above) for above in (True, False)
        )
        places = share_places(len(above), len(below), each)
        above, below = above[: places[0]], below[: places[1]]
        mine = _score(item)
        above_scores, below_scores = [_score(one) for one in above], [_score(one) for one in below]
        worse = next((score for score in below_scores if score != mine), mine)
        better = above_scores[-1] if above_scores else mine
        farthest, first = board.find_many([better, worse]) if above or below else (None, None)
        ranks = ranks_above(above_scores, mine, rank, farthest.rank if farthest else 0)
        shown_above = [{"rank": one} | _entry(other) for one, other in zip(ranks, above, strict=True)]
        ranks = ranks_below(below_scores, mine, rank, first.rank if first else 0)
        shown_below = [{"rank": one} | _entry(other) for one, other in zip(ranks, below, strict=True)]
        return {"above": shown_above[::-1], "below": shown_below}


def _ranked(items: Iterable[Item], start: Cursor, policy: BoardPolicy) -> Iterator[tuple[Item, Cursor]]:
    """Give each entry its rank: that of the entry before where the scores are equal, else how many come before it."""
    position = start
    for item in items:
        tied = position.id and Decimal(position.score) == _score(item)
        rank = position.rank if tied else position.shown + 1
        position = cursor_at(item, policy, rank, position.shown + 1)
        yield item, position


def _scope(board: Board) -> str:
    """What a token of a board's page is good for: this board, for as long as it has this order."""
    return f"entries/{board.policy.order}/{board.policy.ties}/{board.name}"


def _about(board: Board) -> dict[str, Any]:
    """What every answer about a board says of it."""
    about = {
        "hackathonName": board.name,
        "order": str(board.policy.order),
        "total": board.total,
        "updatedAt": board.updated_at,
    }
    return about | ({"closesAt": board.policy.closes_at} if board.policy.closes_at else {})


def _on_board(board: Board, item: Item) -> dict[str, Any]:
    entry = {key: value for key, value in _entry(item).items() if key != "id"}
    return _about(board) | entry | _standing(board.find(_score(item)))


def _standing(standing: Standing) -> dict[str, Any]:
    return {"rank": standing.rank, "percentile": standing.percentile, "total": standing.total}


def _score(item: Item) -> Decimal:
    return Decimal(item["projectScore"]["N"])


def _entry(item: Item) -> dict[str, Any]:
    return {"id": item["id"]["S"], "userName": item.get("userName", {}).get("S"), "projectScore": _score(item)}

"""What LeaderGet reads of the leaderboard, and in how many read units.

Ranks are competition ranks (1, 2, 2, 4): 1 + the number of entries with a higher score. They and the totals come from
the counting index (scorecast.ranks), so that no answer reads more entries than it shows, but for one bounded count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol

from scorecast.api.errors import ApiError
from scorecast.api.neighbours import ranks_above, ranks_below, share_places
from scorecast.api.page_token import Position, make_token, read_token
from scorecast.api.query import CompareEntries, GetEntry, GetHistogram, ListEntries, ListEntriesOf, RankScore
from scorecast.items import BatchGetItem, read_items
from scorecast.ranks.digits import range_of
from scorecast.ranks.lookup import RankIndex, Size, Standing
from scorecast.ranks.table import CounterTable

# A jump to a position reads the entries before it in its range; past this many it begins with the range.
SKIP_MAX = 2000

Item = dict[str, Any]


class _DynamoDb(BatchGetItem, Protocol):
    def query(self, **request: Any) -> dict[str, Any]: ...
    def get_item(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Standings:
    """The leaderboard, read only."""

    dynamodb: _DynamoDb
    table: str
    index: str
    board_table: str
    page_token_key: str

    def list_boards(self) -> dict[str, Any]:
        """All boards that have entries, by name, with their totals; one node a board."""
        listed = self._pages(
            TableName=self.board_table,
            KeyConditionExpression="#collection = :boards",
            ExpressionAttributeNames={"#collection": "collection"},
            ExpressionAttributeValues={":boards": {"S": "boards"}},
        )
        names = [item["name"]["S"] for page in listed for item in page["Items"]]
        sizes = self._ranks.sizes(names)
        return {"boards": [{"hackathonName": name} | _size(size) for name, size in sizes.items() if size.total]}

    def list_entries(self, query: ListEntries) -> dict[str, Any]:
        """One page of a board, best first: reads the entries that it returns, and one node for `total`."""
        size = self._size(query.board)
        start, skip = self._start(query)
        request = self._board_request(query.board) | {"ScanIndexForward": False, "Limit": skip + query.limit}
        if start.id:
            request["ExclusiveStartKey"] = _index_key(query.board, start.id, start.score)
        elif start.shown:
            request["KeyConditionExpression"] += " AND projectScore <= :high"
            request["ExpressionAttributeValues"] |= {":high": {"N": start.score}}
        items = (item for page in self._pages(**request) for item in page["Items"])
        ranked = list(islice(_ranked(items, start), skip, skip + query.limit))
        answer: dict[str, Any] = {"hackathonName": query.board} | _size(size)
        answer["entries"] = [{"rank": position.rank} | _entry(item) for item, position in ranked]
        if len(ranked) == query.limit and ranked[-1][1].shown < size.total:
            answer["next"] = make_token(ranked[-1][1], query.board, self.page_token_key)
        return answer

    def compare_entries(self, query: CompareEntries) -> dict[str, Any]:
        """The entries of several participants, best first; those who are not on the board are not in the answer."""
        size = self._size(query.board)
        keys = [{"id": {"S": one}, "metadata": {"S": query.board}} for one in query.ids]
        items = [item for item in read_items(self.dynamodb, self.table, keys, consistent=False) if _has_score(item)]
        standings = self._ranks.find_many(query.board, [_score(item) for item in items])
        entries = [{"rank": one.rank} | _entry(item) for item, one in zip(items, standings, strict=True)]
        ordered = sorted(entries, key=lambda entry: (entry["rank"], entry["id"]))
        return {"hackathonName": query.board} | _size(size) | {"entries": ordered}

    def rank_score(self, query: RankScore) -> dict[str, Any]:
        """The rank that a score has or would have."""
        size = self._size(query.board)
        standing = self._ranks.find(query.board, query.score)
        answer = {"hackathonName": query.board, "projectScore": query.score} | _standing(standing)
        return answer | {"updatedAt": size.updated_at}

    def get_histogram(self, query: GetHistogram) -> dict[str, Any]:
        """How a board's scores are spread: bars of one width, from the lowest score to the highest."""
        size = self._size(query.board)
        bars = [{"from": bar.low, "to": bar.high, "count": bar.count} for bar in self._ranks.histogram(query.board)]
        return {"hackathonName": query.board} | _size(size) | {"bars": bars}

    def get_entry(self, query: GetEntry) -> dict[str, Any]:
        """One participant's entry with its rank and its neighbours: a GetItem, a look-up, and two short queries."""
        key = {"id": {"S": query.id}, "metadata": {"S": query.board}}
        item = self.dynamodb.get_item(TableName=self.table, Key=key).get("Item", {})
        if not _has_score(item):
            raise ApiError(404, f"The participant {query.id[:200]!r} is not on the board {query.board[:200]!r}.")
        standing = self._ranks.find(query.board, _score(item))
        answer = {"hackathonName": query.board} | _entry(item) | _standing(standing)
        return answer | self._neighbours(query, item, standing.rank)

    def list_entries_of(self, query: ListEntriesOf) -> dict[str, Any]:
        """The boards a participant is on, by name: a look-up in the index each."""
        pages = self._pages(
            TableName=self.table,
            KeyConditionExpression="id = :id",
            FilterExpression="attribute_exists(projectScore)",
            ExpressionAttributeValues={":id": {"S": query.id}},
        )
        items = [item for page in pages for item in page["Items"]]
        if not items:
            raise ApiError(404, f"The participant {query.id[:200]!r} is not on any board.")
        return {"id": query.id, "boards": [self._board_entry(item) for item in items]}

    # ---------------------------------------------------------------- parts of answers

    def _size(self, board: str) -> Size:
        size = self._ranks.sizes([board])[board]
        if not size.total:
            raise ApiError(404, f"There is no board {board[:200]!r}, or it has no entries.", "hackathonName")
        return size

    def _start(self, query: ListEntries) -> tuple[Position, int]:
        """Where a page starts: after which entry or at which score, and how many entries to pass over from there."""
        if query.token:
            return read_token(query.token, query.board, self.page_token_key), 0
        if query.position is None:
            return Position("", "", 0, 0), 0
        located = self._ranks.locate(query.board, query.position)
        if located is None:
            raise ApiError(404, f"The board has no position {query.position}.", "atRank")
        high = range_of(located.score)[1]
        skip = query.position - located.above - 1
        return Position("", str(high), located.above, located.above), skip if skip <= SKIP_MAX else 0

    def _board_entry(self, item: Item) -> dict[str, Any]:
        board = item["metadata"]["S"]
        entry = {key: value for key, value in _entry(item).items() if key != "id"}
        return {"hackathonName": board} | entry | _standing(self._ranks.find(board, _score(item)))

    def _neighbours(self, query: GetEntry, item: Item, rank: int) -> dict[str, Any]:
        above, below = (self._beside(query, item, ascending=ascending) for ascending in (True, False))
        places = share_places(len(above), len(below), query.neighbours)
        above, below = above[: places[0]], below[: places[1]]
        mine = _score(item)
        above_scores, below_scores = [_score(one) for one in above], [_score(one) for one in below]
        lower = next((score for score in below_scores if score != mine), mine)
        higher = above_scores[-1] if above_scores else mine
        farthest, first = self._ranks.find_many(query.board, [higher, lower]) if above or below else (None, None)
        ranks = ranks_above(above_scores, mine, rank, farthest.rank if farthest else 0)
        shown_above = [{"rank": one} | _entry(other) for one, other in zip(ranks, above, strict=True)]
        ranks = ranks_below(below_scores, mine, rank, first.rank if first else 0)
        shown_below = [{"rank": one} | _entry(other) for one, other in zip(ranks, below, strict=True)]
        return {"above": shown_above[::-1], "below": shown_below}

    def _beside(self, query: GetEntry, item: Item, *, ascending: bool) -> list[Item]:
        """The entries next to one, the nearest first; as many as there are places on both sides together."""
        if not query.neighbours:
            return []
        request = self._board_request(query.board) | {
            "Limit": 2 * query.neighbours,
            "ScanIndexForward": ascending,
            "ExclusiveStartKey": _index_key(query.board, query.id, item["projectScore"]["N"]),
        }
        items: list[Item] = self.dynamodb.query(**request)["Items"]
        return items

    # ---------------------------------------------------------------- reading

    @property
    def _ranks(self) -> RankIndex:
        return RankIndex(CounterTable(self.dynamodb, self.board_table), self._count_above, self._count_between)

    def _count_above(self, board: str, score: Decimal) -> int:
        return self._count(board, "projectScore > :low", {":low": _number(score)})

    def _count_between(self, board: str, low: Decimal, high: Decimal) -> int:
        return self._count(board, "projectScore BETWEEN :low AND :high", {":low": _number(low), ":high": _number(high)})

    def _count(self, board: str, condition: str, values: dict[str, Item]) -> int:
        request = self._board_request(board) | {"Select": "COUNT"}
        request["KeyConditionExpression"] += f" AND {condition}"
        request["ExpressionAttributeValues"] |= values
        return sum(page["Count"] for page in self._pages(**request))

    def _board_request(self, board: str) -> dict[str, Any]:
        return {
            "TableName": self.table,
            "IndexName": self.index,
            "KeyConditionExpression": "hackathonName = :board",
            "ExpressionAttributeValues": {":board": {"S": board}},
        }

    def _pages(self, **request: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self.dynamodb.query(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _ranked(items: Iterator[Item], start: Position) -> Iterator[tuple[Item, Position]]:
    """Give each entry its rank: that of the entry before where the scores are equal, else how many come before it."""
    position = start
    for item in items:
        score = item["projectScore"]["N"]
        tied = position.id and Decimal(position.score) == Decimal(score)
        rank = position.rank if tied else position.shown + 1
        position = Position(item["id"]["S"], score, rank, position.shown + 1)
        yield item, position


def _size(size: Size) -> dict[str, Any]:
    return {"total": size.total, "updatedAt": size.updated_at}


def _standing(standing: Standing) -> dict[str, Any]:
    return {"rank": standing.rank, "percentile": standing.percentile, "total": standing.total}


def _has_score(item: Item) -> bool:
    return "projectScore" in item


def _score(item: Item) -> Decimal:
    return Decimal(item["projectScore"]["N"])


def _number(score: Decimal) -> Item:
    return {"N": str(score)}


def _entry(item: Item) -> dict[str, Any]:
    return {"id": item["id"]["S"], "userName": item.get("userName", {}).get("S"), "projectScore": _score(item)}


def _index_key(board: str, participant: str, score: str) -> Item:
    return {
        "id": {"S": participant},
        "metadata": {"S": board},
        "hackathonName": {"S": board},
        "projectScore": {"N": score},
    }

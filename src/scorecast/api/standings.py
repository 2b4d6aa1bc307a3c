"""What LeaderGet reads of the leaderboard, and in how many read units.

Ranks are competition ranks (1, 2, 2, 4): 1 + the number of entries with a higher score. They and the totals come from
the counting index (scorecast.ranks), so that no answer reads more entries than it shows, but for one bounded count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from scorecast.api.errors import ApiError
from scorecast.api.page_token import Position, make_token, read_token
from scorecast.api.query import GetEntry, ListEntries, ListEntriesOf
from scorecast.items import BatchGetItem
from scorecast.ranks.lookup import RankIndex
from scorecast.ranks.table import CounterTable

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
        totals = self._ranks.totals(names)
        return {"boards": [{"hackathonName": name, "total": total} for name, total in totals.items() if total]}

    def list_entries(self, query: ListEntries) -> dict[str, Any]:
        """One page of a board, best first: reads the entries that it returns, and one node for `total`."""
        start = read_token(query.token, query.board, self.page_token_key) if query.token else None
        request = self._board_request(query.board) | {"Limit": query.limit, "ScanIndexForward": False}
        if start:
            request["ExclusiveStartKey"] = _index_key(query.board, start)
        page = self.dynamodb.query(**request)
        total = self._ranks.totals([query.board])[query.board]
        if not total:
            raise ApiError(404, f"There is no board {query.board[:200]!r}, or it has no entries.", "hackathonName")
        answer: dict[str, Any] = {"hackathonName": query.board, "total": total}
        ranked = list(_ranked(page["Items"], start))
        answer["entries"] = [{"rank": position.rank} | _entry(item) for item, position in ranked]
        if "LastEvaluatedKey" in page and ranked and ranked[-1][1].shown < total:
            answer["next"] = make_token(ranked[-1][1], query.board, self.page_token_key)
        return answer

    def get_entry(self, query: GetEntry) -> dict[str, Any]:
        """One participant's entry with its rank: one GetItem and a look-up in the index."""
        key = {"id": {"S": query.id}, "metadata": {"S": query.board}}
        item = self.dynamodb.get_item(TableName=self.table, Key=key).get("Item", {})
        if "projectScore" not in item:
            raise ApiError(404, f"The participant {query.id[:200]!r} is not on the board {query.board[:200]!r}.")
        return {"hackathonName": query.board} | _entry(item) | self._place(query.board, item)

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

    def _board_entry(self, item: Item) -> dict[str, Any]:
        board = item["metadata"]["S"]
        entry = {key: value for key, value in _entry(item).items() if key != "id"}
        return {"hackathonName": board} | entry | self._place(board, item)

    @property
    def _ranks(self) -> RankIndex:
        return RankIndex(CounterTable(self.dynamodb, self.board_table), self._count_above, self._count_between)

    def _place(self, board: str, item: Item) -> dict[str, int]:
        standing = self._ranks.find(board, Decimal(item["projectScore"]["N"]))
        return {"rank": standing.rank, "total": standing.total}

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


def _ranked(items: list[Item], start: Position | None) -> Iterator[tuple[Item, Position]]:
    """Give each entry its rank: that of the entry before where the scores are equal, else how many come before it."""
    position = start or Position(id="", score="", rank=0, shown=0)
    for item in items:
        score = item["projectScore"]["N"]
        tied = position.shown > 0 and Decimal(position.score) == Decimal(score)
        rank = position.rank if tied else position.shown + 1
        position = Position(item["id"]["S"], score, rank, position.shown + 1)
        yield item, position


def _number(score: Decimal) -> Item:
    return {"N": str(score)}


def _entry(item: Item) -> dict[str, Any]:
    return {
        "id": item["id"]["S"],
        "userName": item.get("userName", {}).get("S"),
        "projectScore": Decimal(item["projectScore"]["N"]),
    }


def _index_key(board: str, position: Position) -> Item:
    return {
        "id": {"S": position.id},
        "metadata": {"S": board},
        "hackathonName": {"S": board},
        "projectScore": {"N": position.score},
    }

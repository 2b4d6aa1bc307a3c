"""The entries of the leaderboard table as LeaderGet reads them: by key, or in the order of a board, best first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol

from scorecast.api.page_token import Position
from scorecast.items import BatchGetItem, Item, read_items
from scorecast.ranks.policy import BoardPolicy, Order


class DynamoDb(BatchGetItem, Protocol):
    """The calls of the DynamoDB client that LeaderGet needs."""

    def query(self, **request: Any) -> dict[str, Any]: ...
    def get_item(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class EntryTable:
    """The entries of all boards, and their index by board and score."""

    dynamodb: DynamoDb
    table: str
    index: str

    def get(self, board: str, participant: str) -> Item | None:
        """One participant's entry on a board; half a read unit."""
        key = {"id": {"S": participant}, "metadata": {"S": board}}
        item = self.dynamodb.get_item(TableName=self.table, Key=key).get("Item", {})
        return item if is_entry(item) else None

    def get_many(self, board: str, participants: Sequence[str]) -> list[Item]:
        """The entries of those participants who are on the board; half a read unit each."""
        keys = [{"id": {"S": one}, "metadata": {"S": board}} for one in participants]
        return [item for item in read_items(self.dynamodb, self.table, keys, consistent=False) if is_entry(item)]

    def of_participant(self, participant: str, after_board: str, limit: int) -> list[Item]:
        """What the table holds of a participant after a board, by board, tombstones too: `limit` items at most."""
        request: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "id = :id",
            "ExpressionAttributeValues": {":id": {"S": participant}},
        }
        if after_board:
            request["ExclusiveStartKey"] = {"id": {"S": participant}, "metadata": {"S": after_board}}
        return query_first(self.dynamodb, request, limit)

    def best_first(self, board: str, policy: BoardPolicy, start: Position, limit: int) -> list[Item]:
        """Read `limit` entries of a board after the one at `start`, or from its score on if it names none."""
        ascending = policy.order is Order.ASCENDING
        if start.id or not start.score:
            request = self._request(board) | _after(board, start.id, start.score)
        else:
            request = self._request(board, f"projectScore {'>=' if ascending else '<='} :begin", begin=start.score)
        return query_first(self.dynamodb, request | {"ScanIndexForward": ascending}, limit)

    def beside(self, board: str, policy: BoardPolicy, item: Item, limit: int, *, above: bool) -> list[Item]:
        """Read `limit` entries next to one, above or below it, the nearest first."""
        request = self._request(board) | _after(board, item["id"]["S"], item["projectScore"]["N"])
        forward = (policy.order is Order.ASCENDING) is not above
        return query_first(self.dynamodb, request | {"ScanIndexForward": forward}, limit)

    def count_above(self, board: str, score: Decimal, order: Order) -> int:
        """Count the entries that score better: reads them all."""
        better = "<" if order is Order.ASCENDING else ">"
        return self._count(self._request(board, f"projectScore {better} :score", score=str(score)))

    def count_between(self, board: str, low: Decimal, high: Decimal) -> int:
        """Count the entries from a lowest score to a highest: reads them all."""
        condition = "projectScore BETWEEN :low AND :high"
        return self._count(self._request(board, condition, low=str(low), high=str(high)))

    def _count(self, request: dict[str, Any]) -> int:
        return sum(page["Count"] for page in _pages(self.dynamodb, request | {"Select": "COUNT"}))

    def _request(self, board: str, condition: str = "", **scores: str) -> dict[str, Any]:
        """A query of a board in its index, with a condition on the score."""
        values = {f":{name}": {"N": score} for name, score in scores.items()}
        return {
            "TableName": self.table,
            "IndexName": self.index,
            "KeyConditionExpression": " AND ".join(["hackathonName = :board", *([condition] if condition else [])]),
            "ExpressionAttributeValues": {":board": {"S": board}} | values,
        }


def is_entry(item: Item) -> bool:
    """Whether an item of the table stands on its board; a tombstone does not."""
    return "projectScore" in item


def query_first(dynamodb: DynamoDb, request: dict[str, Any], limit: int) -> list[Item]:
    """Read the first items of a query, in as many pages as it takes; reads none that it does not return."""
    if not limit:
        return []
    items = (item for page in _pages(dynamodb, request | {"Limit": limit}) for item in page["Items"])
    return list(islice(items, limit))


def _pages(dynamodb: DynamoDb, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    while True:
        page = dynamodb.query(**request)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        request = request | {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _after(board: str, participant: str, score: str) -> dict[str, Any]:
    """Where a query of a board goes on after an entry; from the beginning if none is named."""
    if not participant:
        return {}
    key = {"id": {"S": participant}, "metadata": {"S": board}, "hackathonName": {"S": board}}
    return {"ExclusiveStartKey": key | {"projectScore": {"N": score}}}

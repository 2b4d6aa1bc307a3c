"""The leaderboard table as LeaderGet reads it: entries by key, or of one board, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol

from scorecast.api.cursor import Cursor
from scorecast.leaderboard.batch_get import BatchGetItem, Item, read_items
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Order, Ties
from scorecast.leaderboard.ties import score_order, tie_order
from scorecast.runtime.pages import read_all, read_pages


class DynamoDb(BatchGetItem, Protocol):
    """The calls of the DynamoDB client that LeaderGet needs."""

    def query(self, **request: Any) -> dict[str, Any]: ...
    def get_item(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _SortedIndex:
    """An index that sorts the entries of a board: its keys, and whether the best entry is its first."""

    index: str
    board: str
    sort_key: str
    type: str
    is_best_first: bool


@dataclass(frozen=True, slots=True)
class EntryTable:
    """The entries of all boards, and their indexes: by score, and by the order of ties where a board has one."""

    dynamodb: DynamoDb
    table: str
    index: str
    tie_index: str

    def get(self, board: str, participant: str) -> Item | None:
        """Read one participant's entry on a board; half a read unit."""
        key = {"id": {"S": participant}, "metadata": {"S": board}}
        item = self.dynamodb.get_item(TableName=self.table, Key=key).get("Item", {})
        return item if is_entry(item) else None

    def get_many(self, board: str, participants: Sequence[str]) -> list[Item]:
        """Read the entries of those participants who are on the board; half a read unit each."""
        keys = [{"id": {"S": one}, "metadata": {"S": board}} for one in participants]
        return [item for item in read_items(self.dynamodb, self.table, keys, consistent=False) if is_entry(item)]

    def of_participant(self, participant: str, after_board: str, limit: int) -> list[Item]:
        """Read at most `limit` items of a participant, by board, after a board; tombstones are included."""
        request: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "id = :id",
            "ExpressionAttributeValues": {":id": {"S": participant}},
        }
        if after_board:
            request["ExclusiveStartKey"] = {"id": {"S": participant}, "metadata": {"S": after_board}}
        return query_first(self.dynamodb, request, limit)

    def best_first(self, board: str, policy: BoardPolicy, start: Cursor, limit: int) -> list[Item]:
        """Read `limit` entries of a board after the one at `start`; without an id, from its score on."""
        by = self._sorted_index(policy)
        if start.id or not start.score:
            request = self._request(by, board) | _after(by, board, start)
        else:
            begin = start.score if by.type == "N" else score_order(Decimal(start.score), policy.order)
            condition = f"{by.sort_key} {'>=' if by.is_best_first else '<='} :begin"
            request = self._request(by, board, condition, begin=begin)
        return query_first(self.dynamodb, request | {"ScanIndexForward": by.is_best_first}, limit)

    def beside(self, board: str, policy: BoardPolicy, item: Item, limit: int, *, above: bool) -> list[Item]:
        """Read the `limit` entries above or below one, the nearest first."""
        by = self._sorted_index(policy)
        request = self._request(by, board) | _after(by, board, cursor_at(item, policy))
        return query_first(self.dynamodb, request | {"ScanIndexForward": by.is_best_first is not above}, limit)

    def count_above(self, board: str, score: Decimal, order: Order) -> int:
        """Count the entries with a better score; reads all of them."""
        better = "<" if order is Order.ASCENDING else ">"
        return self._count(board, f"projectScore {better} :score", score=str(score))

    def count_between(self, board: str, low: Decimal, high: Decimal) -> int:
        """Count the entries from a lowest score to a highest; reads all of them."""
        return self._count(board, "projectScore BETWEEN :low AND :high", low=str(low), high=str(high))

    def _count(self, board: str, condition: str, **scores: str) -> int:
        request = self._request(self._sorted_index(DEFAULT), board, condition, **scores) | {"Select": "COUNT"}
        return sum(page["Count"] for page in read_pages(self.dynamodb.query, request))

    def _sorted_index(self, policy: BoardPolicy) -> _SortedIndex:
        if policy.ties is Ties.EARLIEST:
            return _SortedIndex(self.tie_index, "tieBoard", "tieOrder", "S", is_best_first=True)
        is_best_first = policy.order is Order.ASCENDING
        return _SortedIndex(self.index, "hackathonName", "projectScore", "N", is_best_first=is_best_first)

    def _request(self, by: _SortedIndex, board: str, condition: str = "", **values: str) -> dict[str, Any]:
        """Return a query of a board in an index, with a condition on the sort key."""
        named = {f":{name}": {by.type: value} for name, value in values.items()}
        return {
            "TableName": self.table,
            "IndexName": by.index,
            "KeyConditionExpression": " AND ".join([f"{by.board} = :board", *([condition] if condition else [])]),
            "ExpressionAttributeValues": {":board": {"S": board}} | named,
        }


def is_entry(item: Item) -> bool:
    """Return whether an item is an entry and not a tombstone."""
    return "projectScore" in item


def query_first(dynamodb: DynamoDb, request: dict[str, Any], limit: int) -> list[Item]:
    """Read the first items of a query, in as many pages as needed, and no item more."""
    if not limit:
        return []
    return list(islice(read_all(dynamodb.query, request | {"Limit": limit}), limit))


def cursor_at(item: Item, policy: BoardPolicy, rank: int = 0, shown: int = 0) -> Cursor:
    """Return the cursor at an entry; one written before its board ordered ties is placed by its last change."""
    score, tie = item["projectScore"]["N"], item.get("tieOrder", {}).get("S", "")
    if policy.ties is Ties.EARLIEST and not tie:
        tie = tie_order(Decimal(score), policy.order, item["at"]["S"], item["sequence"]["S"])
    return Cursor(item["id"]["S"], score, rank, shown, tie if policy.ties is Ties.EARLIEST else "")


def _after(by: _SortedIndex, board: str, start: Cursor) -> dict[str, Any]:
    """Return where a query of a board continues after an entry; from the start if the cursor names none."""
    if not start.id:
        return {}
    value = {by.type: start.tie or start.score}
    key = {"id": {"S": start.id}, "metadata": {"S": board}, by.board: {"S": board}, by.sort_key: value}
    return {"ExclusiveStartKey": key}

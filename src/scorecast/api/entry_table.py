"""The leaderboard table as LeaderGet reads it: entries by key, or of one board, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol

from scorecast.api.cursor import Cursor
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.item import (
    BY_SCORE,
    BY_TIE,
    IndexKeys,
    Item,
    StoredEntry,
    is_entry,
    item_key,
    read_item,
)
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
    keys: IndexKeys
    is_best_first: bool


@dataclass(frozen=True, slots=True)
class EntryTable:
    """The entries of all boards, and their indexes: by score, and by the order of ties where a board has one."""

    dynamodb: DynamoDb
    table: str
    index: str
    tie_index: str

    def get(self, board: str, participant: str) -> StoredEntry | None:
        """Read one participant's entry on a board; half a read unit."""
        item = self.dynamodb.get_item(TableName=self.table, Key=item_key(participant, board)).get("Item", {})
        return read_item(item) if is_entry(item) else None

    def get_many(self, board: str, participants: Sequence[str]) -> list[StoredEntry]:
        """Read the entries of those participants who are on the board; half a read unit each."""
        keys = [item_key(one, board) for one in participants]
        items = read_items(self.dynamodb, self.table, keys, consistent=False)
        return [read_item(item) for item in items if is_entry(item)]

    def of_participant(self, participant: str, after_board: str, limit: int) -> list[StoredEntry]:
        """Read at most `limit` items of a participant, by board, after a board; tombstones are included."""
        request: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "id = :id",
            "ExpressionAttributeValues": {":id": {"S": participant}},
        }
        if after_board:
            request["ExclusiveStartKey"] = item_key(participant, after_board)
        return [read_item(item) for item in query_first(self.dynamodb, request, limit)]

    def best(self, board: str, policy: BoardPolicy, limit: int) -> list[StoredEntry]:
        """Read the best `limit` entries of a board."""
        by = self._sorted_index(policy)
        return self._query(self._request(by, board) | {"ScanIndexForward": by.is_best_first}, limit)

    def after(self, board: str, policy: BoardPolicy, cursor: Cursor, limit: int) -> list[StoredEntry]:
        """Read the `limit` entries after a cursor, whether or not its entry is still there."""
        by = self._sorted_index(policy)
        request = self._request(by, board) | _after(by, board, cursor)
        return self._query(request | {"ScanIndexForward": by.is_best_first}, limit)

    def from_score(self, board: str, policy: BoardPolicy, score: Decimal, limit: int) -> list[StoredEntry]:
        """Read `limit` entries of a board from a score on."""
        by = self._sorted_index(policy)
        condition = f"{by.keys.sort} {'>=' if by.is_best_first else '<='} :begin"
        request = self._request(by, board, condition, begin=_first_key(by, score, policy))
        return self._query(request | {"ScanIndexForward": by.is_best_first}, limit)

    def beside(
        self, board: str, policy: BoardPolicy, entry: StoredEntry, limit: int, *, above: bool
    ) -> list[StoredEntry]:
        """Read the `limit` entries above or below one, the nearest first."""
        by = self._sorted_index(policy)
        request = self._request(by, board) | _after(by, board, cursor_at(entry, policy))
        return self._query(request | {"ScanIndexForward": by.is_best_first is not above}, limit)

    def count_tied_before(self, board: str, policy: BoardPolicy, entry: StoredEntry, most: int) -> int | None:
        """Count the entries that have the score of one and come before it; None if there are more than `most`."""
        by = self._sorted_index(policy)
        if by.keys is BY_SCORE:
            request = self._request(by, board, f"{by.keys.sort} = :score", score=str(entry.score))
        else:
            prefix = _first_key(by, entry.number, policy)
            request = self._request(by, board, f"begins_with({by.keys.sort}, :prefix)", prefix=prefix)
        request |= _after(by, board, cursor_at(entry, policy)) | {"ScanIndexForward": not by.is_best_first}
        count = 0
        for page in read_pages(self.dynamodb.query, request | {"Select": "COUNT", "Limit": most + 1}):
            count += page["Count"]
            if count > most:
                return None
        return count

    def count_above(self, board: str, score: Decimal, order: Order) -> int:
        """Count the entries with a better score; reads all of them."""
        better = "<" if order is Order.ASCENDING else ">"
        return self._count(board, f"{BY_SCORE.sort} {better} :score", score=str(score))

    def count_between(self, board: str, low: Decimal, high: Decimal) -> int:
        """Count the entries from a lowest score to a highest; reads all of them."""
        return self._count(board, f"{BY_SCORE.sort} BETWEEN :low AND :high", low=str(low), high=str(high))

    def _count(self, board: str, condition: str, **scores: str) -> int:
        request = self._request(self._sorted_index(DEFAULT), board, condition, **scores) | {"Select": "COUNT"}
        return sum(page["Count"] for page in read_pages(self.dynamodb.query, request))

    def _sorted_index(self, policy: BoardPolicy) -> _SortedIndex:
        if policy.ties is Ties.EARLIEST:
            return _SortedIndex(self.tie_index, BY_TIE, is_best_first=True)
        return _SortedIndex(self.index, BY_SCORE, is_best_first=policy.order is Order.ASCENDING)

    def _query(self, request: dict[str, Any], limit: int) -> list[StoredEntry]:
        return [read_item(item) for item in query_first(self.dynamodb, request, limit)]

    def _request(self, by: _SortedIndex, board: str, condition: str = "", **values: str) -> dict[str, Any]:
        """Return a query of a board in an index, with a condition on the sort key."""
        named = {f":{name}": {by.keys.sort_type: value} for name, value in values.items()}
        return {
            "TableName": self.table,
            "IndexName": by.index,
            "KeyConditionExpression": " AND ".join([f"{by.keys.board} = :board", *([condition] if condition else [])]),
            "ExpressionAttributeValues": {":board": {"S": board}} | named,
        }


def query_first(dynamodb: DynamoDb, request: dict[str, Any], limit: int) -> list[Item]:
    """Read the first items of a query, in as many pages as needed, and no item more."""
    if not limit:
        return []
    return list(islice(read_all(dynamodb.query, request | {"Limit": limit}), limit))


def cursor_at(entry: StoredEntry, policy: BoardPolicy, tied: int = 0) -> Cursor:
    """Return the cursor at an entry; one written before its board ordered ties is placed by its last change."""
    tie = entry.tie_order
    if policy.ties is Ties.EARLIEST and not tie:
        tie = tie_order(entry.number, policy.order, entry.at, entry.sequence)
    return Cursor(entry.id, str(entry.score), tied, tie if policy.ties is Ties.EARLIEST else "")


def _after(by: _SortedIndex, board: str, cursor: Cursor) -> dict[str, Any]:
    """Return where a query of a board continues after a cursor."""
    value = {by.keys.sort_type: cursor.tie or cursor.score}
    return {"ExclusiveStartKey": item_key(cursor.id, board) | {by.keys.board: {"S": board}, by.keys.sort: value}}


def _first_key(by: _SortedIndex, score: Decimal, policy: BoardPolicy) -> str:
    """Return the sort key of a score in an index; in the one for ties, the prefix of the keys of all its entries."""
    return str(score) if by.keys is BY_SCORE else score_order(score, policy.order)

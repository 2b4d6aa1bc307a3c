"""Queries for a board's entries between two order keys, in the index by score or in the index that orders ties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scorecast.leaderboard.item import BY_SCORE, BY_TIE, IndexKeys, StoredEntry, read_item
from scorecast.leaderboard.order_key import (
    HIGHEST,
    LARGEST,
    LOWEST,
    last_before,
    lowest_score,
    previous_score,
)
from scorecast.leaderboard.policy import Order
from scorecast.runtime.pages import read_pages

Query = Callable[..., dict[str, Any]]
"""DynamoDB's Query."""
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EntryIndex:
    """An index of the leaderboard table by order key: by score only, or with the order of ties."""

    query: Query
    table: str
    index: str
    keys: IndexKeys

    def request(self, board: str, low: str = LOWEST, high: str = HIGHEST) -> Item:
        """Return the query for a board's entries from one key (inclusive) to another (exclusive)."""
        condition, values = self._condition(low, high)
        named = {f":{name}": {self.keys.sort_type: value} for name, value in values.items()}
        return {
            "TableName": self.table,
            "IndexName": self.index,
            "KeyConditionExpression": " AND ".join([f"{self.keys.board} = :board", *condition]),
            "ExpressionAttributeValues": {":board": {"S": board}} | named,
        }

    def count(self, board: str, low: str = LOWEST, high: str = HIGHEST) -> int:
        """Count the entries from one key to another (exclusive); reads all of them, half a unit for 4 KB."""
        if self.keys is BY_SCORE and _is_empty(low, high):
            return 0  # DynamoDB refuses such a query
        request = self.request(board, low, high) | {"Select": "COUNT"}
        return sum(page["Count"] for page in read_pages(self.query, request))

    def is_ascending(self, order: Order) -> bool:
        """Whether the best entry of a board with this order comes first; in the index for ties it always does."""
        return self.keys is BY_TIE or order is Order.ASCENDING

    def best(self, board: str, order: Order, limit: int) -> list[StoredEntry]:
        """Read the best entries of a board in one call, which may return fewer than `limit`."""
        answer = self.query(**self.request(board), ScanIndexForward=self.is_ascending(order), Limit=limit)
        return [read_item(item) for item in answer["Items"]]

    def _condition(self, low: str, high: str) -> tuple[list[str], Mapping[str, str]]:
        sort, values = self.keys.sort, {}
        if low != LOWEST:
            values["low"] = low if self.keys is BY_TIE else str(lowest_score(low))
        if high != HIGHEST:
            values["high"] = last_before(high) if self.keys is BY_TIE else str(previous_score(lowest_score(high)))
        match list(values):
            case ["low", "high"]:
                return [f"{sort} BETWEEN :low AND :high"], values
            case ["low"]:
                return [f"{sort} >= :low"], values
            case ["high"]:
                return [f"{sort} <= :high"], values
            case _:
                return [], values


def entry_index(query: Query, table: str, score_index: str, tie_index: str, *, ties: bool) -> EntryIndex:
    """Return a table's index by score, or its index that orders ties."""
    return EntryIndex(query, table, *((tie_index, BY_TIE) if ties else (score_index, BY_SCORE)))


def _is_empty(low: str, high: str) -> bool:
    """Whether no score lies between two keys, which may be shortened keys, or lie after the highest possible score."""
    lowest = LARGEST.copy_negate() if low == LOWEST else lowest_score(low)
    highest = LARGEST if high == HIGHEST else previous_score(lowest_score(high))
    return max(lowest, LARGEST.copy_negate()) > min(highest, LARGEST)

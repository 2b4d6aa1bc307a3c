"""Policies: what users declare for boards, in the board table. A policy applies to later changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scorecast.leaderboard.batch_get import read_items
from scorecast.leaderboard.policy import (
    DEFAULT,
    POLICIES,
    BoardPolicy,
    listed_key,
    policy_item,
    policy_key,
    read_policy,
)
from scorecast.ops.stack.stack import Stack


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a stack's boards, and the list of the boards that have one; both change together."""

    dynamodb: Any
    table: str

    def all(self) -> dict[str, BoardPolicy]:
        """Return every policy that is not the default, by board: a read unit for each, and some for the list."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="#collection = :policies",
            ExpressionAttributeNames={"#collection": "collection"},
            ExpressionAttributeValues={":policies": {"S": POLICIES}},
        )
        boards = [item["name"]["S"] for page in pages for item in page["Items"]]
        items = read_items(self.dynamodb, self.table, [policy_key(board) for board in boards], consistent=True)
        by_board = {item["name"]["S"]: item for item in items}
        return {board: read_policy(by_board[board]) for board in boards if board in by_board}

    def of(self, board: str) -> BoardPolicy:
        """Return a board's policy."""
        return read_policy(self.dynamodb.get_item(TableName=self.table, Key=policy_key(board)).get("Item"))

    def set(self, board: str, policy: BoardPolicy) -> None:
        """Declare a board's policy; the default deletes the item."""
        if policy == DEFAULT:
            actions = [
                {"Delete": {"TableName": self.table, "Key": key}} for key in (policy_key(board), listed_key(board))
            ]
        else:
            items = (policy_item(board, policy), listed_key(board))
            actions = [{"Put": {"TableName": self.table, "Item": item}} for item in items]
        self.dynamodb.transact_write_items(TransactItems=actions)


def policies_of(stack: Stack) -> Policies:
    """Return the policies of a stack."""
    return Policies(stack.client("dynamodb"), stack.output("BoardTableName"))

"""Policies: what users declare for boards, in the board table. A policy applies to later changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scorecast.leaderboard.policy import DEFAULT, POLICIES, BoardPolicy, policy_item, policy_key, read_policy
from scorecast.ops.stack.stack import Stack


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a stack's boards."""

    dynamodb: Any
    table: str

    def all(self) -> dict[str, BoardPolicy]:
        """Return every policy that is not the default, by board."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="#collection = :policies",
            ExpressionAttributeNames={"#collection": "collection"},
            ExpressionAttributeValues={":policies": {"S": POLICIES}},
        )
        return {item["name"]["S"]: read_policy(item) for page in pages for item in page["Items"]}

    def of(self, board: str) -> BoardPolicy:
        """Return a board's policy."""
        return read_policy(self.dynamodb.get_item(TableName=self.table, Key=policy_key(board)).get("Item"))

    def set(self, board: str, policy: BoardPolicy) -> None:
        """Declare a board's policy; the default deletes the item."""
        if policy == DEFAULT:
            self.dynamodb.delete_item(TableName=self.table, Key=policy_key(board))
        else:
            self.dynamodb.put_item(TableName=self.table, Item=policy_item(board, policy))


def policies_of(stack: Stack) -> Policies:
    """Return the policies of a stack."""
    return Policies(stack.client("dynamodb"), stack.output("BoardTableName"))

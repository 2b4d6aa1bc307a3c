"""The snapshots of boards' tops in the board table; saves are conditional on the version that was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.expiry import expiry
from scorecast.leaderboard.item import Item
from scorecast.standings.announce.top import Snapshot, read_snapshot, snapshot_item, snapshot_key


class ConcurrentSave(NotAcknowledged):
    """Another process has saved the snapshot since it was read; read it again."""


class _DynamoDb(BatchGetItem, Protocol):
    def put_item(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class SnapshotTable:
    """The snapshots of all boards."""

    dynamodb: _DynamoDb
    table: str

    def read(self, boards: Iterable[str]) -> dict[str, Snapshot]:
        """Read the boards' snapshots consistently: 100 per call, a read unit each for 4 KB."""
        snapshots = {board: Snapshot(board) for board in boards}
        keys = [snapshot_key(board) for board in snapshots]
        items = read_items(self.dynamodb, self.table, keys, consistent=True)
        return snapshots | {item["name"]["S"]: read_snapshot(item) for item in items}

    def save(self, before: Snapshot, after: Snapshot, expires_at: int | None) -> Snapshot:
        """Save `after` in place of `before`, and return it; ConcurrentSave if `before` is no longer the current one.

        `expires_at` comes from the board's policy.
        """
        item = snapshot_item(after) | expiry(expires_at)
        try:
            self.dynamodb.put_item(TableName=self.table, Item=item, **_condition(before))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ConcurrentSave(f"Another save followed version {before.version} of a board's snapshot.") from None
        return after


def _condition(before: Snapshot) -> Item:
    if not before.version:
        return {"ConditionExpression": "attribute_not_exists(version)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(before.version)}},
    }

"""The snapshots of boards' tops, at home in the board table; a save holds only on what was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.batch_get import BatchGetItem, Item, read_items
from scorecast.standings.announce.top import Snapshot, read_snapshot, snapshot_item, snapshot_key


class Overtaken(NotAcknowledged):
    """Somebody else has saved the snapshot since it was read; to be read anew."""


class _DynamoDb(BatchGetItem, Protocol):
    def put_item(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class SnapshotTable:
    """The snapshots of all boards."""

    dynamodb: _DynamoDb
    table: str

    def read(self, boards: Iterable[str]) -> dict[str, Snapshot]:
        """Read the boards' snapshots as they are now; a call for 100 of them, a read unit each for 4 KB."""
        snapshots = {board: Snapshot(board) for board in boards}
        keys = [snapshot_key(board) for board in snapshots]
        items = read_items(self.dynamodb, self.table, keys, consistent=True)
        return snapshots | {item["name"]["S"]: read_snapshot(item) for item in items}

    def save(self, before: Snapshot, after: Snapshot) -> Snapshot:
        """Save what follows on a snapshot that was read, and return it; Overtaken where another one stands by now."""
        try:
            self.dynamodb.put_item(TableName=self.table, Item=snapshot_item(after), **_condition(before))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise Overtaken(f"Another save followed version {before.version} of a board's snapshot.") from None
        return after


def _condition(before: Snapshot) -> Item:
    if not before.version:
        return {"ConditionExpression": "attribute_not_exists(version)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(before.version)}},
    }

"""Restore: what the backup in S3 says of each item at a point in time, into a table or as events on the bus.

Items come back exactly, type for type. A table that holds items is refused unless it may be overwritten; then items
that were removed by that time are deleted, and items that the backup does not know are left alone.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from scorecast.changes.change import Change
from scorecast.changes.claim_store import resolve
from scorecast.errors import UserError
from scorecast.ops.recovery.backfill import Publish, RateLimit
from scorecast.ops.recovery.backup import every_object
from scorecast.ops.recovery.latest_changes import LatestChanges
from scorecast.ops.stack.aws_errors import aws_code_of
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.typed_json import for_sdk

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
BATCH_WRITES = 25
PAGE_CHANGES = 100
_GIVE_UP_S = 60
_THROTTLED = {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}

OnProgress = Callable[[int], None]


@contextmanager
def read_backup(s3: Any, bucket: str, until: datetime | None, on_object: OnProgress) -> Iterator[LatestChanges]:
    """Read all of a backup; its latest changes are available within the context.

    Images that were too large for the bus are read from the same bucket, so that a copy of a backup is whole in itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        latest = LatestChanges(Path(folder) / "latest.sqlite", lambda event: resolve(event, s3, bucket), until)
        try:
            for _, events in every_object(s3, bucket):
                latest.add(events)
                on_object(len(events))
            yield latest
        finally:
            latest.close()


def publish_changes(changes: Iterable[Change], publish: Publish, limit: RateLimit, on_published: OnProgress) -> int:
    """Publish the newest change of each item as it was: same detail, same id; return how many."""
    published, rest = 0, iter(changes)
    while page := list(islice(rest, PAGE_CHANGES)):
        limit.wait(len(page))
        publish(page)
        published += len(page)
        on_published(len(page))
    return published


@dataclass(frozen=True, slots=True)
class TableWriter:
    """Writes items into a table."""

    dynamodb: Any
    table: str
    clock: Clock = CLOCK

    def prepare(self, *, create_like: str | None, may_overwrite: bool) -> None:
        """See that the table is there, made like another if that is wanted, and empty unless it may be overwritten."""
        if not self._exists():
            if create_like is None:
                raise UserError(f"There is no table {self.table!r}: --create makes it, with the main table's keys.")
            self._create(create_like)
        elif not may_overwrite and self.dynamodb.scan(TableName=self.table, Limit=1)["Items"]:
            raise UserError(
                f"The table {self.table!r} holds items: choose another, or add --overwrite to put those of the backup "
                "in their place."
            )

    def write(self, changes: Iterable[Change], limit: RateLimit, on_written: OnProgress) -> Counter[str]:
        """Put what is there after each change, delete what is not; return how many `written` and `removed`."""
        counts, rest = Counter[str](), iter(changes)
        while batch := list(islice(rest, BATCH_WRITES)):
            limit.wait(len(batch))
            self._write([_request(change) for change in batch])
            counts.update("removed" if change.new is None else "written" for change in batch)
            on_written(len(batch))
        return counts

    def _write(self, requests: list[dict[str, Any]]) -> None:
        waiting = {self.table: requests}
        for _ in poll_until(_GIVE_UP_S, pause_s=0.05, longest_pause_s=5, clock=self.clock):
            waiting = self._send(waiting)
            if not waiting:
                return
        raise UserError(f"DynamoDB has throttled a batch for {_GIVE_UP_S} s: choose a lower --rate, and run it again.")

    def _send(self, waiting: dict[str, Any]) -> dict[str, Any]:
        try:
            left: dict[str, Any] = self.dynamodb.batch_write_item(RequestItems=waiting).get("UnprocessedItems", {})
        except ClientError as error:
            if aws_code_of(error) in _THROTTLED:
                return waiting
            raise
        return left

    def _exists(self) -> bool:
        try:
            self.dynamodb.describe_table(TableName=self.table)
        except ClientError as error:
            if aws_code_of(error) == "ResourceNotFoundException":
                return False
            raise
        return True

    def _create(self, like: str) -> None:
        model = self.dynamodb.describe_table(TableName=like)["Table"]
        keys = {key["AttributeName"] for key in model["KeySchema"]}
        self.dynamodb.create_table(
            TableName=self.table,
            KeySchema=model["KeySchema"],
            AttributeDefinitions=[one for one in model["AttributeDefinitions"] if one["AttributeName"] in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.dynamodb.get_waiter("table_exists").wait(TableName=self.table)


def _request(change: Change) -> dict[str, Any]:
    if change.new is None:
        return {"DeleteRequest": {"Key": for_sdk(change.keys)}}
    return {"PutRequest": {"Item": for_sdk(change.keys | change.new)}}

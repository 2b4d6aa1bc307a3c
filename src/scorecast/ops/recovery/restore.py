"""Restore: write each item as it was at a point in time, from the backup in S3, to a table or as events to the bus.

Items are restored exactly, type for type. A table that holds items is refused unless it may be overwritten. In that
case, items that had been removed by that time are deleted, and items that the backup does not contain are not touched.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from scorecast.changes.change import Change
from scorecast.changes.claim_store import resolve
from scorecast.errors import UserError
from scorecast.ops.recovery.backfill import Publish
from scorecast.ops.recovery.backup import every_object
from scorecast.ops.recovery.latest_changes import LatestChanges
from scorecast.ops.stack.aws_errors import aws_code_of
from scorecast.ops.stack.batch_write import BATCH_WRITES, WriteRequest, write_batch
from scorecast.ops.stack.polling import CLOCK, Clock
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.typed_json import for_sdk
from scorecast.runtime.batches import cut_batches

PAGE_CHANGES = 100

OnProgress = Callable[[int], None]


@contextmanager
def read_backup(s3: Any, bucket: str, until: datetime | None, on_object: OnProgress) -> Iterator[LatestChanges]:
    """Read a whole backup; its latest changes are available within the context.

    Images that were too large for the bus are read from the same bucket, so a copy of a backup is self-contained.
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
    """Publish the latest change of each item with its original detail and id; return how many."""
    published = 0
    for page in cut_batches(changes, PAGE_CHANGES):
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
        """Create the table with the keys of `create_like` if it does not exist; refuse one that holds items.

        `may_overwrite` accepts a table that holds items.
        """
        if not self._exists():
            if create_like is None:
                raise UserError(f"There is no table {self.table!r}: --create creates it, with the main table's keys.")
            self._create(create_like)
        elif not may_overwrite and self.dynamodb.scan(TableName=self.table, Limit=1)["Items"]:
            raise UserError(
                f"The table {self.table!r} holds items: choose another, or add --overwrite to replace them with those "
                "of the backup."
            )

    def write(self, changes: Iterable[Change], limit: RateLimit, on_written: OnProgress) -> Counter[str]:
        """Write the new image of each change, or delete the item if it has none; count `written` and `removed`."""
        counts = Counter[str]()
        for batch in cut_batches(changes, BATCH_WRITES):
            limit.wait(len(batch))
            requests = [_request(change) for change in batch]
            write_batch(self.dynamodb, self.table, requests, "choose a lower --rate, and run it again", self.clock)
            counts.update("removed" if change.new is None else "written" for change in batch)
            on_written(len(batch))
        return counts

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


def _request(change: Change) -> WriteRequest:
    if change.new is None:
        return {"DeleteRequest": {"Key": for_sdk(change.keys)}}
    return {"PutRequest": {"Item": for_sdk(change.keys | change.new)}}

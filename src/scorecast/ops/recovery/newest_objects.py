"""The newest objects of the backup, back to a time, hour by hour, so that finding recent changes takes few reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from scorecast.ops.recovery.backup import BUFFER, PREFIX, list_pages


@dataclass(frozen=True, slots=True)
class BackupObject:
    """An object of the backup; `written_at` is when it was written to the bucket."""

    key: str
    written_at: datetime


def newest_objects(s3: Any, bucket: str, since: datetime, now: datetime) -> Iterator[BackupObject]:
    """List the objects written since a time, newest first; takes one call per hour, or one per 1,000 objects."""
    # This machine's clock may be behind the bucket's.
    hour = (now + BUFFER).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour + timedelta(hours=1) > since - BUFFER:
        objects = [one for one in _objects_in(s3, bucket, f"{PREFIX}{hour:%Y/%m/%d/%H}/") if one.written_at >= since]
        yield from sorted(objects, key=lambda one: (one.written_at, one.key), reverse=True)
        hour -= timedelta(hours=1)


def _objects_in(s3: Any, bucket: str, folder: str) -> Iterator[BackupObject]:
    request = {"Bucket": bucket, "Prefix": folder, "Delimiter": "/"}
    for page in list_pages(s3, request):
        yield from (BackupObject(found["Key"], found["LastModified"]) for found in page.get("Contents", []))

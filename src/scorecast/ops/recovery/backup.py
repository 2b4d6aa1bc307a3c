"""The backup in S3, read: the events of every change, newest first.

Takes what Firehose writes on AWS (gzipped objects of many events, one a line; what it could not process, wrapped in
why) and what other writers may leave: plain objects, one event each, or events with nothing between them.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Protocol

from scorecast.errors import UserError

# The prefixes as the template has them: the backup's objects, and what Firehose could not process.
PREFIX = "changes/"
FAILED_PREFIX = "failed/"
_GZIP_MAGIC = b"\x1f\x8b"

Event = dict[str, Any]


class _S3(Protocol):
    def list_objects_v2(self, **request: Any) -> dict[str, Any]: ...
    def get_object(self, **request: Any) -> dict[str, Any]: ...


def newest_events(s3: _S3, bucket: str, count: int) -> list[Event]:
    """Return the newest events, the newest first, and read no more objects than it takes."""
    objects = (_read_object(s3, bucket, key) for key in _newest_keys(s3, bucket, PREFIX))
    return list(islice(chain.from_iterable(map(reversed, objects)), count))


def every_object(s3: _S3, bucket: str) -> Iterator[tuple[str, list[Event]]]:
    """Read all of the backup and of what Firehose could not process: the key and the events of each object."""
    for prefix in (PREFIX, FAILED_PREFIX):
        for key in _newest_keys(s3, bucket, prefix):
            yield key, _read_object(s3, bucket, key)


def read_events(body: bytes, place: str) -> list[Event]:
    """Read the events of one object or file; `place` names it in errors."""
    try:
        text = (gzip.decompress(body) if body.startswith(_GZIP_MAGIC) else body).decode()
        events = [_unwrapped(document) for document in _documents(text)]
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{place} does not hold events: {error}.") from None
    if not all(isinstance(event, dict) for event in events):
        raise UserError(f"{place} does not hold events: each must be a JSON object.")
    return events


def _documents(text: str) -> Iterator[Any]:
    """JSON documents one after the other, with or without lines between them."""
    decoder = json.JSONDecoder()
    at = _skip_space(text, 0)
    while at < len(text):
        document, end = decoder.raw_decode(text, at)
        yield document
        at = _skip_space(text, end)


def _unwrapped(document: Any) -> Any:
    """The event that Firehose could not process; another document as it is, as is one that holds no event.

    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
    """
    raw = document.get("rawData") if isinstance(document, dict) else None
    if not isinstance(raw, str):
        return document
    try:
        return json.loads(base64.b64decode(raw))
    except ValueError:
        return document


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _read_object(s3: _S3, bucket: str, key: str) -> list[Event]:
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return read_events(body, f"s3://{bucket}/{key}")


def _newest_keys(s3: _S3, bucket: str, prefix: str) -> Iterator[str]:
    """Walk the folders (year, month, day, hour) from the last to the first."""
    folders: list[str] = []
    objects: list[tuple[Any, str]] = []
    request = {"Bucket": bucket, "Prefix": prefix, "Delimiter": "/"}
    while True:
        page = s3.list_objects_v2(**request)
        folders += [folder["Prefix"] for folder in page.get("CommonPrefixes", [])]
        objects += [(found["LastModified"], found["Key"]) for found in page.get("Contents", [])]
        if not page.get("IsTruncated"):
            break
        request["ContinuationToken"] = page["NextContinuationToken"]
    for folder in sorted(folders, reverse=True):
        yield from _newest_keys(s3, bucket, folder)
    for _, key in sorted(objects, reverse=True):
        yield key

"""Backup: read the events of all changes from S3, newest first, or from a given time on.

Firehose on AWS writes gzipped objects with one event per line. It wraps an event that it could not process, together
with the error. Other writers may store plain objects, single events, or events without a separator.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, Protocol

from scorecast.errors import UserError

# The template's prefixes of the backup's objects, and of events that Firehose could not process.
PREFIX = "changes/"
FAILED_PREFIX = "failed/"
# The field in which Firehose wraps an event that it could not process.
WRAPPED = "rawData"
# An object is in the folder of the hour in which its oldest event arrived, and Firehose may hold an event for this
# long.
# https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html
BUFFER = timedelta(minutes=15)
_GZIP_MAGIC = b"\x1f\x8b"
# The errors raised by reading a body that holds no events.
UNREADABLE = (OSError, EOFError, ValueError, zlib.error)

Event = dict[str, Any]


class _S3(Protocol):
    def list_objects_v2(self, **request: Any) -> dict[str, Any]: ...
    def get_object(self, **request: Any) -> dict[str, Any]: ...


def newest_events(s3: _S3, bucket: str, count: int) -> list[Event]:
    """Return the newest events, newest first; reads only as many objects as needed."""
    objects = (read_object(s3, bucket, key) for key in _newest_keys(s3, bucket, PREFIX))
    return list(islice(chain.from_iterable(map(reversed, objects)), count))


def every_object(s3: _S3, bucket: str) -> Iterator[tuple[str, list[Event]]]:
    """Yield the key and the events of each object, including those that Firehose could not process."""
    for prefix in (PREFIX, FAILED_PREFIX):
        for key in _newest_keys(s3, bucket, prefix):
            yield key, read_object(s3, bucket, key)


def objects_since(s3: _S3, bucket: str, start: datetime, after: str = "") -> Iterator[tuple[str, list[Event]]]:
    """Yield key and events of each object that may have events since `start`, with keys after `after`.

    Firehose names an object by the arrival of its oldest event. Events that it could not process come last, all of
    them.
    """
    oldest = start.astimezone(UTC) - BUFFER
    for prefix, first in ((PREFIX, f"{PREFIX}{oldest:%Y/%m/%d/%H}/"), (FAILED_PREFIX, FAILED_PREFIX)):
        request = {"Bucket": bucket, "Prefix": prefix, "StartAfter": max(first, after)}
        for page in list_pages(s3, request):
            for found in page.get("Contents", []):
                yield found["Key"], read_object(s3, bucket, found["Key"])


def read_events(body: bytes, name: str) -> list[Event]:
    """Read the events of one object or file; `name` names it in errors.

    >>> read_events(b'{"id": 1}{"id": 2}', "example")
    [{'id': 1}, {'id': 2}]
    """
    try:
        events = [unwrapped(document) for document, _ in documents_in(text_of(body))]
    except UNREADABLE as error:
        raise UserError(f"{name} does not hold events: {error}.") from None
    if not all(isinstance(event, dict) for event in events):
        raise UserError(f"{name} does not hold events: each must be a JSON object.")
    return events


def text_of(body: bytes) -> str:
    """Return the text of an object, which may be gzipped; raises one of UNREADABLE if it is not text."""
    return (gzip.decompress(body) if is_gzipped(body) else body).decode()


def is_gzipped(body: bytes) -> bool:
    """Whether a body is gzipped."""
    return body.startswith(_GZIP_MAGIC)


def documents_in(text: str) -> Iterator[tuple[Any, str]]:
    r"""Yield consecutive JSON documents, each with its own text and the whitespace after it; UNREADABLE if not JSON.

    >>> list(documents_in('{"id": 1}\n{"id": 2}'))
    [({'id': 1}, '{"id": 1}\n'), ({'id': 2}, '{"id": 2}')]
    """
    decoder = json.JSONDecoder()
    start, at = 0, _skip_space(text, 0)
    while at < len(text):
        document, end = decoder.raw_decode(text, at)
        at = _skip_space(text, end)
        yield document, text[start:at]
        start = at


def unwrapped(document: Any) -> Any:
    """Return the event that Firehose wrapped because it could not process it; any other document unchanged.

    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
    """
    raw = document.get(WRAPPED) if isinstance(document, dict) else None
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


def read_object(s3: Any, bucket: str, key: str) -> list[Event]:
    """Read the events of an object, the oldest first."""
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return read_events(body, f"s3://{bucket}/{key}")


def _newest_keys(s3: _S3, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys of all objects, from the last folder (year, month, day, hour) to the first."""
    folders: list[str] = []
    objects: list[tuple[Any, str]] = []
    request = {"Bucket": bucket, "Prefix": prefix, "Delimiter": "/"}
    for page in list_pages(s3, request):
        folders += [folder["Prefix"] for folder in page.get("CommonPrefixes", [])]
        objects += [(found["LastModified"], found["Key"]) for found in page.get("Contents", [])]
    for folder in sorted(folders, reverse=True):
        yield from _newest_keys(s3, bucket, folder)
    for _, key in sorted(objects, reverse=True):
        yield key


def list_pages(s3: _S3, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List objects; yield every page of the answer."""
    while True:
        page = s3.list_objects_v2(**request)
        yield page
        if not page.get("IsTruncated"):
            return
        request = request | {"ContinuationToken": page["NextContinuationToken"]}

"""A batch of the stream that its trigger gave up, whole in S3: Lambda's record, with the function's event as `payload`.

`scorecast forget` moves what remains of a batch to another key: S3 would announce an object that is written again under
the old one, and the batch would become a dead letter again (docs/erasure.md).
Raises CannotRead if the object is gone, may not be read, or holds no batch.
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.errors import CannotRead
from scorecast.ops.dead_letters.letters import StoredBatch
from scorecast.runtime.aws import code_of

# How the key of a batch begins that holds the rest of one; the key of the first follows.
REST_PREFIX = "rewritten/"

Json = dict[str, Any]


class _S3(Protocol):
    def get_object(self, *, Bucket: str, Key: str) -> Any: ...


def read_records(s3: _S3, batch: StoredBatch) -> list[Any]:
    """Read the records, in the form in which Lambda passes them to a function."""
    try:
        body = _body(s3, batch)
    except (ClientError, BotoCoreError) as error:
        raise CannotRead(f"{batch.uri} cannot be read ({code_of(error)}).") from None
    records: list[Any] = parse_batch(body, batch.uri)[1]["Records"]
    return records


def parse_batch(body: bytes, uri: str) -> tuple[Json, Json]:
    """Return Lambda's record, and the function's event in it, which has a list of `Records`."""
    try:
        record = json.loads(body)
        payload = record["payload"]
        # AWS's guide says that the event is a text of JSON; LocalStack stores it as it is.
        event = json.loads(payload) if isinstance(payload, str) else payload
        is_batch = isinstance(event["Records"], list)
    except (ValueError, KeyError, TypeError):
        is_batch = False
    if not is_batch:
        raise CannotRead(f"{uri} is not a batch of the stream.")
    return record, event


def rest_key(key: str) -> str:
    """Return where the rest of a batch is kept; the same key for a rest."""
    return key if key.startswith(REST_PREFIX) else f"{REST_PREFIX}{key}"


def _body(s3: _S3, batch: StoredBatch) -> bytes:
    """The body of a batch; that of its rest if participants were removed from it."""
    try:
        answer = s3.get_object(Bucket=batch.bucket, Key=batch.key)
    except ClientError as error:
        if code_of(error) != "NoSuchKey":
            raise
        answer = s3.get_object(Bucket=batch.bucket, Key=rest_key(batch.key))
    body: bytes = answer["Body"].read()
    return body

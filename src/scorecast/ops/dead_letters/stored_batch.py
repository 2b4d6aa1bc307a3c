"""A batch of the stream that its trigger gave up, whole in S3: Lambda's record, with the function's event as `payload`.

`scorecast forget` writes what remains of a batch to another key: S3 would announce an object under the old key, and the
batch would become a dead letter again (docs/erasure.md).
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

# The beginning of the key of a batch's rest; the original batch's key follows.
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
    """Return Lambda's record, and the function's event in it, which has the list `Records`."""
    try:
        record = json.loads(body)
        payload = record["payload"]
        # In AWS's guide the event is a JSON text; LocalStack stores it as an object.
        event = json.loads(payload) if isinstance(payload, str) else payload
        is_batch = isinstance(event["Records"], list)
    except (ValueError, KeyError, TypeError):
        is_batch = False
    if not is_batch:
        raise CannotRead(f"{uri} is not a batch of the stream.")
    return record, event


def rest_key(key: str) -> str:
    """Return the key for the rest of a batch; for the key of a rest, the same key."""
    return key if key.startswith(REST_PREFIX) else f"{REST_PREFIX}{key}"


def _body(s3: _S3, batch: StoredBatch) -> bytes:
    """The body of a batch, or of its rest if participants were removed from it."""
    try:
        answer = s3.get_object(Bucket=batch.bucket, Key=batch.key)
    except ClientError as error:
        if code_of(error) != "NoSuchKey":
            raise
        answer = s3.get_object(Bucket=batch.bucket, Key=rest_key(batch.key))
    body: bytes = answer["Body"].read()
    return body

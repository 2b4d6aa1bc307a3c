"""A batch of the stream that its trigger gave up, whole in S3: Lambda's record, with the function's event as `payload`.

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


class _S3(Protocol):
    def get_object(self, *, Bucket: str, Key: str) -> Any: ...


def read_records(s3: _S3, batch: StoredBatch) -> list[Any]:
    """Read the records, in the form in which Lambda passes them to a function."""
    try:
        body: bytes = s3.get_object(Bucket=batch.bucket, Key=batch.key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise CannotRead(f"{batch.uri} cannot be read ({code_of(error)}).") from None
    try:
        payload = json.loads(body)["payload"]
        # AWS's guide says that the event is a text of JSON; LocalStack stores it as it is.
        records = (json.loads(payload) if isinstance(payload, str) else payload)["Records"]
    except (ValueError, KeyError, TypeError):
        records = None
    if not isinstance(records, list):
        raise CannotRead(f"{batch.uri} is not a batch of the stream.")
    return records

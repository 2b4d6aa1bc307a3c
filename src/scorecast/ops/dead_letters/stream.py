"""Reads records of a stream again by their sequence numbers, in the form in which Lambda passes them to a function.

Raises StreamForgot if the stream no longer has the records; it keeps them for 24 hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from scorecast.errors import ScorecastError
from scorecast.ops.dead_letters.letters import ParkedBatch
from scorecast.ops.stack.aws_errors import aws_code_of
from scorecast.ops.stack.typed_json import in_json

# The errors of GetShardIterator and GetRecords if the records, the shard or the stream no longer exist.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html
_FORGOTTEN = {"TrimmedDataAccessException", "ResourceNotFoundException"}
# A page may be empty although records follow. After this many empty pages in a row the stream is taken to have ended.
_EMPTY_PAGES = 20

Record = dict[str, Any]


class StreamForgot(ScorecastError):
    """The stream no longer has the records."""


class _Streams(Protocol):
    def get_shard_iterator(self, **request: Any) -> dict[str, Any]: ...
    def get_records(self, **request: Any) -> dict[str, Any]: ...


def read_again(streams: _Streams, batch: ParkedBatch) -> Iterator[Record]:
    """Read the records of a batch, from its first to its last."""
    last = int(batch.last)
    for record in _records(streams, batch):
        if int(record["dynamodb"]["SequenceNumber"]) > last:
            return
        yield as_lambda_event(record, batch.stream_arn)
        if int(record["dynamodb"]["SequenceNumber"]) == last:
            return
    raise StreamForgot(f"The stream ends before the last record of the batch ({batch.last}).")


def as_lambda_event(record: Mapping[str, Any], stream_arn: str) -> Record:
    """Convert a record of GetRecords to a function event's form: times in seconds, base64 binary, the stream's ARN."""
    plain: Record = in_json(record)
    return plain | {"eventSourceARN": stream_arn}


def _records(streams: _Streams, batch: ParkedBatch) -> Iterator[Record]:
    try:
        iterator = streams.get_shard_iterator(
            StreamArn=batch.stream_arn,
            ShardId=batch.shard_id,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch.first,
        )["ShardIterator"]
        empty_pages = 0
        while iterator and empty_pages < _EMPTY_PAGES:
            page = streams.get_records(ShardIterator=iterator)
            yield from page["Records"]
            empty_pages = 0 if page["Records"] else empty_pages + 1
            iterator = page.get("NextShardIterator")
    except ClientError as error:
        if aws_code_of(error) in _FORGOTTEN:
            raise StreamForgot(
                f"The stream no longer keeps the {batch.records} records from {batch.first}: it does so for 24 hours. "
                "`scorecast verify` names the entries that are wrong without them, and `scorecast backfill` publishes "
                "all items again."
            ) from None
        raise

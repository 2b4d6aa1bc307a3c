"""write_batch: puts and deletes of up to 25 items in one call, repeated until DynamoDB has processed all of them.

Throttled and unprocessed requests are sent again after a pause. Gives up if DynamoDB accepts no request of the batch
for a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.throttling import GIVE_UP_S, LONGEST_PAUSE_S, first_pause_s, is_throttled

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
BATCH_WRITES = 25

WriteRequest = dict[str, Any]
"""{"PutRequest": {"Item": ...}} or {"DeleteRequest": {"Key": ...}}"""


def write_batch(dynamodb: Any, table: str, requests: Sequence[WriteRequest], advice: str, clock: Clock = CLOCK) -> None:
    """Write up to 25 requests for different items, and return when all are processed.

    `advice` is the next step that the error names: `run it again`.
    """
    waiting = list(requests)
    while waiting:
        waiting = _send_some(dynamodb, table, waiting, advice, clock)


def _send_some(
    dynamodb: Any, table: str, requests: list[WriteRequest], advice: str, clock: Clock
) -> list[WriteRequest]:
    """Send the requests until DynamoDB processes at least one of them; return the rest."""
    for _ in poll_until(GIVE_UP_S, first_pause_s(), LONGEST_PAUSE_S, clock):
        rest = _send(dynamodb, table, requests)
        if len(rest) < len(requests):
            return rest
    raise UserError(f"DynamoDB has throttled a batch for {GIVE_UP_S} s: {advice}.")


def _send(dynamodb: Any, table: str, requests: list[WriteRequest]) -> list[WriteRequest]:
    """Send the requests once; return those that DynamoDB did not process."""
    try:
        answer = dynamodb.batch_write_item(RequestItems={table: requests})
    except ClientError as error:
        if is_throttled(error):
            return requests
        raise
    unprocessed: list[WriteRequest] = answer.get("UnprocessedItems", {}).get(table, [])
    return unprocessed

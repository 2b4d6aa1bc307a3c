"""Redelivery: make failed messages visible again within seconds, with jitter, before the queue's own timeout.

The queue's visibility timeout is six times the function's timeout, as Lambda requires; it still applies if an
invocation ends without an answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.runtime.aws import code_of
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.logs import logger

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
BATCH_MESSAGES = 10
# With the queue's maxReceiveCount of 100 a message that always fails is tried for half an hour or more.
LONGEST_S = 30


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message's receipt: its handle, and how many times the message has been received."""

    handle: str
    receives: int


class _Sqs(Protocol):
    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Makes received messages of a queue visible again."""

    sqs: _Sqs
    queue_url: str

    def hasten(self, receipts: Iterable[Receipt], has_time: Callable[[], bool] = lambda: True) -> None:
        """Make messages visible after a random number of seconds, up to twice as many with each receive.

        One call per ten messages. Messages of a failed call, or of one that there is no time for, become visible at the
        queue's own timeout.
        """
        for batch in cut_batches(receipts, BATCH_MESSAGES):
            if not has_time():
                return
            entries = [
                {"Id": str(at), "ReceiptHandle": one.handle, "VisibilityTimeout": _delay_s(one.receives)}
                for at, one in enumerate(batch)
            ]
            try:
                answer = self.sqs.change_message_visibility_batch(QueueUrl=self.queue_url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                _warn(len(batch), code_of(error))
                return
            if failed := answer.get("Failed"):
                _warn(len(failed), failed[0]["Code"])


def _warn(messages: int, code: str) -> None:
    logger.warning("standings could not hasten the redelivery of %d changes (%s)", messages, code)


def _delay_s(receives: int) -> int:
    return random.randint(1, min(2 ** min(receives, 10), LONGEST_S))

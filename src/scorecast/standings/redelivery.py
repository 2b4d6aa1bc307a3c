"""Redelivery: messages that failed become visible again within seconds, with jitter, not after the queue's timeout.

The queue's visibility timeout is six times the function's timeout, as Lambda demands; it remains for an invocation that
ends without an answer.
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
    """The receive of a message: its handle, and how many times it has been received."""

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

        A call for ten messages. Messages of a call that fails, or for which there is no time left, become visible at
        the queue's own timeout.
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

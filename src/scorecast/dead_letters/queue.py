"""The dead-letter queue: takes changes and records that could not be processed, or raises NotAcknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.dead_letters.envelope import DeadLetter
from scorecast.errors import NotAcknowledged
from scorecast.runtime.aws import code_of
from scorecast.runtime.batches import cut_batches

# A batch of messages, and a message, are at most 1 MiB; a batch holds at most 10.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
BATCH_MESSAGES = 10
BATCH_BYTES = 1024 * 1024
# A message's attributes count towards its size too.
_ATTRIBUTE_BYTES = 512


class _Sqs(Protocol):
    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """The queue that keeps changes and records that could not be processed."""

    sqs: _Sqs
    url: str

    def park(self, letters: Sequence[DeadLetter]) -> None:
        """Send all letters, or raise NotAcknowledged so that the trigger delivers again.

        The error contains SQS's code but not its text: the text may repeat the message, and errors are logged.
        """
        batches = cut_batches(letters, BATCH_MESSAGES, BATCH_BYTES, size_bytes)
        refused = list(chain.from_iterable(self._send(batch) for batch in batches))
        if refused:
            raise NotAcknowledged(
                f"The dead-letter queue refused {len(refused)} of {len(letters)} messages "
                f"({refused[0]['Code']}); nothing is acknowledged."
            )

    def _send(self, batch: list[DeadLetter]) -> list[dict[str, Any]]:
        entries = [
            {"Id": str(at), "MessageBody": letter.body(), "MessageAttributes": _attributes(letter)}
            for at, letter in enumerate(batch)
        ]
        try:
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            return [{"Code": code_of(error)}] * len(batch)
        return list(answer.get("Failed", []))


def size_bytes(letter: DeadLetter) -> int:
    """The bytes of a letter in a batch: its body and its attributes."""
    return len(letter.body().encode()) + _ATTRIBUTE_BYTES


def _attributes(letter: DeadLetter) -> dict[str, Any]:
    named = {"stage": letter.stage, "errorCode": letter.error_code}
    return {name: {"DataType": "String", "StringValue": value} for name, value in named.items()}

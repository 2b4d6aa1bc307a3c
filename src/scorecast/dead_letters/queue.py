"""The dead-letter queue: takes what could not go, or says that it could not; refuses nothing silently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.dead_letters.envelope import DeadLetter
from scorecast.errors import NotAcknowledged
from scorecast.runtime.aws import code_of

# A batch of messages, and a message, are at most 1 MiB; a batch holds at most 10.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
BATCH_MESSAGES = 10
BATCH_BYTES = 1024 * 1024
# The attributes of a message count too.
_ATTRIBUTE_BYTES = 512


class _Sqs(Protocol):
    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """The queue for what could not go; refuses nothing silently."""

    sqs: _Sqs
    url: str

    def park(self, letters: Sequence[DeadLetter]) -> None:
        """Send all letters, or raise NotAcknowledged: then the trigger delivers again.

        The error has the queue's code and not its words, which may repeat the message: errors are logged.
        """
        refused = list(chain.from_iterable(self._send(batch) for batch in _batches(letters)))
        if refused:
            raise NotAcknowledged(
                f"The dead-letter queue refused {len(refused)} of {len(letters)} messages "
                f"({refused[0]['Code']}); nothing is acknowledged."
            )

    def _send(self, batch: list[tuple[str, DeadLetter]]) -> list[dict[str, Any]]:
        entries = [
            {"Id": str(at), "MessageBody": body, "MessageAttributes": _attributes(letter)}
            for at, (body, letter) in enumerate(batch)
        ]
        try:
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            return [{"Code": code_of(error)}] * len(batch)
        return list(answer.get("Failed", []))


def size_bytes(letter: DeadLetter) -> int:
    """How much of a batch a letter takes: its body and its attributes."""
    return len(letter.body().encode()) + _ATTRIBUTE_BYTES


def _batches(letters: Iterable[DeadLetter]) -> Iterator[list[tuple[str, DeadLetter]]]:
    batch: list[tuple[str, DeadLetter]] = []
    batch_bytes = 0
    for letter in letters:
        body = letter.body()
        letter_bytes = len(body.encode()) + _ATTRIBUTE_BYTES
        if batch and (len(batch) == BATCH_MESSAGES or batch_bytes + letter_bytes > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append((body, letter))
        batch_bytes += letter_bytes
    if batch:
        yield batch


def _attributes(letter: DeadLetter) -> dict[str, Any]:
    named = {"stage": letter.stage, "errorCode": letter.error_code}
    return {name: {"DataType": "String", "StringValue": value} for name, value in named.items()}

"""What our own code parks: the envelope of a dead letter, and the queue that takes it.

The envelope (schema `scorecast.deadLetter/1`) says at which stage, why, after how many attempts and when, and carries
what could not go, whole: `change` (a change's detail, with its `id`) or, where it could not be read, `record`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from scorecast.errors import NotAcknowledged

SCHEMA = "scorecast.deadLetter/1"

# A batch of messages, and a message, are at most 1 MiB; a batch holds at most 10.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
BATCH_MESSAGES = 10
BATCH_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One parked change or record; `error_code` is for machines, `reason` for people, times are ISO 8601 in UTC."""

    stage: str
    error_code: str
    reason: str
    attempts: int
    first_at: str
    last_at: str
    stream_arn: str | None = None
    change: dict[str, Any] | None = None
    record: Any = None

    def body(self) -> str:
        """The message that is parked."""
        envelope = {
            "schema": SCHEMA,
            "stage": self.stage,
            "errorCode": self.error_code,
            "reason": self.reason,
            "attempts": self.attempts,
            "firstAt": self.first_at,
            "lastAt": self.last_at,
            "changeId": self.change.get("id") if self.change else None,
            "streamArn": self.stream_arn,
            "change": self.change,
            "record": self.record,
        }
        present = {key: value for key, value in envelope.items() if value is not None}
        return json.dumps(present, ensure_ascii=False, separators=(",", ":"))


class _Sqs(Protocol):
    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """The queue for what could not go; refuses nothing silently."""

    sqs: _Sqs
    url: str

    def park(self, letters: Sequence[DeadLetter]) -> None:
        """Send all letters, or raise NotAcknowledged with the queue's own words: then the trigger delivers again."""
        refused = list(chain.from_iterable(self._send(batch) for batch in _batches(letters)))
        if refused:
            raise NotAcknowledged(
                f"The dead-letter queue refused {len(refused)} of {len(letters)} messages "
                f"({refused[0].get('Code')}: {refused[0].get('Message', '')}); nothing is acknowledged."
            )

    def _send(self, batch: list[tuple[str, DeadLetter]]) -> list[dict[str, Any]]:
        entries = [
            {"Id": str(at), "MessageBody": body, "MessageAttributes": _attributes(letter)}
            for at, (body, letter) in enumerate(batch)
        ]
        failed: list[dict[str, Any]] = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed", [])
        return failed


def _batches(letters: Iterable[DeadLetter]) -> Iterator[list[tuple[str, DeadLetter]]]:
    batch: list[tuple[str, DeadLetter]] = []
    batch_bytes = 0
    for letter in letters:
        body = letter.body()
        size_bytes = len(body.encode()) + 512  # the attributes count too
        if batch and (len(batch) == BATCH_MESSAGES or batch_bytes + size_bytes > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append((body, letter))
        batch_bytes += size_bytes
    if batch:
        yield batch


def _attributes(letter: DeadLetter) -> dict[str, Any]:
    named = {"stage": letter.stage, "errorCode": letter.error_code}
    return {name: {"DataType": "String", "StringValue": value} for name, value in named.items()}

"""Dead letters: one message of the dead-letter queue, and the kinds of content that it can have. Pure.

stage         parked by                                      content
fanout        FanoutLambda, scorecast.deadLetter/1           a change, or a record that it could not read
standings     ConsumerLambda, scorecast.deadLetter/1         a change, or a message that it could not read
stream        Lambda, for the stream's trigger               the object in S3 that holds the records; or, from older
                                                             stacks and engines, their position in the stream
invocation    Lambda, for a failed asynchronous invocation   the payload
delivery      EventBridge, for a rule's target               the event
queue         SQS, for ConsumerLambda's queue                the original event
unknown       anything else                                  a message that can be shown but not redelivered
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Any

STAGES = ("fanout", "standings", "stream", "invocation", "delivery", "queue", "unknown")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ParkedChange:
    """A change that the bus did not accept: its detail, and the ARN of its stream."""

    detail: Json
    stream_arn: str


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A record that FanoutLambda could not read; if it was too large for the letter, `images` points to it in S3."""

    record: Any
    images: Json | None = None


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message of ConsumerLambda's queue."""

    body: str


@dataclass(frozen=True, slots=True)
class ParkedInvocation:
    """An asynchronous invocation whose retries all failed."""

    function_arn: str
    payload: Any


@dataclass(frozen=True, slots=True)
class ParkedBatch:
    """A batch of the stream that FanoutLambda failed to process: the sequence numbers of its first and last record."""

    stream_arn: str
    shard_id: str
    first: str
    last: str
    records: int


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch of the stream that FanoutLambda failed to process, whole in S3; `records` is None until fetched."""

    bucket: str
    key: str
    size_bytes: int
    records: list[Any] | None = None

    @property
    def uri(self) -> str:
        """Where the batch is, for people."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class ParkedDelivery:
    """An event that a rule could not deliver."""

    rule_arn: str
    target_arn: str
    body: str


@dataclass(frozen=True, slots=True)
class ParkedText:
    """A message in an unknown format."""

    body: str


Content = (
    ParkedChange
    | ParkedRecord
    | ParkedMessage
    | ParkedInvocation
    | ParkedBatch
    | StoredBatch
    | ParkedDelivery
    | ParkedText
)


@dataclass(frozen=True, slots=True)
class ParkedLetter:
    """One message of the dead-letter queue. Times are ISO 8601 in UTC; `parked_at` is when SQS received it."""

    message_id: str
    stage: str
    error_code: str
    reason: str
    attempts: int
    first_at: str
    last_at: str
    parked_at: str
    content: Content
    change_id: str | None = None
    participant: str | None = None
    board: str | None = None

    @property
    def key(self) -> str:
        """Equal for two letters about the same change or content, such as a letter that was redriven and came back."""
        about = self.change_id or repr(self.content)
        return hashlib.sha256(f"{self.stage} {about}".encode()).hexdigest()

    def shown(self) -> Json:
        """The letter as JSON."""
        plain = {field.name: getattr(self.content, field.name) for field in fields(self.content)}
        return {
            "messageId": self.message_id,
            "stage": self.stage,
            "errorCode": self.error_code,
            "reason": self.reason,
            "attempts": self.attempts,
            "firstAt": self.first_at,
            "lastAt": self.last_at,
            "parkedAt": self.parked_at,
            "changeId": self.change_id,
            "id": self.participant,
            "hackathonName": self.board,
            "content": plain,
        }

"""What a message of the dead-letter queue is about, whoever parked it: one reader for all formats. Pure.

    stage         parked by                                      what it holds
    fanout        FanoutLambda, scorecast.deadLetter/1           a change, or a record that it could not read
    standings     ConsumerLambda, scorecast.deadLetter/1         a change, or a message that it could not read
    stream        Lambda, for the trigger of the stream          where in the stream the records are, and no data
    invocation    Lambda, for a failed asynchronous invocation   the payload
    delivery      EventBridge, for a rule's target               the event
    queue         SQS, for the queue of ConsumerLambda           the event, as it was
    unknown       somebody else                                  a message that can be shown, but goes nowhere

Refuses nothing: what is in none of these formats is `unknown`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from scorecast.changes.change import iso_now, iso_time
from scorecast.dead_letters.envelope import SCHEMA
from scorecast.runtime.settings import AttributeNames

STAGES = ("fanout", "standings", "stream", "invocation", "delivery", "queue", "unknown")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ParkedChange:
    """A change that the bus did not take: its detail, and the stream it is from."""

    detail: Json
    stream_arn: str


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A record of the stream that FanoutLambda could not read; `images` say where it is if the letter has no room."""

    record: Any
    images: Json | None = None


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message of ConsumerLambda's queue."""

    body: str


@dataclass(frozen=True, slots=True)
class ParkedInvocation:
    """An asynchronous invocation that failed for good."""

    function_arn: str
    payload: Any


@dataclass(frozen=True, slots=True)
class ParkedBatch:
    """A batch of the stream that FanoutLambda could not take: where its records are, from the first to the last."""

    stream_arn: str
    shard_id: str
    first: str
    last: str
    records: int


@dataclass(frozen=True, slots=True)
class ParkedDelivery:
    """An event that a rule could not deliver."""

    rule_arn: str
    target_arn: str
    body: str


@dataclass(frozen=True, slots=True)
class ParkedText:
    """A message in no format that is known here."""

    body: str


Content = (
    ParkedChange | ParkedRecord | ParkedMessage | ParkedInvocation | ParkedBatch | ParkedDelivery | ParkedText
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ParkedLetter:
    """One message of the dead-letter queue, understood; times are ISO 8601 in UTC, `parked_at` is SQS's own."""

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
        """The same for two messages about the same thing, such as one that was sent again and came back."""
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


@dataclass(frozen=True, slots=True)
class _Message:
    """A message as ReceiveMessage gives it, taken apart once."""

    id: str
    body: str
    document: Json
    attributes: Mapping[str, str]
    receives: int
    sent_at: str


def read_letter(message: Mapping[str, Any], names: AttributeNames = AttributeNames()) -> ParkedLetter:  # noqa: B008
    """Understand a message as SQS's ReceiveMessage gives it, with all its attributes; `names` find board and id."""
    taken = _take_apart(message)
    document = taken.document
    if document.get("schema") == SCHEMA:
        return _own(taken, names)
    if isinstance(document.get("DDBStreamBatchInfo"), dict):
        return _stream_batch(taken)
    if "requestPayload" in document and isinstance(document.get("requestContext"), dict):
        return _invocation(taken, names)
    if "TARGET_ARN" in taken.attributes:
        return _delivery(taken, names)
    if _is_event(document):
        return _from_queue(taken, names)
    reason = "The message is in none of the formats that reach this queue."
    return _letter(taken, "unknown", "Unknown", reason, ParkedText(taken.body))


# ---------------------------------------------------------------- the formats


def _own(message: _Message, names: AttributeNames) -> ParkedLetter:
    """The envelope of scorecast.dead_letters.envelope."""
    envelope = message.document
    stage = envelope.get("stage") if envelope.get("stage") in ("fanout", "standings") else "unknown"
    change = envelope.get("change") if isinstance(envelope.get("change"), dict) else None
    return _letter(
        message,
        str(stage),
        str(envelope.get("errorCode", "Unknown")),
        str(envelope.get("reason", "")),
        _own_content(str(stage), envelope, change, message.body),
        change=change,
        attempts=envelope.get("attempts", 1),
        first_at=envelope.get("firstAt"),
        last_at=envelope.get("lastAt"),
        names=names,
    )


def _own_content(stage: str, envelope: Json, change: Json | None, body: str) -> Content:
    if stage == "fanout" and change is not None:
        return ParkedChange(change, str(envelope.get("streamArn", "")))
    if stage == "fanout":
        return ParkedRecord(envelope.get("record"), envelope.get("images"))
    if stage == "standings" and change is not None:
        return ParkedMessage(event_of(change, str(envelope.get("streamArn", ""))))
    if stage == "standings":
        record = envelope.get("record")
        return ParkedMessage(record if isinstance(record, str) else json.dumps(record, ensure_ascii=False))
    return ParkedText(body)


def event_of(change: Json, stream_arn: str) -> str:
    """The event that carries a change to ConsumerLambda, as far as it looks at it."""
    event = {
        "source": "update.aws.dynamodb",
        "detail-type": change.get("operation"),
        "time": change.get("at"),
        "resources": [stream_arn],
        "detail": change,
    }
    return json.dumps(event, ensure_ascii=False)


def _stream_batch(message: _Message) -> ParkedLetter:
    """Lambda's record of a batch that its trigger gave up.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """
    batch, context = message.document["DDBStreamBatchInfo"], _context(message)
    content = ParkedBatch(
        stream_arn=str(batch.get("streamArn", "")),
        shard_id=str(batch.get("shardId", "")),
        first=str(batch.get("startSequenceNumber", "")),
        last=str(batch.get("endSequenceNumber", "")),
        records=int(batch.get("batchSize", 0)),
    )
    condition = str(context.get("condition", "Unknown"))
    reason = f"The stream's trigger gave up a batch of {content.records} records ({condition})."
    return _letter(
        message,
        *("stream", condition, reason, content),
        attempts=context.get("approximateInvokeCount", 1),
        first_at=batch.get("approximateArrivalOfFirstRecord"),
        last_at=message.document.get("timestamp"),
    )


def _invocation(message: _Message, names: AttributeNames) -> ParkedLetter:
    """Lambda's record of an asynchronous invocation that failed.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    context, payload = _context(message), message.document["requestPayload"]
    response = message.document.get("responsePayload")
    error = response if isinstance(response, dict) else {}
    condition = str(context.get("condition", "Unknown"))
    return _letter(
        message,
        "invocation",
        str(error.get("errorType") or condition),
        str(error.get("errorMessage") or f"The invocation failed ({condition})."),
        ParkedInvocation(_unqualified(str(context.get("functionArn", ""))), payload),
        change=payload["detail"] if _is_event(payload) else None,
        attempts=context.get("approximateInvokeCount", 1),
        last_at=message.document.get("timestamp"),
        names=names,
    )


def _delivery(message: _Message, names: AttributeNames) -> ParkedLetter:
    """An event that EventBridge could not deliver; what went wrong is in the message's attributes.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    given = message.attributes
    retries = given.get("RETRY_ATTEMPTS", "0")
    return _letter(
        message,
        "delivery",
        given.get("ERROR_CODE", "Unknown"),
        given.get("ERROR_MESSAGE") or f"The rule could not deliver to {given['TARGET_ARN']}.",
        ParkedDelivery(given.get("RULE_ARN", ""), given["TARGET_ARN"], message.body),
        change=message.document["detail"] if _is_event(message.document) else None,
        attempts=1 + int(retries) if retries.isdigit() else 1,
        first_at=message.document.get("time"),
        names=names,
    )


def _from_queue(message: _Message, names: AttributeNames) -> ParkedLetter:
    """A message that ConsumerLambda did not take, moved by its queue; SQS counts earlier looks at it as attempts."""
    reason = "ConsumerLambda did not take the message, as often as its queue gave it out."
    return _letter(
        message,
        *("queue", "MaxReceiveCount", reason, ParkedMessage(message.body)),
        change=message.document["detail"],
        attempts=message.receives,
        names=names,
    )


# ---------------------------------------------------------------- the parts they share


def _letter(
    message: _Message,
    stage: str,
    error_code: str,
    reason: str,
    content: Content,
    *,
    change: Json | None = None,
    attempts: Any = 1,
    first_at: Any = None,
    last_at: Any = None,
    names: AttributeNames | None = None,
) -> ParkedLetter:
    about = _about(change or {}, names or AttributeNames())
    return ParkedLetter(
        message_id=message.id,
        stage=stage,
        error_code=error_code,
        reason=reason,
        attempts=attempts if isinstance(attempts, int) else 1,
        first_at=str(first_at or message.sent_at),
        last_at=str(last_at or message.sent_at),
        parked_at=message.sent_at,
        content=content,
        change_id=str(change["id"]) if change and change.get("id") else None,
        participant=about.get("participant"),
        board=about.get("board"),
    )


def _about(detail: Json, names: AttributeNames) -> dict[str, str]:
    """Whose item a change is about, and of which board, as far as it can be told."""
    images = [detail.get(name) for name in ("old", "new", "keys")]
    item: Json = {}
    for image in images:
        item |= image if isinstance(image, dict) else {}
    found = {"participant": item.get(names.id), "board": item.get(names.board, item.get(names.metadata))}
    return {name: str(value) for name, value in found.items() if value is not None}


def _take_apart(message: Mapping[str, Any]) -> _Message:
    body, system = str(message.get("Body", "")), message.get("Attributes", {})
    given = message.get("MessageAttributes", {})
    return _Message(
        id=str(message.get("MessageId", "")),
        body=body,
        document=_object(body),
        attributes={name: str(value.get("StringValue", "")) for name, value in given.items()},
        receives=max(1, int(system.get("ApproximateReceiveCount", "1")) - 1),
        sent_at=_sent_at(system),
    )


def _object(body: str) -> Json:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _context(message: _Message) -> Json:
    context = message.document.get("requestContext")
    return context if isinstance(context, dict) else {}


def _is_event(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("detail"), dict) and "resources" in document


def _unqualified(function_arn: str) -> str:
    """The function itself: $LATEST is what an invocation without a version means."""
    return function_arn.removesuffix(":$LATEST")


def _sent_at(system: Mapping[str, str]) -> str:
    """When SQS took the message; a queue always says it if it is asked for all attributes."""
    return iso_time(int(system["SentTimestamp"]) / 1000) if "SentTimestamp" in system else iso_now()

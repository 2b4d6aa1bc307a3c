"""Formats of dead letters: read a message of the dead-letter queue, whatever parked it. Pure.

Refuses nothing: a message in no known format is a letter of the stage `unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scorecast.changes.change import iso_now, iso_time
from scorecast.dead_letters.envelope import SCHEMA
from scorecast.ops.dead_letters.letters import (
    Content,
    Json,
    ParkedBatch,
    ParkedChange,
    ParkedDelivery,
    ParkedInvocation,
    ParkedLetter,
    ParkedMessage,
    ParkedRecord,
    ParkedText,
    StoredBatch,
)
from scorecast.runtime.settings import AttributeNames

# The beginning of the keys of batches that Lambda puts into a bucket.
# https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
STORED_PREFIX = "aws/lambda/"


@dataclass(frozen=True, slots=True)
class _Message:
    """The parts of a message that ReceiveMessage returned."""

    id: str
    body: str
    document: Json
    attributes: Mapping[str, str]
    receives: int
    sent_at: str


def read_letter(message: Mapping[str, Any], names: AttributeNames = AttributeNames()) -> ParkedLetter:  # noqa: B008
    """Read a message as ReceiveMessage returns it, with all its attributes; `names` locates the board and the id."""
    parts = _parse(message)
    document = parts.document
    if document.get("schema") == SCHEMA:
        return _own(parts, names)
    if isinstance(document.get("DDBStreamBatchInfo"), dict):
        return _stream_batch(parts)
    if "requestPayload" in document and isinstance(document.get("requestContext"), dict):
        return _invocation(parts, names)
    if "TARGET_ARN" in parts.attributes:
        return _delivery(parts, names)
    if _is_stored_batch(document):
        return _stored_batch(parts)
    if _is_event(document):
        return _from_queue(parts, names)
    reason = "The message is in none of the formats that reach this queue."
    return _letter(parts, "unknown", "Unknown", reason, ParkedText(parts.body))


# ---------------------------------------------------------------- the formats


def _own(message: _Message, names: AttributeNames) -> ParkedLetter:
    """Read the envelope of scorecast.dead_letters.envelope."""
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
    """Make the event that carries a change to ConsumerLambda, with the fields that it reads."""
    event = {
        "source": "update.aws.dynamodb",
        "detail-type": change.get("operation"),
        "time": change.get("at"),
        "resources": [stream_arn],
        "detail": change,
    }
    return json.dumps(event, ensure_ascii=False)


def _stream_batch(message: _Message) -> ParkedLetter:
    """Read Lambda's record of a batch that the trigger gave up.

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


def _stored_batch(message: _Message) -> ParkedLetter:
    """Read S3's event about a batch that the trigger gave up and that Lambda put into the backup bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    event = message.document
    about = event["detail"]["object"]
    bucket = event["detail"].get("bucket", {}).get("name", "")
    content = StoredBatch(str(bucket), str(about["key"]), int(about.get("size", 0)))
    reason = f"The stream's trigger gave up a batch; its records are in S3 ({content.size_bytes:,} bytes)."
    return _letter(message, "stream", "GivenUp", reason, content, first_at=event.get("time"), last_at=event.get("time"))


def _invocation(message: _Message, names: AttributeNames) -> ParkedLetter:
    """Read Lambda's record of a failed asynchronous invocation.

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
    """Read an event that EventBridge could not deliver; the message's attributes name the error.

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
    """Read a message that was moved from ConsumerLambda's queue; SQS counts every earlier receive as an attempt."""
    reason = "ConsumerLambda did not process the message, as often as its queue delivered it."
    return _letter(
        message,
        *("queue", "MaxReceiveCount", reason, ParkedMessage(message.body)),
        change=message.document["detail"],
        attempts=message.receives,
        names=names,
    )


# ---------------------------------------------------------------- shared by the formats


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
    """Find the participant and the board of a change, if its images have them."""
    images = [detail.get(name) for name in ("old", "new", "keys")]
    item: Json = {}
    for image in images:
        item |= image if isinstance(image, dict) else {}
    found = {"participant": item.get(names.id), "board": item.get(names.board, item.get(names.metadata))}
    return {name: str(value) for name, value in found.items() if value is not None}


def _parse(message: Mapping[str, Any]) -> _Message:
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


def _is_stored_batch(document: Json) -> bool:
    detail = document.get("detail")
    about = detail.get("object") if document.get("source") == "aws.s3" and isinstance(detail, dict) else None
    return isinstance(about, dict) and str(about.get("key", "")).startswith(STORED_PREFIX)


def _unqualified(function_arn: str) -> str:
    """Remove $LATEST, which stands for an invocation without a version."""
    return function_arn.removesuffix(":$LATEST")


def _sent_at(system: Mapping[str, str]) -> str:
    """When SQS received the message; always present if all attributes are requested."""
    return iso_time(int(system["SentTimestamp"]) / 1000) if "SentTimestamp" in system else iso_now()

"""Fetch what a dead letter leaves in S3: images that were too large for it, and the records of a whole batch."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TypeVar

from scorecast.changes.claim import read_pointer
from scorecast.changes.claim_store import ClaimStore
from scorecast.ops.dead_letters.letters import (
    Content,
    ParkedChange,
    ParkedDelivery,
    ParkedInvocation,
    ParkedMessage,
    ParkedRecord,
    StoredBatch,
)
from scorecast.ops.dead_letters.stored_batch import read_records

T = TypeVar("T", bound=Content)


def with_images(content: T, claims: ClaimStore) -> T:
    """Return a letter's content completed from S3; unchanged if it has nothing there, CannotRead if that is missing."""
    match content:
        case ParkedChange(detail):
            return replace(content, detail=claims.resolve({"detail": detail})["detail"])
        case ParkedRecord(images=dict() as images):
            return replace(content, record=claims.fetch(read_pointer(images)), images=None)
        case ParkedInvocation(payload=dict() as payload):
            return replace(content, payload=claims.resolve(payload))
        case StoredBatch(records=None):
            return replace(content, records=read_records(claims.connect(), content))
        case ParkedMessage(body=body) | ParkedDelivery(body=body):
            return replace(content, body=_with_images(body, claims))
    return content


def _with_images(body: str, claims: ClaimStore) -> str:
    try:
        event = json.loads(body)
    except ValueError:
        return body
    whole = claims.resolve(event)
    return body if whole is event else json.dumps(whole, ensure_ascii=False)

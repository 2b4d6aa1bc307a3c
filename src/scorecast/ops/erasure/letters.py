"""Letters: the dead letters about a participant, in every format, and what they have in S3.

A message cannot be rewritten. So a letter that is also about others, such as a failed invocation with a whole batch,
stays and must be redriven first. A letter that only names a batch in S3 holds no data itself; it is deleted if the
batch has no other participant's record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scorecast.changes.claim_store import ClaimStore
from scorecast.errors import CannotRead, NotAcknowledged
from scorecast.ops.dead_letters.images import with_images
from scorecast.ops.dead_letters.letters import (
    Content,
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
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.erasure.participant import Participant


class About(StrEnum):
    """Whom a dead letter is about."""

    PARTICIPANT = "participant"
    SHARED = "shared"
    OTHERS = "others"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ParticipantLetters:
    """The dead letters about one participant; `claims` fetches what they have in S3."""

    claims: ClaimStore
    who: Participant

    def sort(self, queue: LetterQueue) -> Iterator[tuple[About, list[ParkedLetter]]]:
        """Read the queue once, batch by batch, and yield its letters grouped by whom they are about."""
        for batch in queue.batches():
            found = [(self.about(letter.content), letter) for letter in batch]
            for about in About:
                yield about, [letter for one, letter in found if one is about]

    def about(self, content: Content) -> About:
        """Say whom a letter is about; UNKNOWN if it is not JSON, or if its images cannot be read."""
        try:
            documents = self._documents(content)
        except (CannotRead, NotAcknowledged, ValueError):
            return About.UNKNOWN
        theirs = [self.who.is_in(document) for document in documents]
        if not any(theirs):
            return About.OTHERS
        if all(theirs):
            return About.PARTICIPANT
        # The rest of a stored batch is rewritten in S3, so its letter may stay as it is.
        return About.OTHERS if isinstance(content, StoredBatch) else About.SHARED

    def _documents(self, content: Content) -> list[Any]:
        """The details, events and records in a letter. An event has the id even if its images are in S3."""
        match content:
            case ParkedChange(detail):
                return [detail]
            case ParkedRecord():
                return [with_images(content, self.claims).record]
            case StoredBatch():
                return with_images(content, self.claims).records or []
            case ParkedInvocation(payload=payload):
                return _of_payload(payload)
            case ParkedMessage(body=body) | ParkedDelivery(body=body) | ParkedText(body=body):
                return [json.loads(body)]
            case ParkedBatch():
                return []


def _of_payload(payload: Any) -> list[Any]:
    """The event in a function's payload, or its records: those of a stream, or messages of a queue."""
    records = payload.get("Records") if isinstance(payload, dict) else None
    if not isinstance(records, list):
        return [payload]
    return [json.loads(one["body"]) if isinstance(one, dict) and "body" in one else one for one in records]

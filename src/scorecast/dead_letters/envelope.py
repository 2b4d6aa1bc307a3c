"""The envelope of the dead letters that the functions park. Pure.

The envelope (schema `scorecast.deadLetter/1`) names the stage, the reason, the number of attempts and their times. It
contains the whole failed message: `change` (a change's detail, with its `id`), or `record` if it could not be read.
Data too large for a message is in S3, under a claim: a change's claim is in its own `images`, a record's in the
letter's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

SCHEMA = "scorecast.deadLetter/1"
# A reason quotes the invalid value, which may be as large as an item.
REASON_CHARACTERS = 1000


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
    images: dict[str, Any] | None = None

    def body(self) -> str:
        """The body of the message."""
        envelope = {
            "schema": SCHEMA,
            "stage": self.stage,
            "errorCode": self.error_code,
            "reason": self.reason[:REASON_CHARACTERS],
            "attempts": self.attempts,
            "firstAt": self.first_at,
            "lastAt": self.last_at,
            "changeId": self.change.get("id") if self.change else None,
            "streamArn": self.stream_arn,
            "change": self.change,
            "record": self.record,
            "images": self.images,
        }
        present = {key: value for key, value in envelope.items() if value is not None}
        return json.dumps(present, ensure_ascii=False, separators=(",", ":"))

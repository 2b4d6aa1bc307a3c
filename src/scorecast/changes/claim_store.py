"""Claims in S3: a document is stored before its event is published, and fetched by consumers that need all of it.

Consumers call `resolve`: it returns the event as it would be without the size limit. Raises CannotRead if the document
is missing, forbidden or changed, and NotAcknowledged if another attempt may succeed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import Change, from_event
from scorecast.changes.claim import Claim, claim_in, pack, read_kept, unpack
from scorecast.errors import CannotRead, NotAcknowledged
from scorecast.runtime.aws import code_of, is_transient

Event = dict[str, Any]


class NotStored(NotAcknowledged):
    """S3 refused a document, and will refuse it again until something is fixed."""


class S3(Protocol):
    """The calls of S3's client that this module needs."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> Any: ...
    def get_object(self, *, Bucket: str, Key: str) -> Any: ...


def resolve(event: Event, s3: S3, bucket: str | None = None) -> Event:
    """Return the whole event: unchanged, or with the detail that its claim names, which costs one GetObject.

    `bucket` names a copy of the backup to read instead.
    """
    claim = claim_in(event)
    if claim is None:
        return event
    detail = ClaimStore(lambda: s3).fetch(replace(claim, bucket=bucket or claim.bucket))
    if not isinstance(detail, dict) or detail.get("id") != event["detail"].get("id"):
        raise CannotRead(f"{claim.uri} belongs to another change than {event['detail'].get('id')!r}.")
    return {**event, "detail": detail}


@dataclass(frozen=True, slots=True)
class ClaimStore:
    """Stores and fetches documents; `connect` makes S3's client at the first claim, since most batches have none."""

    connect: Callable[[], S3]

    def put(self, claim: Claim, document: bytes) -> None:
        """Store a document under its claim; NotStored if S3 refuses it, a plain NotAcknowledged if S3 is busy."""
        body = pack(document)
        try:
            self.connect().put_object(Bucket=claim.bucket, Key=claim.key, Body=body, ContentType="application/gzip")
        except (ClientError, BotoCoreError) as error:
            kind = NotAcknowledged if is_transient(error) else NotStored
            raise kind(f"S3 did not accept {claim.uri} ({code_of(error)}).") from None

    def fetch(self, claim: Claim) -> Any:
        """Read the document that a claim names, and check its hash."""
        try:
            body: bytes = self.connect().get_object(Bucket=claim.bucket, Key=claim.key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            kind = NotAcknowledged if is_transient(error) else CannotRead
            raise kind(f"{claim.uri} cannot be read ({code_of(error)}).") from None
        return unpack(claim, body)

    def resolve(self, event: Event) -> Event:
        """Return the whole event; see `resolve`."""
        return resolve(event, self.connect()) if claim_in(event) else event

    def read(self, event: Any) -> Change:
        """Read a change with everything that a leaderboard needs; calls S3 only if the event lacks some of it."""
        claim = claim_in(event)
        return from_event(self.resolve(event)) if claim and claim.lacks_attributes else read_kept(event)

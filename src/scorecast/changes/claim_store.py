"""Claims and S3: a document is put before its event is published, and fetched where somebody needs all of it.

`resolve` is what a consumer needs: it gives back the event as it would have been without a limit. Refuses, with
CannotRead, what is not there, may not be read or is not what was left; NotAcknowledged is worth another attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import Change, from_event
from scorecast.changes.claim import Claim, claim_in, pack, read_kept, unpack
from scorecast.errors import CannotRead, NotAcknowledged
from scorecast.runtime.aws import code_of

Event = dict[str, Any]


class S3(Protocol):
    """The two calls of S3's client that are needed."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> Any: ...
    def get_object(self, *, Bucket: str, Key: str) -> Any: ...


def resolve(event: Event, s3: S3, bucket: str | None = None) -> Event:
    """Return the whole event: itself, or with the detail that its claim names; one GetObject then.

    `bucket` is where a copy of the backup is, if it is to be read instead.
    """
    claim = claim_in(event)
    if claim is None:
        return event
    detail = ClaimStore(lambda: s3).fetch(replace(claim, bucket=bucket or claim.bucket))
    if not isinstance(detail, dict) or detail.get("id") != event["detail"].get("id"):
        raise CannotRead(f"{claim.place} is of another change than {event['detail'].get('id')!r}.")
    return {**event, "detail": detail}


@dataclass(frozen=True, slots=True)
class ClaimStore:
    """`connect` gives S3's client; it is not asked before the first claim, for most batches have none."""

    connect: Callable[[], S3]

    def put(self, claim: Claim, document: bytes) -> None:
        """Put a document to where its claim says; NotAcknowledged where S3 does not take it."""
        body = pack(document)
        try:
            self.connect().put_object(Bucket=claim.bucket, Key=claim.key, Body=body, ContentType="application/gzip")
        except (ClientError, BotoCoreError) as error:
            raise NotAcknowledged(f"S3 did not take {claim.place} ({code_of(error)}).") from None

    def fetch(self, claim: Claim) -> Any:
        """Read the document that a claim names, and see that it is the one that was left."""
        try:
            body: bytes = self.connect().get_object(Bucket=claim.bucket, Key=claim.key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            kind = CannotRead if _is_refusal(error) else NotAcknowledged
            raise kind(f"{claim.place} cannot be read ({code_of(error)}).") from None
        return unpack(claim, body)

    def resolve(self, event: Event) -> Event:
        """Return the whole event; see `resolve`."""
        return resolve(event, self.connect()) if claim_in(event) else event

    def read(self, event: Any) -> Change:
        """Read a change with all that a leaderboard needs; S3 is asked only where the event could not keep it."""
        claim = claim_in(event)
        return from_event(self.resolve(event)) if claim and claim.lacks_attributes else read_kept(event)


def _is_refusal(error: Exception) -> bool:
    """Whether S3 said no, rather than being busy or out of reach."""
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return 400 <= status < 500 and status != 429

"""PutEvents: concurrent calls, and retries of only the failed entries, within the remaining time.

An attempt stores the document of an entry's claim in S3 before it publishes the entry, so no event names a missing
document.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import iso_now
from scorecast.changes.claim_store import ClaimStore
from scorecast.errors import NotAcknowledged
from scorecast.fanout.plan import Publication, plan_calls
from scorecast.runtime.aws import code_of

# Backoff with full jitter. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
BACKOFF_BASE_S = 0.1
BACKOFF_CAP_S = 5.0
# The time of the invocation that is reserved for parking changes.
RESERVE_S = 10.0
# The error code of a change whose images S3 did not accept.
IMAGES_NOT_STORED = "ImagesNotStored"

Failure = tuple[Publication, str, str]
"""A publication that failed at an attempt, with its error code and message."""


class _Events(Protocol):
    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """A publication that the bus refused, with its last error and the times of its attempts (ISO 8601, UTC)."""

    publication: Publication
    error_code: str
    reason: str
    attempts: int
    first_at: str
    last_at: str


@dataclass(frozen=True, slots=True)
class Publisher:
    """Sends waves to the bus; `max_attempts` counts the first attempt too."""

    events: _Events
    claims: ClaimStore
    executor: Executor
    max_attempts: int
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def publish(self, wave: Sequence[Publication], remaining_s: Callable[[], float]) -> list[Refusal]:
        """Send a wave, its calls at the same time; return the publications that failed `max_attempts` times.

        Raises NotAcknowledged if the time runs out first.
        """
        settled = self.executor.map(lambda batch: self._settle(batch, remaining_s), list(plan_calls(wave)))
        return list(chain.from_iterable(settled))

    def _settle(self, batch: list[Publication], remaining_s: Callable[[], float]) -> list[Refusal]:
        first_at = iso_now()
        for attempt in range(1, self.max_attempts + 1):
            if remaining_s() <= RESERVE_S:
                raise NotAcknowledged(f"Time ran out with {len(batch)} changes unpublished, at attempt {attempt}.")
            failures = self._attempt(batch)
            if not failures:
                return []
            batch = [publication for publication, _, _ in failures]
            if attempt < self.max_attempts:
                self._pause(attempt, remaining_s)
        return [Refusal(*failure, self.max_attempts, first_at, iso_now()) for failure in failures]

    def _attempt(self, batch: list[Publication]) -> list[Failure]:
        """Store the documents of claims, then make one call; return the failures."""
        failures = list(chain.from_iterable(map(self._store, batch)))
        failed = {publication.change.id for publication, _, _ in failures}
        ready = [publication for publication in batch if publication.change.id not in failed]
        return failures + (self._send(ready) if ready else [])

    def _store(self, publication: Publication) -> list[Failure]:
        if publication.claim is None:
            return []
        try:
            self.claims.put(publication.claim, publication.document)
        except NotAcknowledged as error:
            return [(publication, IMAGES_NOT_STORED, str(error))]
        return []

    def _send(self, batch: list[Publication]) -> list[Failure]:
        """Make one call; return the failures."""
        try:
            answer = self.events.put_events(Entries=[publication.entry for publication in batch])
        except (ClientError, BotoCoreError) as error:
            if len(batch) > 1 and _is_rejection(error):
                # One invalid entry makes AWS reject the whole call: send each entry in a call of its own.
                return list(chain.from_iterable(self._send([publication]) for publication in batch))
            return [(publication, code_of(error), str(error)) for publication in batch]
        return [
            (publication, result["ErrorCode"], result.get("ErrorMessage", ""))
            for publication, result in zip(batch, answer["Entries"], strict=True)
            if result.get("ErrorCode")
        ]

    def _pause(self, attempt: int, remaining_s: Callable[[], float]) -> None:
        ceiling_s = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2**attempt)
        self.sleep(min(self.jitter() * ceiling_s, max(0.0, remaining_s() - RESERVE_S)))


def _is_rejection(error: Exception) -> bool:
    """Whether AWS rejected the call as invalid, rather than being busy or unreachable."""
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return 400 <= status < 500 and "Throttl" not in code_of(error)

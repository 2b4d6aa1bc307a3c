"""PutEvents: concurrent calls, and retries of only the failed entries, within the remaining time.

A service that is busy or does not answer says nothing about an entry, so such failures are retried until the time runs
out. Only refusals of the entry itself count: after `max_attempts` refusals it is given up.

An attempt stores the document of an entry's claim in S3 before it publishes the entry, so no event names a missing
document.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import iso_now
from scorecast.changes.claim_store import ClaimStore, NotStored
from scorecast.errors import NotAcknowledged
from scorecast.fanout.plan import Publication, plan_calls
from scorecast.runtime.aws import code_of, is_transient, is_transient_code

# Backoff with full jitter. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
BACKOFF_BASE_S = 0.1
BACKOFF_CAP_S = 5.0
# The part of the invocation's time that is reserved for parking changes.
RESERVE_S = 10.0
# The error code of a change whose images S3 did not accept.
IMAGES_NOT_STORED = "ImagesNotStored"


@dataclass(frozen=True, slots=True)
class Failure:
    """A publication whose attempt failed; `is_refusal` is false if the service was only busy."""

    publication: Publication
    error_code: str
    reason: str
    is_refusal: bool


class _Events(Protocol):
    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """A publication that the bus refused `attempts` times, with its last error; times are ISO 8601 in UTC."""

    publication: Publication
    error_code: str
    reason: str
    attempts: int
    first_at: str
    last_at: str


@dataclass(slots=True)
class _Tally:
    """Counts the refusals of each publication of a batch; `refusals` has the publications that reached the limit."""

    max_attempts: int
    first_at: str
    refusals: list[Refusal] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def to_retry(self, failures: Sequence[Failure]) -> list[Publication]:
        """Note the failures of an attempt; return what to send again."""
        return [failure.publication for failure in failures if not self._is_given_up(failure)]

    def _is_given_up(self, failure: Failure) -> bool:
        change_id = failure.publication.change.id
        self._counts[change_id] += failure.is_refusal
        attempts = self._counts[change_id]
        if attempts < self.max_attempts:
            return False
        made = (failure.publication, failure.error_code, failure.reason, attempts, self.first_at, iso_now())
        self.refusals.append(Refusal(*made))
        return True


@dataclass(frozen=True, slots=True)
class Publisher:
    """Sends waves to the bus; gives an entry up after `max_attempts` refusals."""

    events: _Events
    claims: ClaimStore
    executor: Executor
    max_attempts: int
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def publish(self, wave: Sequence[Publication], remaining_s: Callable[[], float]) -> list[Refusal]:
        """Send a wave with concurrent calls; return the publications that were refused `max_attempts` times.

        Raises NotAcknowledged if the time runs out first.
        """
        settled = self.executor.map(lambda batch: self._settle(batch, remaining_s), list(plan_calls(wave)))
        return list(chain.from_iterable(settled))

    def _settle(self, batch: list[Publication], remaining_s: Callable[[], float]) -> list[Refusal]:
        tally = _Tally(self.max_attempts, iso_now())
        for attempt in count(1):
            if remaining_s() <= RESERVE_S:
                raise NotAcknowledged(f"Time ran out with {len(batch)} changes unpublished, at attempt {attempt}.")
            batch = tally.to_retry(self._attempt(batch))
            if not batch:
                break
            self._pause(attempt, remaining_s)
        return tally.refusals

    def _attempt(self, batch: list[Publication]) -> list[Failure]:
        """Store the documents of claims, then make one call; return the failures."""
        failures = list(chain.from_iterable(map(self._store, batch)))
        failed = {failure.publication.change.id for failure in failures}
        ready = [publication for publication in batch if publication.change.id not in failed]
        return failures + (self._send(ready) if ready else [])

    def _store(self, publication: Publication) -> list[Failure]:
        if publication.claim is None:
            return []
        try:
            self.claims.put(publication.claim, publication.document)
        except NotAcknowledged as error:
            return [Failure(publication, IMAGES_NOT_STORED, str(error), isinstance(error, NotStored))]
        return []

    def _send(self, batch: list[Publication]) -> list[Failure]:
        """Make one call; return the failures."""
        try:
            answer = self.events.put_events(Entries=[publication.entry for publication in batch])
        except (ClientError, BotoCoreError) as error:
            is_refusal = not is_transient(error)
            if len(batch) > 1 and is_refusal:
                # One invalid entry makes AWS reject the whole call: send each entry in a call of its own.
                return list(chain.from_iterable(self._send([publication]) for publication in batch))
            return [Failure(publication, code_of(error), str(error), is_refusal) for publication in batch]
        return [
            Failure(publication, code, result.get("ErrorMessage", ""), not is_transient_code(code))
            for publication, result in zip(batch, answer["Entries"], strict=True)
            if (code := result.get("ErrorCode"))
        ]

    def _pause(self, attempt: int, remaining_s: Callable[[], float]) -> None:
        ceiling_s = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2 ** min(attempt, 10))
        self.sleep(min(self.jitter() * ceiling_s, max(0.0, remaining_s() - RESERVE_S)))


def countdown(seconds: float) -> Callable[[], float]:
    """Return a function that returns how many of the seconds remain, for callers outside an invocation."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()

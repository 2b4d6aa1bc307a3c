"""FanoutLambda: publish a batch of the stream on the bus; park changes that cannot be published.

Every record is published on the bus, parked in the dead-letter queue with the reason, or not acknowledged. To leave a
record unacknowledged the function raises instead of returning `batchItemFailures`: the checkpoint is the lowest failed
record in both cases, and an exception also makes the trigger halve the batch (BisectBatchOnFunctionError).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from typing import Any

from scorecast.changes.change import iso_now, to_detail
from scorecast.changes.claim import claim_for
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.envelope import DeadLetter
from scorecast.dead_letters.queue import BATCH_BYTES, DeadLetterQueue, size_bytes
from scorecast.errors import CannotRead
from scorecast.fanout.plan import Publication, plan_waves, read_publication
from scorecast.fanout.publish import IMAGES_NOT_STORED, Publisher, Refusal
from scorecast.runtime.aws import create_client, create_s3_client
from scorecast.runtime.logs import loggable_id, logger
from scorecast.runtime.metrics import write_metrics
from scorecast.runtime.settings import FanoutSettings

STAGE = "fanout"

# Calls in flight: a call waits about 20 ms and uses less than 1 ms of CPU. More calls would gain little.
CONCURRENT_CALLS = 32


@dataclass(frozen=True, slots=True)
class Fanout:
    """Publishes or parks the records of a batch; tests pass their own publisher and queue."""

    settings: FanoutSettings
    publisher: Publisher
    dead_letters: DeadLetterQueue

    def run(self, records: list[Any], remaining_s: Callable[[], float]) -> dict[str, int]:
        """Publish or park every record, and return the counts; NotAcknowledged makes the trigger deliver again."""
        publications, unreadable = self._read(records)
        refusals = [self.publisher.publish(wave, remaining_s) for wave in plan_waves(publications)]
        letters = unreadable + [_letter(refusal) for refusal in chain.from_iterable(refusals)]
        self.dead_letters.park(letters)
        for letter in letters:
            logger.info("fanout parked change=%s code=%s", _id_of(letter), letter.error_code)
        return {"records": len(records), "published": len(records) - len(letters), "parked": len(letters)}

    def _read(self, records: list[Any]) -> tuple[list[Publication], list[DeadLetter]]:
        publications, unreadable = [], []
        for record in records:
            try:
                publications.append(read_publication(record, self.settings.bus))
            except CannotRead as error:
                letter = DeadLetter(STAGE, "CannotRead", str(error), 1, iso_now(), iso_now(), record=record)
                unreadable.append(self._fitting(letter))
        return publications, unreadable

    def _fitting(self, letter: DeadLetter) -> DeadLetter:
        """Make a letter fit into a message: replace a record that is too large by a claim, with the record in S3."""
        if size_bytes(letter) <= BATCH_BYTES:
            return letter
        document = json.dumps(letter.record, ensure_ascii=False).encode()
        claim = claim_for(document, self.settings.bus.bucket, "unreadable/record")
        self.publisher.claims.put(claim, document)
        return replace(letter, record=None, images=claim.pointer())


def handle(event: Any, context: Any) -> dict[str, int]:
    """Lambda's entry: `event` is a batch of a DynamoDB stream."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise CannotRead("FanoutLambda takes a batch of a DynamoDB stream: an object with a list under Records.")
    counts = fanout().run(records, lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("fanout records=%(records)d published=%(published)d parked=%(parked)d", counts)
    metrics = {"RecordsIn": counts["records"], "Published": counts["published"], "Parked": counts["parked"]}
    write_metrics("FanoutLambda", metrics, {})
    return counts


@cache
def fanout() -> Fanout:
    """Make the function's clients, once in a process."""
    settings = FanoutSettings.from_environment(os.environ)
    # One attempt a call: the publisher retries, entry by entry.
    events = create_client("events", total_attempts=1, connections=CONCURRENT_CALLS)
    claims = ClaimStore(cache(partial(create_s3_client, total_attempts=1, connections=CONCURRENT_CALLS)))
    publisher = Publisher(events, claims, ThreadPoolExecutor(CONCURRENT_CALLS), settings.max_attempts)
    return Fanout(settings, publisher, DeadLetterQueue(create_client("sqs"), settings.dead_letter_queue_url))


def _letter(refusal: Refusal) -> DeadLetter:
    change = refusal.publication.change
    return DeadLetter(
        stage=STAGE,
        error_code=refusal.error_code,
        reason=refusal.reason or f"The bus refused the change {refusal.attempts} times: {refusal.error_code}.",
        attempts=refusal.attempts,
        first_at=refusal.first_at,
        last_at=refusal.last_at,
        stream_arn=change.stream_arn,
        change=_parked(refusal),
    )


def _id_of(letter: DeadLetter) -> str:
    """The id of the letter's change, or of its record if that could not be read."""
    record = letter.record if isinstance(letter.record, dict) else {}
    return loggable_id(letter.change["id"] if letter.change else record.get("eventID"))


def _parked(refusal: Refusal) -> dict[str, Any]:
    """The detail that the letter carries: as published, but whole if its claim's document could not be stored."""
    publication = refusal.publication
    if publication.claim is None or refusal.error_code == IMAGES_NOT_STORED:
        return to_detail(publication.change)
    detail: dict[str, Any] = json.loads(publication.entry["Detail"])
    return detail

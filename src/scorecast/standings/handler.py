"""ConsumerLambda: changes from the queue (or one bare event) -> leaderboard entries.

Idempotent and order-proof. A change that can never be applied goes to the dead-letter queue at once, with the reason;
one that could not be applied now is delivered again; neither holds its neighbours.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from scorecast.aws import create_client, create_s3_client
from scorecast.change import iso_now
from scorecast.claim_store import ClaimStore
from scorecast.dead_letter import DeadLetter
from scorecast.dead_letter_queue import DeadLetterQueue
from scorecast.errors import CannotApply, CannotRead, NotAcknowledged
from scorecast.logs import logger
from scorecast.settings import ConsumerSettings
from scorecast.standings.entry import Entry, entries_of, newest
from scorecast.standings.store import Leaderboard, Result

STAGE = "standings"

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of the queue, or one bare event; `id` is what a failure is reported under."""

    id: str
    event: Any


@dataclass(slots=True)
class Outcome:
    """What became of a batch: the ids to deliver again, and the counts for the log."""

    again: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Consumer:
    """Everything the function works with; tests put their own table and queue in."""

    settings: ConsumerSettings
    leaderboard: Leaderboard
    dead_letters: DeadLetterQueue
    claims: ClaimStore

    def take(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Apply, park, or leave for another delivery: each of the deliveries."""
        outcome = Outcome()
        letters: list[tuple[str, DeadLetter]] = []
        readable: list[tuple[Delivery, Event, list[Entry]]] = []
        for delivery in deliveries:
            try:
                event = _parsed(delivery.event)
                change = self.claims.read(event)
                readable.append((delivery, event, entries_of(change, self.settings.attributes)))
            except CannotRead as error:
                letters.append((delivery.id, _letter("CannotRead", str(error), record=delivery.event)))
            except CannotApply as error:
                letters.append((delivery.id, _letter("CannotApply", str(error), event)))
            except NotAcknowledged:
                logger.warning("standings could not fetch a change's images now")
                outcome.again.append(delivery.id)
        letters += self._apply(readable, outcome)
        self._park(letters, outcome)
        return outcome

    def _apply(
        self, readable: Iterable[tuple[Delivery, Event, list[Entry]]], outcome: Outcome
    ) -> list[tuple[str, DeadLetter]]:
        """Write the newest entry of each key; return what can never be written."""
        readable = list(readable)
        winners = newest(entry for _, _, entries in readable for entry in entries)
        results = self.leaderboard.write(list(winners.values())) if winners else {}
        outcome.counts.update("applied" if result.applied else "stale" for result in results.values())
        letters = []
        for delivery, event, entries in readable:
            failures = [(entry, results[entry.key]) for entry in entries if results[entry.key].failed]
            if any(_is_hopeless(entry, winners, result) for entry, result in failures):
                letters.append((delivery.id, _letter(failures[0][1].error_code, failures[0][1].reason, event)))
            elif failures:
                outcome.again.append(delivery.id)
        return letters

    def _park(self, letters: list[tuple[str, DeadLetter]], outcome: Outcome) -> None:
        try:
            self.dead_letters.park([letter for _, letter in letters])
            outcome.counts["parked"] += len(letters)
        except NotAcknowledged:
            logger.exception("standings could not park %d changes", len(letters))
            outcome.again += [delivery_id for delivery_id, _ in letters]


def handle(event: Any, _context: Any) -> dict[str, Any]:
    """Lambda's entry: `event` is a batch of the queue, or one event of the bus (direct or asynchronous invocation)."""
    if isinstance(event, dict) and isinstance(event.get("Records"), list):
        deliveries = [Delivery(message["messageId"], message["body"]) for message in event["Records"]]
        outcome = consumer().take(deliveries)
        _log(outcome, len(deliveries))
        return {"batchItemFailures": [{"itemIdentifier": delivery_id} for delivery_id in outcome.again]}
    outcome = consumer().take([Delivery("event", event)])
    _log(outcome, 1)
    if outcome.again:
        raise NotAcknowledged("The change could not be applied now; the invocation is to be tried again.")
    return dict(outcome.counts)


@cache
def consumer() -> Consumer:
    """Make the function's clients, once a process."""
    settings = ConsumerSettings.from_environment(os.environ)
    return Consumer(
        settings,
        Leaderboard(create_client("dynamodb"), settings.leaderboard_table, settings.board_table),
        DeadLetterQueue(create_client("sqs"), settings.dead_letter_queue_url),
        ClaimStore(cache(create_s3_client)),
    )


def _parsed(event: Any) -> Any:
    """The event of a message's body, or the bare event itself."""
    if not isinstance(event, str):
        return event
    try:
        return json.loads(event)
    except ValueError as error:
        raise CannotRead(f"The message is not JSON: {error}.") from None


def _is_hopeless(entry: Entry, winners: dict[tuple[str, str], Entry], result: Result) -> bool:
    """Whether this very entry can never be written; an older one beside it gets its turn at the next delivery."""
    return result.hopeless and winners[entry.key].version == entry.version


def _letter(error_code: str, reason: str, event: Event | None = None, record: Any = None) -> DeadLetter:
    """The letter of an event that was read, with its detail as it came; or of what was not."""
    return DeadLetter(
        stage=STAGE,
        error_code=error_code,
        reason=reason,
        attempts=1,
        first_at=iso_now(),
        last_at=iso_now(),
        stream_arn=event["resources"][0] if event else None,
        change=event["detail"] if event else None,
        record=record,
    )


def _log(outcome: Outcome, changes: int) -> None:
    counts = outcome.counts
    logger.info(
        "standings changes=%d applied=%d stale=%d parked=%d again=%d",
        *(changes, counts["applied"], counts["stale"], counts["parked"], len(outcome.again)),
    )

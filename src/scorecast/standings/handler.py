"""ConsumerLambda: changes from the queue (or one bare event) -> leaderboard entries, and standing events on the bus.

Idempotent and order-proof. A change that can never be applied goes to the dead-letter queue at once, with the reason;
one that could not be applied now is delivered again; neither holds its neighbours.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from scorecast.aws import Client, create_client, create_s3_client
from scorecast.change import iso_now
from scorecast.claim_store import ClaimStore
from scorecast.dead_letter import DeadLetter
from scorecast.dead_letter_queue import DeadLetterQueue
from scorecast.errors import CannotApply, CannotRead, NotAcknowledged
from scorecast.logs import logger
from scorecast.ranks.policies import PolicyTable
from scorecast.settings import AnnouncementSettings, ConsumerSettings
from scorecast.standings.announcements import CONCURRENT_BOARDS, Announcements
from scorecast.standings.entry import Entry, entries_of, newest
from scorecast.standings.publish import Publisher
from scorecast.standings.snapshots import SnapshotTable
from scorecast.standings.store import Leaderboard, Result

STAGE = "standings"

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of the queue, or one bare event; `id` is what a failure is reported under."""

    id: str
    event: Any


_Readable = tuple[Delivery, Event, list[Entry]]


@dataclass(slots=True)
class Outcome:
    """What became of a batch: the ids to deliver again, what was written, and the counts for the log."""

    again: list[str] = field(default_factory=list)
    written: list[Entry] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Consumer:
    """Everything the function works with; tests put their own table and queue in."""

    settings: ConsumerSettings
    leaderboard: Leaderboard
    dead_letters: DeadLetterQueue
    claims: ClaimStore
    announcements: Announcements | None = None

    def take(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Apply, park, or leave for another delivery: each of the deliveries; then announce what that changed."""
        outcome = Outcome()
        letters: list[tuple[str, DeadLetter]] = []
        readable: list[_Readable] = []
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
        parked = {delivery_id for delivery_id, _ in letters}
        self._announce([one for one in readable if one[0].id not in parked], outcome)
        return outcome

    def _apply(self, readable: Iterable[_Readable], outcome: Outcome) -> list[tuple[str, DeadLetter]]:
        """Write the newest entry of each key; return what can never be written."""
        readable = list(readable)
        winners = newest(entry for _, _, entries in readable for entry in entries)
        results = self.leaderboard.write(list(winners.values())) if winners else {}
        outcome.counts.update("applied" if result.applied else "stale" for result in results.values())
        outcome.written += [entry for key, entry in winners.items() if results[key].applied]
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

    def _announce(self, taken: Iterable[_Readable], outcome: Outcome) -> None:
        """Announce what changed at the top of boards, also by what a delivery before this one wrote already."""
        if self.announcements is None:
            return
        by_delivery = [(delivery.id, entries) for delivery, _, entries in taken]
        entries = (entry for _, entries in by_delivery for entry in entries)
        boards = self.announcements.announce(entries, outcome.written)
        again = [delivery_id for delivery_id, entries in by_delivery if any(one.board in boards for one in entries)]
        outcome.again += [delivery_id for delivery_id in again if delivery_id not in outcome.again]


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
    settings, dynamodb = ConsumerSettings.from_environment(os.environ), create_client("dynamodb")
    return Consumer(
        settings,
        Leaderboard(dynamodb, settings.leaderboard_table, settings.board_table),
        DeadLetterQueue(create_client("sqs"), settings.dead_letter_queue_url),
        ClaimStore(cache(create_s3_client)),
        _announcements(settings, dynamodb),
    )


def _announcements(settings: ConsumerSettings, dynamodb: Client) -> Announcements | None:
    own = AnnouncementSettings.from_environment(os.environ)
    if not own.places:
        return None
    return Announcements(
        dynamodb,
        settings.leaderboard_table,
        own.leaderboard_index,
        SnapshotTable(dynamodb, settings.board_table),
        PolicyTable(dynamodb, settings.board_table),
        # One attempt a call: the publisher tries again, entry by entry.
        Publisher(create_client("events", total_attempts=1), own.bus_name),
        own.places,
        ThreadPoolExecutor(CONCURRENT_BOARDS),
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

"""ConsumerLambda: changes from the queue (or one bare event) -> leaderboard entries, and standing events on the bus.

Changes may be repeated and may arrive in any order. A change that can never be applied goes to the dead-letter queue
at once, with the reason; a change that cannot be applied now is delivered again; neither blocks the others of its
batch. A change that happened after its board closed is dropped, which is not a failure; if the board takes corrections,
the change may still remove an entry or change a name.

A schedule invokes the function every minute to announce the ends of boards that have closed.

An invocation's time is divided: writing ends early enough for the announcements, and these early enough for the rest.
At the end, up to two seconds go to the upkeep of the counting index.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from math import inf
from typing import Any

from scorecast.changes.change import epoch_seconds, iso_now
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.envelope import DeadLetter
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.errors import CannotApply, CannotRead, NotAcknowledged
from scorecast.leaderboard.index.table import IndexTable
from scorecast.leaderboard.item import Key
from scorecast.leaderboard.policy import BoardPolicy, Corrections
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import Client, create_client, create_s3_client
from scorecast.runtime.logs import loggable_id, logger
from scorecast.runtime.metrics import write_metrics
from scorecast.runtime.settings import AnnouncementSettings, ConsumerSettings, UpkeepSettings
from scorecast.standings.announce.announcements import CONCURRENT_BOARDS, Announcements
from scorecast.standings.announce.publish import StandingEventPublisher
from scorecast.standings.announce.snapshots import SnapshotTable
from scorecast.standings.batch_policies import read_derived, read_policies
from scorecast.standings.closing_handler import CLOSINGS_DUE, handle_closings
from scorecast.standings.derived_entries import derived_entries
from scorecast.standings.entry import Entry, correction_of, entries_of, newest, with_columns
from scorecast.standings.outcome import Fate, Outcome
from scorecast.standings.redelivery import Receipt, Redelivery
from scorecast.standings.store import Leaderboard, Result
from scorecast.standings.upkeep import Upkeep

STAGE = "standings"
# Seconds of an invocation reserved for standing events.
ANNOUNCE_S = 8.0
# Seconds of an invocation reserved for parking, redelivery and the answer.
RESERVE_S = 4.0
# Seconds for the upkeep of the counting index, if that much time is left. The batch's messages wait for it.
UPKEEP_S = 2.0

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of the queue, or one bare event, which has no receipt; a failure is reported with its `id`."""

    id: str
    event: Any
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A delivery that could be read: its event, the entries that it writes, and whether its change is a READ."""

    delivery: Delivery
    event: Event
    entries: list[Entry]
    is_read: bool


_Letter = tuple[str, DeadLetter]


@dataclass(frozen=True, slots=True)
class BatchProcessor:
    """Applies the changes of a batch; tests pass their own tables and queues."""

    settings: ConsumerSettings
    leaderboard: Leaderboard
    dead_letters: DeadLetterQueue
    claims: ClaimStore
    policies: PolicyTable
    announcements: Announcements | None = None
    redelivery: Redelivery | None = None
    upkeep: Upkeep | None = None
    clock: Callable[[], float] = time.monotonic

    def process(self, deliveries: Sequence[Delivery], remaining_s: float = inf) -> Outcome:
        """Apply, park or retry each delivery, then announce what that changed at the top of boards.

        `remaining_s` is the time until Lambda ends the invocation.
        """
        outcome = Outcome(dict.fromkeys((delivery.id for delivery in deliveries), Fate.IGNORED))
        end = self.clock() + remaining_s
        letters: list[_Letter] = []
        readings = self._read(deliveries, letters, outcome)
        policies = read_policies(self.policies, (entry.board for one in readings for entry in one.entries))
        ready = _drop_closed(self._with_derived(readings, policies, letters), policies, letters, outcome)
        letters += self._apply(ready, policies, outcome, end - RESERVE_S - ANNOUNCE_S)
        self._park(letters, outcome)
        parked = {delivery_id for delivery_id, _ in letters}
        self._announce([one for one in ready if one.delivery.id not in parked], outcome, end - RESERVE_S)
        _log_failures(deliveries, dict(letters), outcome)
        self._hasten(deliveries, outcome, end - RESERVE_S / 4)
        if self.upkeep:
            self.upkeep.after(outcome.results, policies, min(self.clock() + UPKEEP_S, end - RESERVE_S))
        return outcome

    def _read(self, deliveries: Sequence[Delivery], letters: list[_Letter], outcome: Outcome) -> list[_Reading]:
        """Read the entries of each delivery; add a letter for a change that can never be read."""
        readings: list[_Reading] = []
        for delivery in deliveries:
            try:
                event = _parsed(delivery.event)
                change = self.claims.read(event)
                entries = entries_of(change, self.settings.attributes)
                readings.append(_Reading(delivery, event, entries, change.operation == "READ"))
            except CannotRead as error:
                letters.append((delivery.id, _letter("CannotRead", str(error), record=delivery.event)))
            except CannotApply as error:
                letters.append((delivery.id, _letter("CannotApply", str(error), event)))
            except NotAcknowledged:
                logger.warning("standings could not fetch a change's images now")
                outcome.fates[delivery.id] = Fate.RETRY
        return readings

    def _apply(
        self, ready: Sequence[_Reading], policies: Mapping[str, BoardPolicy], outcome: Outcome, deadline: float
    ) -> list[_Letter]:
        """Write the entries; return a letter for each change that can never be written."""
        entries_to_write = [entry for one in ready for entry in one.entries]
        results, winners = self.leaderboard.write(entries_to_write, policies, deadline), newest(entries_to_write)
        outcome.results += [result for result in results.values() if result.applied]
        letters: list[_Letter] = []
        for one in ready:
            failures = [(entry, results[entry.key]) for entry in one.entries if results[entry.key].failed]
            if any(_is_permanent(entry, winners, result) for entry, result in failures):
                letters.append((one.delivery.id, _letter(failures[0][1].error_code, failures[0][1].reason, one.event)))
            elif failures:
                outcome.fates[one.delivery.id] = Fate.RETRY
            elif one.entries:
                outcome.fates[one.delivery.id] = _fate(one.entries, winners, results)
        return letters

    def _with_derived(
        self, readings: Iterable[_Reading], policies: dict[str, BoardPolicy], letters: list[_Letter]
    ) -> list[_Reading]:
        """Add to each reading what it writes on derived boards, and to `policies` the policies of these boards."""
        found: list[_Reading] = []
        inherited: dict[str, BoardPolicy] = {}
        for one in readings:
            known = [entry for entry in one.entries if entry.board in policies]
            try:
                taken = [left for entry in known if (left := _entry_to_take(entry, policies[entry.board]))]
                derived = list(derived_entries(taken, policies, is_read=one.is_read))
            except CannotRead as error:
                letters.append((one.delivery.id, _letter("CannotRead", str(error), one.event)))
                continue
            inherited |= {entry.board: policy for entry, policy in derived}
            found.append(replace(one, entries=[*one.entries, *(entry for entry, _ in derived)]))
        begun = {entry.board for one in found for entry in one.entries if entry.score is not None}
        policies |= read_derived(self.policies, inherited, begun)
        return found

    def _park(self, letters: list[_Letter], outcome: Outcome) -> None:
        try:
            self.dead_letters.park([letter for _, letter in letters])
            fate = Fate.PARKED
        except NotAcknowledged:
            logger.exception("standings could not park %d changes", len(letters))
            fate = Fate.RETRY
        outcome.fates |= {delivery_id: fate for delivery_id, _ in letters}

    def _announce(self, taken: Iterable[_Reading], outcome: Outcome, deadline: float) -> None:
        """Announce changes at the top of boards, including ones that an earlier delivery wrote but did not announce."""
        if self.announcements is None:
            return
        by_delivery = [(one.delivery.id, one.entries) for one in taken]
        entries = (entry for _, entries in by_delivery for entry in entries)
        announced = self.announcements.announce(entries, outcome.written, deadline)
        outcome.announced = announced.events
        failed = announced.failed
        retried = [delivery_id for delivery_id, entries in by_delivery if any(one.board in failed for one in entries)]
        outcome.fates |= dict.fromkeys(retried, Fate.RETRY)

    def _hasten(self, deliveries: Iterable[Delivery], outcome: Outcome, deadline: float) -> None:
        """Make the messages that must be delivered again visible within seconds."""
        if self.redelivery is None:
            return
        retried = (one.receipt for one in deliveries if outcome.fates[one.id] is Fate.RETRY)
        self.redelivery.hasten([one for one in retried if one], lambda: self.clock() < deadline)


def _fate(entries: Iterable[Entry], winners: Mapping[Key, Entry], results: Mapping[Key, Result]) -> Fate:
    """The fate of a change whose entries did not fail."""
    written = [entry for entry in entries if results[entry.key].applied]
    if any(winners[entry.key] is entry for entry in written):
        return Fate.APPLIED
    return Fate.MERGED if written else Fate.STALE


def _drop_closed(
    readings: Iterable[_Reading], policies: Mapping[str, BoardPolicy], letters: list[_Letter], outcome: Outcome
) -> list[_Reading]:
    """Drop the entries from after the closing; retry the deliveries of boards whose policy is not usable."""
    ready: list[_Reading] = []
    for one in readings:
        if any(entry.board not in policies for entry in one.entries):
            outcome.fates[one.delivery.id] = Fate.RETRY
            continue
        try:
            taken = [left for entry in one.entries if (left := _entry_to_take(entry, policies[entry.board]))]
        except CannotRead as error:
            letters.append((one.delivery.id, _letter("CannotRead", str(error), one.event)))
            continue
        if one.entries and not taken:
            outcome.fates[one.delivery.id] = Fate.CLOSED
        ready.append(replace(one, entries=taken))
    return ready


def _entry_to_take(entry: Entry, policy: BoardPolicy) -> Entry | None:
    """The entry, or after the board's closing the correction that is still allowed; None if it comes too late.

    Nothing counts on a board that has expired.
    """
    if policy.has_expired(iso_now()):
        return None
    if policy.is_open(entry.at):
        return with_columns(entry, policy)
    return correction_of(entry) if policy.corrections is Corrections.OPEN else None


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry: `event` is a batch of the queue, one event of the bus, or CLOSINGS_DUE of the schedule."""
    remaining_s = context.get_remaining_time_in_millis() / 1000
    if event == CLOSINGS_DUE:
        return handle_closings(remaining_s - RESERVE_S)
    if isinstance(event, dict) and isinstance(event.get("Records"), list):
        outcome = processor().process([_delivery(message) for message in event["Records"]], remaining_s)
        _log(outcome)
        return {"batchItemFailures": [{"itemIdentifier": delivery_id} for delivery_id in outcome.retry_ids]}
    outcome = processor().process([Delivery("event", event)], remaining_s)
    _log(outcome)
    if outcome.retry_ids:
        raise NotAcknowledged("The change could not be applied now; invoke the function again.")
    return dict(outcome.counts)


def _delivery(message: Mapping[str, Any]) -> Delivery:
    receives = int(message["attributes"]["ApproximateReceiveCount"])
    return Delivery(message["messageId"], message["body"], Receipt(message["receiptHandle"], receives))


@cache
def processor() -> BatchProcessor:
    """Make the function's clients, once per process."""
    settings = ConsumerSettings.from_environment(os.environ)
    # The leaderboard retries on its own. With the usual number of attempts per call, writes to a busy table would
    # exceed the function's timeout, and the applied changes would be delivered again with the others.
    dynamodb = create_client("dynamodb", total_attempts=2)
    policies = PolicyTable(dynamodb, settings.board_table)
    # One attempt: a message that is not hastened comes back later.
    redelivery = Redelivery(create_client("sqs", total_attempts=1), settings.consumer_queue_url)
    return BatchProcessor(
        settings,
        Leaderboard(dynamodb, settings.leaderboard_table, settings.board_table),
        DeadLetterQueue(create_client("sqs"), settings.dead_letter_queue_url),
        ClaimStore(cache(create_s3_client)),
        policies,
        _announcements(settings, dynamodb, policies),
        redelivery,
        _upkeep(settings, dynamodb),
    )


def _upkeep(settings: ConsumerSettings, dynamodb: Client) -> Upkeep:
    own, index = UpkeepSettings.from_environment(os.environ), IndexTable(dynamodb, settings.board_table)
    return Upkeep(dynamodb, settings.leaderboard_table, own.leaderboard_index, own.leaderboard_tie_index, index)


def _announcements(settings: ConsumerSettings, dynamodb: Client, policies: PolicyTable) -> Announcements | None:
    own = AnnouncementSettings.from_environment(os.environ)
    if not own.top_size:
        return None
    return Announcements(
        dynamodb,
        settings.leaderboard_table,
        own.leaderboard_index,
        own.leaderboard_tie_index,
        SnapshotTable(dynamodb, settings.board_table),
        policies,
        # One attempt per call: the publisher itself retries, entry by entry.
        StandingEventPublisher(create_client("events", total_attempts=1), own.bus_name),
        own.top_size,
        ThreadPoolExecutor(CONCURRENT_BOARDS),
    )


def _parsed(event: Any) -> Any:
    """The event in a message's body, or the bare event itself."""
    if not isinstance(event, str):
        return event
    try:
        return json.loads(event)
    except ValueError as error:
        raise CannotRead(f"The message is not JSON: {error}.") from None


def _is_permanent(entry: Entry, winners: dict[tuple[str, str], Entry], result: Result) -> bool:
    """Whether this entry can never be written; an older one of the same key is tried at the next delivery."""
    return result.permanent and winners[entry.key].version == entry.version


def _letter(error_code: str, reason: str, event: Event | None = None, record: Any = None) -> DeadLetter:
    """The letter for an event that was read, with its detail as received, or for a record that could not be read."""
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


def _log_failures(deliveries: Sequence[Delivery], letters: Mapping[str, DeadLetter], outcome: Outcome) -> None:
    """Log a line for each change that is parked or delivered again."""
    for delivery in deliveries:
        if outcome.fates[delivery.id] is Fate.RETRY:
            logger.info("standings retries change=%s", _change_id(delivery))
        elif delivery.id in letters:
            code = letters[delivery.id].error_code
            logger.info("standings parked change=%s code=%s", _change_id(delivery), code)


def _change_id(delivery: Delivery) -> str:
    try:
        detail = _parsed(delivery.event)["detail"]
        return loggable_id(detail["id"])
    except (CannotRead, KeyError, TypeError, IndexError):
        return loggable_id(None)


def _log(outcome: Outcome) -> None:
    counts = outcome.counts
    fates = " ".join(f"{fate}={counts[fate]}" for fate in Fate)
    logger.info("standings changes=%d %s", counts.total(), fates)
    metrics = {
        "ChangesIn": counts.total(),
        "Applied": counts[Fate.APPLIED],
        "Stale": counts[Fate.STALE],
        "Retried": counts[Fate.RETRY],
        "Parked": counts[Fate.PARKED],
        "Announced": outcome.announced,
    }
    write_metrics("ConsumerLambda", metrics, {"BoardLagMs": _lags_ms(outcome.written, time.time())})


def _lags_ms(written: Iterable[Entry], now_s: float) -> list[int]:
    """How long ago each entry's change happened; the stream gives that time in whole seconds.

    Entries whose name was corrected are left out, because their time is the score's.
    """
    return [max(0, round(1000 * (now_s - epoch_seconds(entry.at)))) for entry in written if entry.named is None]

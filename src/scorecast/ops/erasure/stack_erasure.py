"""The erasure of a participant from a deployed stack, and the report of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime

from scorecast.changes.claim_store import ClaimStore
from scorecast.errors import UserError
from scorecast.ops.consumers.rules import consumers_of
from scorecast.ops.dead_letters.queue import open_letters
from scorecast.ops.erasure.bucket import BackupBucket, CountedS3
from scorecast.ops.erasure.erasure import Erasure, Holdings
from scorecast.ops.erasure.letters import About, ParticipantLetters
from scorecast.ops.erasure.objects import BackupObjects
from scorecast.ops.erasure.participant import Participant
from scorecast.ops.erasure.report import ErasureReport
from scorecast.ops.erasure.tables import has_data, participant_entries_of, participant_items_of
from scorecast.ops.recovery.consumer_mapping import consumer_mapping_of
from scorecast.ops.stack.stack import Stack

_QUEUE_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def erasure_of(
    stack: Stack,
    participant: str,
    since: datetime | None,
    timeout_s: float,
    executor: Executor,
    on_step: Callable[[str], None],
    on_read: Callable[[int], None],
    utc_now: Callable[[], datetime],
) -> Erasure:
    """Make the erasure of a participant; `since` skips older changes in the backup."""
    items = participant_items_of(stack)
    who = Participant(items.canonical(participant), stack.attributes.id)
    s3 = CountedS3(stack.client("s3"))
    return Erasure(
        who=who,
        items=items,
        entries=participant_entries_of(stack),
        letters=ParticipantLetters(ClaimStore(lambda: s3), who),
        open_queue=lambda: open_letters(stack),
        objects=BackupObjects(BackupBucket(s3, stack.output("BackupBucketName")), executor, on_read),
        since=since,
        timeout_s=timeout_s,
        on_step=on_step,
        utc_now=utc_now,
    )


def refuse_paused(stack: Stack) -> None:
    """Refuse to erase while ConsumerLambda's queue is paused: a rebuild is counting, and removals would wait."""
    if (state := consumer_mapping_of(stack).read()).is_paused:
        raise UserError(f"Nothing was erased. {state}")


def report_of(
    stack: Stack,
    erasure: Erasure,
    found: Holdings,
    started_at: datetime,
    *,
    dry_run: bool,
    stopped_by: Exception | None = None,
) -> ErasureReport:
    """Report what was found and erased, and read what remains: tombstones, the queue, the rules of the bus.

    `stopped_by` is the error that ended the erasure early.
    """
    tombstones = [one for one in erasure.entries.find(erasure.who.id) if not has_data(one)]
    until = max((one.expires_at for one in tombstones if one.expires_at), default=None)
    return ErasureReport(
        id=erasure.who.id,
        stack=stack.name,
        started_at=started_at,
        finished_at=erasure.utc_now(),
        since=erasure.since,
        found={kind: count for kind, count in found.counts.items() if count},
        erased=None if dry_run else {kind: count for kind, count in erasure.erased.items() if count},
        unfinished=((str(stopped_by),) if stopped_by else ()) + _unfinished(erasure, found),
        tombstones=len(tombstones),
        tombstones_until=None if until is None else datetime.fromtimestamp(until, UTC),
        queued=_queued(stack),
        rules=tuple(rule.name for rule in consumers_of(stack).list_rules() if rule.origin != "built-in"),
        requests=dict(erasure.objects.bucket.s3.requests),
        dollars=erasure.objects.bucket.s3.dollars,
    )


def _unfinished(erasure: Erasure, found: Holdings) -> tuple[str, ...]:
    """What the command leaves for people to do, with the next step."""
    left = [
        f"An object of the backup could not be read, so it was left as it is: {reason}"
        for reason in erasure.objects.unreadable.values()
    ]
    if shared := len(found.letters[About.SHARED]):
        left.append(
            f"{shared} dead letters are about other participants too: run `scorecast dlq redrive`, then this again."
        )
    if unknown := len(found.letters[About.UNKNOWN]):
        left.append(
            f"{unknown} dead letters could not be read: look at them with `scorecast dlq show`, and delete those about "
            "the participant with `scorecast dlq purge --id MESSAGE`."
        )
    return tuple(left)


def _queued(stack: Stack) -> int:
    """How many messages wait for ConsumerLambda or are being processed by it."""
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.output("ConsumerQueueUrl"), AttributeNames=list(_QUEUE_COUNTS)
    )
    return sum(int(answer["Attributes"][name]) for name in _QUEUE_COUNTS)

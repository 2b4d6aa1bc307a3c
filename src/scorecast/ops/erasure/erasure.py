"""Erasure: find what a stack holds about a participant, and remove it in an order that no change in flight undoes.

It deletes the items first, since everything else is made from them. Then it waits until their removal has passed
through, and removes what the pipeline leaves: entries of closed boards, places in snapshots, dead letters, and last the
backup, which by then has the removals too. Each step is repeatable, so after an interruption the next run finds and
removes the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scorecast.changes.change import Position
from scorecast.changes.values import Image
from scorecast.errors import UserError
from scorecast.leaderboard.item import StoredEntry
from scorecast.ops.dead_letters.letters import ParkedLetter
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.erasure.arrival import SKEW, Arrival
from scorecast.ops.erasure.letters import About, ParticipantLetters
from scorecast.ops.erasure.objects import CHUNK, BackupObjects, FoundVersion
from scorecast.ops.erasure.participant import Participant
from scorecast.ops.erasure.tables import ParticipantEntries, ParticipantItems, has_data
from scorecast.ops.stack.polling import CLOCK, Clock
from scorecast.runtime.batches import cut_batches

ITEMS, ENTRIES, SNAPSHOTS, LETTERS = "items", "entries", "snapshots", "deadLetters"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a stack holds about a participant, except tombstones, which stay until they expire."""

    items: list[Image]
    """The keys of the items."""
    entries: list[StoredEntry]
    snapshots: list[str]
    letters: dict[About, list[ParkedLetter]]
    versions: list[FoundVersion]
    looked_at: datetime
    """When the search of the backup began; what was written later is not included."""

    @property
    def counts(self) -> Counter[str]:
        """How much of each kind."""
        counts = Counter({ITEMS: len(self.items), ENTRIES: len(self.entries), SNAPSHOTS: len(self.snapshots)})
        counts[LETTERS] = len(self.letters[About.PARTICIPANT]) + len(self.letters[About.SHARED])
        for one in self.versions:
            counts[one.kind] += one.count
        return counts

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to erase."""
        return not self.counts.total()

    @property
    def newest(self) -> Position | None:
        """The position of the participant's newest change in the backup."""
        return max((one.newest for one in self.versions if one.newest), default=None)


@dataclass(slots=True)
class Erasure:
    """Finds and erases a participant; `on_step` receives the name of each step as it begins."""

    who: Participant
    items: ParticipantItems
    entries: ParticipantEntries
    letters: ParticipantLetters
    open_queue: Callable[[], LetterQueue]
    objects: BackupObjects
    since: datetime | None
    timeout_s: float
    on_step: Callable[[str], None] = lambda _: None
    clock: Clock = CLOCK
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    erased: Counter[str] = field(default_factory=Counter)
    """How much of each kind has been erased so far."""

    def find(self) -> Holdings:
        """Search everywhere, without changing anything."""
        self.on_step("Reading the tables")
        items = [self.items.key_of(item) for item in self.items.find(self.who.id)]
        entries, snapshots = self._with_data(), self.entries.snapshots_with(self.who.id)
        self.on_step("Reading the dead letters")
        letters = self._sorted_letters()
        self.on_step("Reading the backup")
        looked_at = self.utc_now()
        versions = list(self.objects.find(self.who, since=self.since))
        return Holdings(items, entries, snapshots, letters, versions, looked_at)

    def erase(self, found: Holdings) -> None:
        """Erase what was found and what has been added since; UserError if a removal does not arrive in time."""
        before = {entry.key for entry in [*found.entries, *self._with_data()]}
        newest = self._delete_items()
        self.on_step("Removing entries")
        if left := self._with_data():
            self.entries.remove(left, max(filter(None, (newest, found.newest)), default=None))
        self.erased[ENTRIES] += len(before)
        named = self.entries.snapshots_with(self.who.id)
        for board in named:
            self.entries.leave_snapshot(board, self.who.id)
        self.erased[SNAPSHOTS] += len({*found.snapshots, *named})
        self.on_step("Deleting dead letters")
        self._delete_letters()
        self.on_step("Reading the newest objects of the backup")
        late = self.objects.find(self.who, written_since=found.looked_at - SKEW)
        self._erase_objects(one.version.key for one in [*found.versions, *late])
        self._refuse_new_items()

    def _delete_items(self) -> Position | None:
        """Delete the items and wait until their removal has arrived; return the position of the last removal."""
        self.on_step("Deleting items")
        started = self.utc_now() - SKEW
        deleted = [item for item in self.items.find(self.who.id) if self.items.delete(item)]
        self.erased[ITEMS] += len(deleted)
        if not deleted:
            return None
        bucket = self.objects.bucket
        arrival = Arrival(self.entries, bucket.s3, bucket.name, started, self.timeout_s, self.clock, self.utc_now)
        self.on_step("Waiting for the boards")
        arrival.await_boards(self.items.entries_of(deleted))
        self.on_step("Waiting for the backup")
        return arrival.await_backup(map(self.items.key_of, deleted))

    def _with_data(self) -> list[StoredEntry]:
        return list(filter(has_data, self.entries.find(self.who.id)))

    def _sorted_letters(self) -> dict[About, list[ParkedLetter]]:
        found: dict[About, list[ParkedLetter]] = {about: [] for about in About}
        with self.open_queue() as queue:
            for about, letters in self.letters.sort(queue):
                if about is not About.OTHERS:
                    found[about] += letters
        return found

    def _delete_letters(self) -> None:
        with self.open_queue() as queue:
            for about, letters in self.letters.sort(queue):
                if about is About.PARTICIPANT:
                    queue.delete(letters)
                    self.erased[LETTERS] += len(letters)

    def _erase_objects(self, keys: Iterable[str]) -> None:
        self.on_step("Rewriting the backup")
        for chunk in cut_batches(dict.fromkeys(keys), CHUNK):
            for erased in self.objects.executor.map(lambda key: self.objects.erase(key, self.who), chunk):
                self.erased += erased

    def _refuse_new_items(self) -> None:
        if items := self.items.find(self.who.id):
            raise UserError(
                f"{len(items)} items of {self.who.id!r} were written again meanwhile: stop the application from "
                "writing them, and run this again."
            )

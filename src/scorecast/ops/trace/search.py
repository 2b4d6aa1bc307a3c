"""Search: where a change is now: in the dead-letter queue, on the bus and in the backup, on the board, or not yet.

Reads are bounded: the backup's newest objects, back to a given time, and a limited number of dead letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scorecast.changes.change import Change, from_record
from scorecast.changes.claim import kept_change
from scorecast.errors import CannotApply, CannotRead
from scorecast.leaderboard.batch_get import read_items
from scorecast.leaderboard.item import StoredEntry, item_key, read_item
from scorecast.ops.dead_letters.letters import ParkedLetter, StoredBatch
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.dead_letters.stored_batch import read_records
from scorecast.ops.recovery.backup import read_object
from scorecast.ops.recovery.newest_objects import newest_objects
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.entry import Entry, entries_of, with_stream

MOST_LETTERS = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: a change by its id; or, with a board, the newest change of a participant on it."""

    id: str
    board: str | None = None

    def is_letter(self, letter: ParkedLetter) -> bool:
        """Whether a dead letter is about the wanted change."""
        if self.board is None:
            return letter.change_id == self.id
        return (letter.participant, letter.board) == (self.id, self.board)

    def is_change(self, change: Change, names: AttributeNames) -> bool:
        """Whether a change is the wanted one."""
        if self.board is None:
            return change.id == self.id
        return (self.id, self.board) in {entry.key for entry in _entries(change, names)}


@dataclass(frozen=True, slots=True)
class InBackup:
    """A change in the backup: the object, and the number of its line, counted from 1."""

    key: str
    line: int
    written_at: str
    change: Change


@dataclass(frozen=True, slots=True)
class OnBoard:
    """What the leaderboard has at a key; `state` says how the change relates to it."""

    entry: Entry
    stored: StoredEntry | None

    @property
    def state(self) -> str:
        """`shown`, `newer` (the board has a later change), or `not yet`."""
        if self.stored is None:
            return "not yet"
        read = (self.stored.stream, self.stored.sequence, self.stored.at)
        version = with_stream(read, [self.entry.stream])
        if version < self.entry.version:
            return "not yet"
        return "shown" if version == self.entry.version else "newer"


@dataclass(frozen=True, slots=True)
class Trace:
    """Where the change was found, and how far the search went."""

    letters: tuple[ParkedLetter, ...]
    backup: InBackup | None
    boards: tuple[OnBoard, ...]
    stored: StoredEntry | None
    """What the leaderboard has for a participant and a board."""
    letters_read: int
    objects_read: int

    @property
    def is_found(self) -> bool:
        """Whether the change was found anywhere."""
        return bool(self.letters or self.backup or self.stored)


@dataclass(slots=True)
class Search:
    """Looks for a change of a stack; counts what it reads."""

    stack: Stack
    letters: LetterQueue
    since: datetime
    now: datetime
    letters_read: int = 0
    objects_read: int = 0

    def find(self, wanted: Wanted) -> Trace:
        """Look everywhere; the board comes from the change itself, or was given."""
        letters = tuple(self._letters(wanted))
        backup = self._backup(wanted)
        boards = tuple(OnBoard(entry, self._stored(*entry.key)) for entry in self._entries_of(backup))
        stored = self._stored(wanted.id, wanted.board) if wanted.board is not None else None
        return Trace(letters, backup, boards, stored, self.letters_read, self.objects_read)

    def _letters(self, wanted: Wanted) -> Iterator[ParkedLetter]:
        with self.letters as queue:
            for batch in queue.batches():
                self.letters_read += len(batch)
                yield from (letter for letter in batch if wanted.is_letter(letter) or self._is_in(letter, wanted))
                if self.letters_read >= MOST_LETTERS:
                    return

    def _is_in(self, letter: ParkedLetter, wanted: Wanted) -> bool:
        """Whether the change is in a batch that the stream's trigger gave up and Lambda put into S3."""
        if not isinstance(letter.content, StoredBatch):
            return False
        try:
            records = read_records(self.stack.client("s3"), letter.content)
        except CannotRead:
            return False
        changes = filter(None, map(_change_of_record, records))
        return any(wanted.is_change(change, self.stack.attributes) for change in changes)

    def _backup(self, wanted: Wanted) -> InBackup | None:
        s3, bucket = self.stack.client("s3"), self.stack.output("BackupBucketName")
        for found in newest_objects(s3, bucket, self.since, self.now):
            self.objects_read += 1
            events = list(enumerate(read_object(s3, bucket, found.key), 1))
            for line, event in reversed(events):
                change = kept_change(event)
                if change and wanted.is_change(change, self.stack.attributes):
                    return InBackup(found.key, line, found.written_at.isoformat(), change)
        return None

    def _entries_of(self, backup: InBackup | None) -> list[Entry]:
        return _entries(backup.change, self.stack.attributes) if backup else []

    def _stored(self, participant: str, board: str) -> StoredEntry | None:
        table = self.stack.output("LeaderboardTableName")
        keys = [item_key(participant, board)]
        items = list(read_items(self.stack.client("dynamodb"), table, keys, consistent=True))
        return read_item(items[0]) if items else None


def _change_of_record(record: Mapping[str, Any]) -> Change | None:
    try:
        return from_record(record)
    except CannotRead:
        return None


def _entries(change: Change, names: AttributeNames) -> list[Entry]:
    try:
        return entries_of(change, names)
    except CannotApply:
        return []

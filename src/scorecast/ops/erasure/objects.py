"""Objects: find a participant in the backup bucket, and erase them from every version of an object.

Only some objects are read at the same time, so memory holds a few of them, and the keys of those with the participant.
An object is rewritten only if it held something, only if it did not change meanwhile, and before its older versions are
deleted. So whenever the process ends, the next run finds and finishes the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scorecast.changes.change import Position
from scorecast.changes.claim import FOLDER
from scorecast.errors import CannotRead, UserError
from scorecast.ops.dead_letters.formats import STORED_PREFIX
from scorecast.ops.dead_letters.stored_batch import REST_PREFIX, rest_key
from scorecast.ops.erasure.bucket import BackupBucket, ObjectArchived, ObjectChanged, Version
from scorecast.ops.erasure.participant import Participant
from scorecast.ops.erasure.remainder import Remainder, Take, take_images, take_lines, take_records
from scorecast.ops.recovery.backup import BUFFER, FAILED_PREFIX, PREFIX
from scorecast.runtime.batches import cut_batches

# How many objects are listed before they are read, some of them concurrently.
CHUNK = 64
ATTEMPTS = 5

LINES, IMAGES, RECORDS = "backupLines", "images", "givenUpRecords"
_PLACES: dict[str, tuple[str, Take]] = {
    PREFIX: (LINES, take_lines),
    FAILED_PREFIX: (LINES, take_lines),
    f"{FOLDER}/": (IMAGES, take_images),
    STORED_PREFIX: (RECORDS, take_records),
    REST_PREFIX: (RECORDS, take_records),
}


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version of an object that holds `count` lines, records or images of a participant."""

    version: Version
    kind: str
    count: int
    newest: Position | None


@dataclass(slots=True)
class BackupObjects:
    """The objects of the backup bucket; `unreadable` has those that could not be read, with the reason.

    `on_read` receives the number of further objects that were read.
    """

    bucket: BackupBucket
    executor: Executor
    on_read: Callable[[int], None] = lambda _: None
    unreadable: dict[str, str] = field(default_factory=dict)

    def find(
        self, who: Participant, since: datetime | None = None, written_since: datetime | None = None
    ) -> Iterator[FoundVersion]:
        """Read every version of every object; yield those with the participant.

        `since` skips folders of `changes/` of earlier hours; `written_since` skips everything written before it.
        """
        versions = (one for one in self._versions(since) if written_since is None or one.written_at >= written_since)
        for chunk in cut_batches(versions, CHUNK):
            yield from filter(None, self.executor.map(lambda one: self._look(one, who), chunk))
            self.on_read(len(chunk))

    def erase(self, key: str, who: Participant) -> Counter[str]:
        """Erase the participant from all versions of an object; return how much of each kind was erased."""
        for _ in range(ATTEMPTS):
            erased = Counter[str]()
            try:
                for version in self.bucket.versions_of(key):
                    erased += self._erase(version, who)
            except ObjectChanged:
                continue
            return erased
        raise UserError(f"{self.bucket.uri(key)} is written again and again: run it again when that has ended.")

    def _versions(self, since: datetime | None) -> Iterator[Version]:
        for place in _PLACES:
            is_dated = since is not None and place == PREFIX
            yield from self.bucket.versions(
                place, f"{place}{since - BUFFER:%Y/%m/%d/%H}/" if is_dated and since else ""
            )

    def _look(self, version: Version, who: Participant) -> FoundVersion | None:
        if read := self._read(version, who):
            _, rest = read
            return FoundVersion(version, _place_of(version.key)[0], rest.found, rest.newest)
        return None

    def _erase(self, version: Version, who: Participant) -> Counter[str]:
        """Erase the participant from a version: write the rest unless a newer version exists, and delete this one."""
        read = self._read(version, who)
        if read is None:
            return Counter()
        like, rest = read
        kind, take = _place_of(version.key)
        target = rest_key(version.key) if take is take_records else version.key
        if version.is_latest and rest.body is not None:
            written = self.bucket.write(target, rest.body, like, replaces=target == version.key)
            if (target, written) == (version.key, version.id):
                return Counter({kind: rest.found})  # in a bucket without versions, the write replaced it
        self.bucket.delete(version)
        return Counter({kind: rest.found})

    def _read(self, version: Version, who: Participant) -> tuple[dict[str, Any], Remainder] | None:
        """Return S3's answer and what remains; None if the version lacks the participant or cannot be read."""
        try:
            answer = self.bucket.read(version)
            if answer is None:
                return None
            rest = _place_of(version.key)[1](answer["Body"], who, self.bucket.uri(version.key))
        except (CannotRead, ObjectArchived) as error:
            self.unreadable[version.key] = str(error)
            return None
        return (answer, rest) if rest.found else None


def _place_of(key: str) -> tuple[str, Take]:
    return next(place for prefix, place in _PLACES.items() if key.startswith(prefix))

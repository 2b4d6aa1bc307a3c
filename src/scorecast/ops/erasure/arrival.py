"""Arrival: wait until the deletion of items has taken effect on the boards and is in the backup.

A deletion is a change too, with the item's last image. It can only be erased from the backup once it is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from scorecast.changes.change import Change, Position, iso_now
from scorecast.changes.claim import kept_change
from scorecast.changes.values import Image
from scorecast.errors import UserError
from scorecast.leaderboard.item import Key
from scorecast.leaderboard.policy import Corrections
from scorecast.ops.erasure.tables import ParticipantEntries
from scorecast.ops.recovery.backup import read_object
from scorecast.ops.recovery.newest_objects import newest_objects
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.typed_json import in_json

# The clocks of this machine and of S3 may differ by this much.
SKEW = timedelta(minutes=5)


@dataclass(slots=True)
class Arrival:
    """Waits up to `timeout_s` for each of the two; reads every backup object written since `since` once."""

    entries: ParticipantEntries
    s3: Any
    bucket: str
    since: datetime
    timeout_s: float
    clock: Clock = CLOCK
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _read: set[str] = field(default_factory=set)

    def await_boards(self, keys: Iterable[Key]) -> None:
        """Wait until boards have removed these entries, except boards that have closed and take no corrections."""
        awaited = {key for key in keys if self._is_awaited(key[1])}
        left = awaited
        for _ in poll_until(self.timeout_s, pause_s=0.2, longest_pause_s=2, clock=self.clock):
            left = {key for key in left if key in self._shown(key[0])}
            if not left:
                return
        raise UserError(
            f"The items are deleted, but {len(left)} entries are still on their boards after {self.timeout_s:g} s: "
            "`scorecast doctor` says what holds changes up; then run this again.",
            ExitCode.TIMED_OUT,
        )

    def await_backup(self, keys: Iterable[Image]) -> Position | None:
        """Wait until the backup has the removal of each item; return the position of the newest removal."""
        awaited, newest = {_text(in_json(key)) for key in keys}, []
        for _ in poll_until(self.timeout_s, pause_s=0.5, longest_pause_s=5, clock=self.clock):
            for removal in self._new_removals() if awaited else ():
                if (text := _text(removal.keys)) in awaited:
                    awaited.remove(text)
                    newest.append(removal.position)
            if not awaited:
                return max(newest, default=None)
        raise UserError(
            f"The items are deleted, but the backup lacks {len(awaited)} of the removals after {self.timeout_s:g} s; "
            "Firehose may hold them for 15 minutes. Run this again after that: it finishes the rest.",
            ExitCode.TIMED_OUT,
        )

    def _is_awaited(self, board: str) -> bool:
        policy = self.entries.policies.of(board)
        return policy.is_open(iso_now()) or policy.corrections is Corrections.OPEN

    def _shown(self, participant: str) -> set[Key]:
        return {entry.key for entry in self.entries.find(participant) if entry.score is not None}

    def _new_removals(self) -> Iterator[Change]:
        for found in newest_objects(self.s3, self.bucket, self.since, self.utc_now()):
            if found.key not in self._read:
                self._read.add(found.key)
                changes = filter(None, map(kept_change, read_object(self.s3, self.bucket, found.key)))
                yield from (change for change in changes if change.operation == "REMOVE")


def _text(key: Image) -> str:
    return json.dumps(key, sort_keys=True)

"""Canary: an item on a board of its own that is followed to the board and the backup, and always removed.

What ConsumerLambda stores about the board as a whole (its name, counters and snapshot) is deleted too, so the board is
on no list. A tombstone stays for 30 days, as for every removed entry; the backup keeps the events.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.leaderboard.batch_get import read_items
from scorecast.leaderboard.board_list import board_key
from scorecast.leaderboard.index.table import ROOT, shape_key, shard_keys
from scorecast.leaderboard.item import is_entry, item_key
from scorecast.leaderboard.policy import DEFAULT
from scorecast.ops.boards.api_client import ApiClient, api_of
from scorecast.ops.boards.score import write_score
from scorecast.ops.doctor.finding import Finding, State
from scorecast.ops.recovery.backup import read_object
from scorecast.ops.recovery.newest_objects import BackupObject, newest_objects
from scorecast.ops.stack.aws_errors import explain
from scorecast.ops.stack.batch_write import BATCH_WRITES, write_batch
from scorecast.ops.stack.main_table import MainTable, main_table_of
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.batches import cut_batches
from scorecast.standings.announce.top import snapshot_key

PREFIX = "scorecast-canary-"
SCORE = Decimal(1)
# If the item did not reach the board in time, its removal may not either.
LATE_S = 15
# On AWS, Firehose writes an object after 60 seconds, and delivering it may take as long again.
BACKUP_S = {"aws": 180, "twin": 20}
# ConsumerLambda saves the snapshot of a board after the entry that it announces.
QUIET_LOOKS, QUIET_S, FORGET_S = 3, 0.5, 15
# The clocks of this machine and of S3 may differ by this much.
SKEW = timedelta(minutes=5)

OnStep = Callable[[Finding], None]
IsSeen = Callable[[], bool]


class _Watcher:
    """Looks for several things at once, and notes after how many seconds each was first seen."""

    def __init__(self, clock: Clock) -> None:
        self.seen: dict[str, float] = {}
        self.errors: dict[str, str] = {}
        self._clock = clock
        self._pending: dict[str, tuple[float, IsSeen]] = {}

    def start(self, name: str, is_seen: IsSeen) -> None:
        """Begin to look for a thing."""
        self._pending[name] = self._clock.now(), is_seen

    def wait_for(self, names: Iterable[str], deadline_s: float) -> None:
        """Look for everything that was started, until the named things are seen or the deadline has passed."""
        wanted = set(names)
        for _ in poll_until(deadline_s, pause_s=0.1, longest_pause_s=1, clock=self._clock):
            self.look()
            if not wanted & self._pending.keys():
                return

    def waited_s(self, name: str) -> float:
        """How long a thing has been looked for."""
        return self._clock.now() - self._pending[name][0]

    def look(self) -> None:
        """Look once for everything not yet seen."""
        for name, (started, is_seen) in list(self._pending.items()):
            try:
                is_there = is_seen()
            except UserError as error:
                self.errors[name] = str(error)
                continue
            if is_there:
                self.seen[name] = self._clock.now() - started
                del self._pending[name]


@dataclass(slots=True)
class Canary:
    """One run; `leaderboard` and `board_table` name tables, `backup` is None if the backup is not checked."""

    table: MainTable
    api: ApiClient
    dynamodb: Any
    leaderboard: str
    board_table: str
    backup: BackupWatch | None
    board: str
    participant: str
    step_s: float
    """A step that takes longer is a fault."""
    backup_s: float
    clock: Clock = CLOCK
    _watcher: _Watcher = field(init=False)

    def __post_init__(self) -> None:
        self._watcher = _Watcher(self.clock)

    def run(self, on_step: OnStep) -> None:
        """Write the item, follow it, delete it and follow its removal; every step produces a finding."""
        try:
            if not self._write(on_step):
                return
            self._follow(on_step)
        except BaseException:
            self._remove(on_step)
            raise
        self._remove(on_step)
        self._follow_backup(on_step)

    def _write(self, on_step: OnStep) -> bool:
        """Write the item; return whether DynamoDB accepted it."""
        started = self.clock.now()
        try:
            write_score(self.table, self.participant, self.board, SCORE, "canary")
        except ClientError as error:
            on_step(Finding("canary: main table", State.NOT_CHECKED, str(explain(error)).rstrip(".")))
            return False
        on_step(Finding("canary: main table", State.OK, "written", seconds=self.clock.now() - started))
        return True

    def _follow(self, on_step: OnStep) -> None:
        """Wait for the board and its list of entries."""
        if self.backup:
            self._watcher.start("backup", self.backup.has_come)
        self._watcher.start("board", self._is_on_board)
        self._watcher.start("index", self._is_in_top)
        self._watcher.wait_for(["board", "index"], self.step_s)
        on_step(self._finding("board", "through stream, bus, queue and ConsumerLambda"))
        on_step(self._finding("index", "the index by score shows it too"))

    def _remove(self, on_step: OnStep) -> None:
        """Delete the item, wait until it has a tombstone and is off the board, and forget the board."""
        self.table.delete(self.participant, self.board)
        self._watcher.start("removal", self._is_removed)
        self._watcher.wait_for(["removal"], self.step_s if "board" in self._watcher.seen else min(self.step_s, LATE_S))
        on_step(self._finding("removal", "deleted, and off the board"))
        if "removal" in self._watcher.seen:
            self._forget()

    def _follow_backup(self, on_step: OnStep) -> None:
        if self.backup is None:
            return
        if "backup" not in self._watcher.seen:
            self._watcher.wait_for(["backup"], max(0.0, self.backup_s - self._watcher.waited_s("backup")))
        on_step(self._finding("backup", "on the bus and in the backup"))

    def _finding(self, step: str, found: str) -> Finding:
        name = f"canary: {step}"
        if step in self._watcher.seen:
            return Finding(name, State.OK, found, seconds=self._watcher.seen[step])
        waited_s = self._watcher.waited_s(step)
        why = self._watcher.errors.get(step, f"not after {waited_s:.0f} s").rstrip(".")
        remedy = f"`scorecast trace {self.participant} {self.board}` says how far its changes came."
        return Finding(name, State.FAULT, why, remedy, waited_s)

    def _is_removed(self) -> bool:
        key = item_key(self.participant, self.board)
        found = list(read_items(self.dynamodb, self.leaderboard, [key], consistent=True))
        return bool(found) and not is_entry(found[0]) and not self._is_on_board()

    def _is_on_board(self) -> bool:
        return self.api.score_of(self.board, self.participant) is not None

    def _is_in_top(self) -> bool:
        return bool(self.api.top(self.board, 1)["entries"])

    def _forget(self) -> None:
        """Delete what is stored of the board as a whole, until no more of it appears."""
        root = (shape_key(self.board, ROOT), *shard_keys(self.board, ROOT))
        keys = [board_key(self.board, DEFAULT), snapshot_key(self.board), *root]
        quiet = 0
        for _ in poll_until(FORGET_S, pause_s=QUIET_S, longest_pause_s=QUIET_S, clock=self.clock):
            self._watcher.look()
            found = [
                {name: item[name] for name in ("collection", "name")}
                for item in read_items(self.dynamodb, self.board_table, keys, consistent=True)
            ]
            quiet = 0 if found else quiet + 1
            if quiet == QUIET_LOOKS:
                return
            for batch in cut_batches([{"DeleteRequest": {"Key": key}} for key in found], BATCH_WRITES):
                write_batch(self.dynamodb, self.board_table, batch, "run doctor again")


@dataclass(slots=True)
class BackupWatch:
    """Looks for the canary's change in the objects of the backup, reading each object once."""

    s3: Any
    bucket: str
    board: str
    since: datetime
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    found: BackupObject | None = None
    """The object that contains the change."""
    _read: set[str] = field(default_factory=set)

    def has_come(self) -> bool:
        """Whether an object contains a change of the board."""
        for found in newest_objects(self.s3, self.bucket, self.since, self.now()):
            if found.key in self._read:
                continue
            self._read.add(found.key)
            if any(_is_about(event, self.board) for event in read_object(self.s3, self.bucket, found.key)):
                self.found = found
                return True
        return False


def canary_of(stack: Stack, with_backup: bool, step_s: float) -> Canary:
    """Make a canary for a stack; UserError if the command line cannot write items of its main table."""
    number = secrets.token_hex(4)
    board = PREFIX + number
    table = main_table_of(stack)
    # If the key is numeric, the participant must be a number.
    participant = str(int(number, 16)) if table.key_types[table.attributes.id] == "N" else PREFIX + number
    started = datetime.now(UTC)
    watch = BackupWatch(stack.client("s3"), stack.output("BackupBucketName"), board, started - SKEW)
    return Canary(
        table=table,
        api=api_of(stack),
        dynamodb=stack.client("dynamodb"),
        leaderboard=stack.output("LeaderboardTableName"),
        board_table=stack.output("BoardTableName"),
        backup=watch if with_backup else None,
        board=board,
        participant=participant,
        step_s=step_s,
        backup_s=BACKUP_S[stack.target.engine],
    )


def _is_about(event: dict[str, Any], board: str) -> bool:
    keys = event.get("detail", {}).get("keys", {})
    return board in keys.values()

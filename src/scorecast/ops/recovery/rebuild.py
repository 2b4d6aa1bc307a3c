"""Rebuild: bring the index's shapes and counters and the entries into agreement again, while changes keep arriving.

ConsumerLambda's queue is paused meanwhile and keeps the changes that arrive. No other process writes entries during
that time, so the count is exact. Ctrl-C resumes the queue before the command ends; after a kill, the next rebuild
resumes it. A rebuild that was interrupted while writing can leave wrong ranks; the next one corrects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.errors import UserError
from scorecast.leaderboard.index.entries import entry_index
from scorecast.leaderboard.item import BY_SCORE, BY_TIE, StoredEntry, range_update, read_item
from scorecast.ops.recovery.consumer_mapping import DISABLED, ConsumerMapping, MappingState, consumer_mapping_of
from scorecast.ops.recovery.counters import (
    Index,
    Tally,
    find_faults,
    read_entries,
    read_index,
    tally_entries,
    tally_of,
)
from scorecast.ops.recovery.interrupts import Interrupts
from scorecast.ops.recovery.new_index import NewIndex, keeps_cuts, new_index
from scorecast.ops.stack.aws_errors import explain
from scorecast.ops.stack.batch_write import BATCH_WRITES, write_batch
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.aws import code_of
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.pages import read_all
from scorecast.runtime.together import CALLS, together

# Longer than ConsumerLambda's timeout of 30 seconds.
_PROCESSING_DEADLINE_S = 35
# After this many entries of an index, check for Ctrl-C.
_CHECKED = 1000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The number of boards and entries counted, the boards whose index was replaced, and how many entries moved."""

    boards: int
    entries: int
    replaced: list[str]
    moved: int


OnEntries = Callable[[int], None]
"""Receives the number of further entries that were read."""
Tell = Callable[[str], None]
"""Receives messages for the user while a rebuild runs."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """What both tables hold while no entries are written."""

    index: Index
    tallies: Mapping[str, Tally]

    @property
    def wrong(self) -> set[str]:
        """The boards on which something disagrees."""
        return {fault.board for fault in find_faults(self.index, self.tallies)}

    @property
    def outdated(self) -> set[str]:
        """The boards that must be cut again; never boards without entries and index items."""
        boards = {board for board, found in self.index.items() if found.collections} | self.tallies.keys()
        return {board for board in boards if not keeps_cuts(self.index[board], self.tally(board))}

    def tally(self, board: str) -> Tally:
        """Return the tally of a board's entries."""
        return self.tallies.get(board) or tally_of(self.index[board])


def rebuild(stack: Stack, on_entries: OnEntries, tell: Tell, clock: Clock = CLOCK) -> Rebuilt:
    """Count all entries; replace the index of every board that is wrong, or not cut as its policy requires.

    Reads both tables completely, and the entries once more if some must name another range.
    """
    with _paused(stack, tell, clock) as pause:
        survey = pause.survey(on_entries)
        chosen = sorted(survey.wrong | survey.outdated)
        moved = pause.replace(survey, chosen)
        entries = sum(tally.named.total() for tally in survey.tallies.values())
        return Rebuilt(len(survey.tallies), entries, chosen, moved)


def correct(stack: Stack, on_entries: OnEntries, tell: Tell, clock: Clock = CLOCK) -> list[str]:
    """Count all entries, and replace the index of every board that is wrong; return their names.

    No entry is written meanwhile, so a difference is never a change in progress. Reads as much as `rebuild`.
    """
    with _paused(stack, tell, clock) as pause:
        survey = pause.survey(on_entries)
        wrong = sorted(survey.wrong)
        pause.replace(survey, wrong)
        return wrong


@contextmanager
def _paused(stack: Stack, tell: Tell, clock: Clock) -> Iterator[_Pause]:
    """Pause the queue, and always resume it at the end."""
    mapping = consumer_mapping_of(stack, clock)
    with Interrupts() as interrupts:
        before = mapping.read()
        if before.is_paused:
            tell(f"The mapping of ConsumerLambda's queue is {before.state} already; it will be enabled at the end.")
        try:
            pause = _Pause(stack, mapping, interrupts, interrupts.interruptible(clock))
            pause.begin()
            yield pause
        finally:
            if interrupts.is_received:
                tell("Stopping: ConsumerLambda's queue is being enabled again, which can take a minute.")
            _resume(mapping, before)


def _resume(mapping: ConsumerMapping, before: MappingState) -> None:
    try:
        mapping.enable()
    except (ClientError, BotoCoreError) as error:
        explained = explain(error)
        raise UserError(
            f"The mapping of ConsumerLambda's queue could not be enabled: {explained} Until it is, the boards do not "
            f"move: {before.remedy}",
            explained.exit_code,
        ) from error


@dataclass(frozen=True, slots=True)
class _Pause:
    """The time during which ConsumerLambda writes no entries. Ctrl-C may interrupt `clock` and each page of a table."""

    stack: Stack
    mapping: ConsumerMapping
    interrupts: Interrupts
    clock: Clock

    def begin(self) -> None:
        """Stop reading from the queue, and wait until no message is being processed."""
        self.interrupts.check()
        self.mapping.disable(self.clock)
        for _ in poll_until(_PROCESSING_DEADLINE_S, pause_s=0.2, longest_pause_s=2, clock=self.clock):
            if not self._is_processing():
                return

    def survey(self, on_entries: OnEntries) -> _Survey:
        """Read the index, and count the entries of all boards."""

        def read(count: int) -> None:
            self.interrupts.check()
            on_entries(count)

        index = read_index(self.stack.client("dynamodb"), self.stack.output("BoardTableName"))
        return _Survey(index, tally_entries(self._entries(), index, read))

    def replace(self, survey: _Survey, boards: Sequence[str]) -> int:
        """Replace the index of some boards; return how many of their entries now name another range."""
        new = {board: self._new_index(survey, board) for board in boards}
        self._require_still_paused()
        try:
            self._place(survey, new)
            self._require_still_paused()
            self._write([request for one in new.values() for request in one.requests()])
        except KeyboardInterrupt:
            raise UserError(
                "Stopped before the index was written, so ranks and totals may be wrong: run `scorecast rebuild` "
                "again.",
                ExitCode.INTERRUPTED,
            ) from None
        self._require_still_paused()
        return sum(one.rewritten for one in new.values())

    def _new_index(self, survey: _Survey, board: str) -> NewIndex:
        return new_index(survey.index[board], survey.tally(board), partial(self._keys, board))

    def _keys(self, board: str, ties: bool) -> Iterator[str]:
        """Read the order keys of a board's entries, sorted."""
        query, table = self.stack.client("dynamodb").query, self.stack.output("LeaderboardTableName")
        entries = entry_index(query, table, BY_SCORE.index, BY_TIE.index, ties=ties)
        for number, item in enumerate(read_all(query, entries.request(board))):
            if not number % _CHECKED:
                self.interrupts.check()
            yield read_item(item).order_key(ties=ties)

    def _place(self, survey: _Survey, new: Mapping[str, NewIndex]) -> None:
        """Make every entry name its range, and count them."""
        for board, one in new.items():
            one.named.update(survey.tally(board).named)
        moving = {board: one for board, one in new.items() if one.is_cut or survey.tally(board).misplaced}
        if not moving:
            return
        dynamodb, table = self.stack.client("dynamodb"), self.stack.output("BoardTableName")
        for one in moving.values():
            one.named.clear()
            dynamodb.update_item(**one.reservation(table))
        for page in self._entries():
            moves = [
                partial(self._move, entry, after)
                for entry in page
                if entry.board in moving and (after := moving[entry.board].add(entry))
            ]
            for batch in cut_batches(moves, CALLS):
                self.interrupts.check()
                together(batch)

    def _move(self, entry: StoredEntry, after: str) -> None:
        """Make an entry name another range."""
        table = {"TableName": self.stack.output("LeaderboardTableName")}
        try:
            self.stack.client("dynamodb").update_item(**table | range_update(entry, after))
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            raise UserError(
                "An entry changed before its index was complete, so ranks may be wrong: run `scorecast rebuild` "
                "again, while nobody edits the leaderboard's tables by hand."
            ) from None

    def _entries(self) -> Iterator[list[StoredEntry]]:
        return read_entries(self.stack.client("dynamodb"), self.stack.output("LeaderboardTableName"))

    def _write(self, requests: Iterable[dict[str, Any]]) -> None:
        dynamodb, table = self.stack.client("dynamodb"), self.stack.output("BoardTableName")
        for batch in cut_batches(requests, BATCH_WRITES):
            write_batch(dynamodb, table, batch, "run `scorecast rebuild` again", self.clock)
            self.interrupts.check()

    def _require_still_paused(self) -> None:
        """Refuse a count that may be inexact because ConsumerLambda may have written entries meanwhile."""
        if (found := self.mapping.read()).state != DISABLED:
            raise UserError(
                f"The mapping of ConsumerLambda's queue became {found.state} before the index was complete, so ranks "
                "and totals may be wrong: run `scorecast rebuild` again, one at a time."
            )

    def _is_processing(self) -> bool:
        """Whether messages have been received but not deleted yet."""
        name = "ApproximateNumberOfMessagesNotVisible"
        url = self.stack.output("ConsumerQueueUrl")
        answer = self.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name]) > 0

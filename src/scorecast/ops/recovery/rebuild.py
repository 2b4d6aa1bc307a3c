"""Rebuild: count the entries again and replace the counters of the index, while changes keep arriving.

ConsumerLambda's queue is paused meanwhile and keeps what arrives. No entry is written during that time, so the count is
exact. Ctrl-C resumes the queue first; after a kill, the next rebuild resumes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import iso_now
from scorecast.errors import UserError
from scorecast.leaderboard.index.counters import total
from scorecast.leaderboard.index.table import COUNTERS, CounterTable
from scorecast.ops.recovery.consumer_mapping import DISABLED, ConsumerMapping, MappingState, consumer_mapping_of
from scorecast.ops.recovery.counters import CountedEntries, count_entries, find_faults, read_index
from scorecast.ops.recovery.interrupts import Interrupts
from scorecast.ops.stack.aws_errors import explain
from scorecast.ops.stack.batch_write import BATCH_WRITES, write_batch
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.pages import read_pages
from scorecast.standings.store import BOARDS

# ConsumerLambda ends within its 30 seconds.
_PROCESSING_DEADLINE_S = 35


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many boards and entries were counted, and how many nodes the index has now."""

    boards: int
    entries: int
    nodes: int


OnEntries = Callable[[int], None]
"""Receives how many more entries were read."""
Tell = Callable[[str], None]
"""Receives what the user has to know while a rebuild runs."""


def rebuild(stack: Stack, on_entries: OnEntries, tell: Tell, clock: Clock = CLOCK) -> Rebuilt:
    """Count all entries again and replace all counters. Reads both tables completely."""
    with _paused(stack, tell, clock) as pause:
        boards = pause.count(on_entries)
        nodes = pause.replace(boards, None)
        return Rebuilt(len(boards), sum(total(counters.nodes) for counters in boards.values()), nodes)


def correct(stack: Stack, on_entries: OnEntries, tell: Tell, clock: Clock = CLOCK) -> list[str]:
    """Count all entries again and replace the counters of the boards that are wrong; return their names.

    No entry is written meanwhile, so a difference is never a change in progress. Reads both tables completely.
    """
    with _paused(stack, tell, clock) as pause:
        boards = pause.count(on_entries)
        index = read_index(stack.client("dynamodb"), stack.output("BoardTableName"))
        wrong = sorted({fault.board for fault in find_faults(index, boards)})
        pause.replace(boards, wrong)
        return wrong


@contextmanager
def _paused(stack: Stack, tell: Tell, clock: Clock) -> Iterator[_Pause]:
    """Pause the queue; resume it at the end, whatever happens in between."""
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
    """The time during which ConsumerLambda writes no entry; `clock` and every page of a table may be interrupted."""

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

    def count(self, on_entries: OnEntries) -> CountedEntries:
        """Count the entries of all boards."""

        def read(count: int) -> None:
            self.interrupts.check()
            on_entries(count)

        return count_entries(self.stack.client("dynamodb"), self.stack.output("LeaderboardTableName"), read)

    def replace(self, boards: CountedEntries, chosen: Collection[str] | None) -> int:
        """Replace the counters of the chosen boards, or (None) of all, and list them; return how many nodes they have.

        The nodes go into one shard; all other nodes and shards are deleted.
        """
        dynamodb, table = self.stack.client("dynamodb"), self.stack.output("BoardTableName")
        kept = {board: counters for board, counters in boards.items() if chosen is None or board in chosen}
        counter_table, at = CounterTable(dynamodb, table), iso_now()
        nodes = [node for board, one in kept.items() for node in counter_table.items(board, one.nodes, at)]
        listed = [{"collection": {"S": BOARDS}, "name": {"S": board}} for board in kept]
        names = {node["collection"]["S"] for node in nodes}
        stale = [key for key in self._node_keys(chosen) if key["collection"]["S"] not in names]
        requests = [{"PutRequest": {"Item": item}} for item in nodes + listed]
        requests += [{"DeleteRequest": {"Key": key}} for key in stale]
        self._require_still_paused()
        self._write(table, requests)
        self._require_still_paused()
        return len(nodes)

    def _write(self, table: str, requests: list[dict[str, Any]]) -> None:
        try:
            for batch in cut_batches(requests, BATCH_WRITES):
                write_batch(self.stack.client("dynamodb"), table, batch, "run `scorecast rebuild` again", self.clock)
                self.interrupts.check()
        except KeyboardInterrupt:
            raise UserError(
                "Stopped before all counters were written, so ranks and totals may be wrong: run `scorecast rebuild` "
                "again.",
                ExitCode.INTERRUPTED,
            ) from None

    def _node_keys(self, chosen: Collection[str] | None) -> Iterator[dict[str, Any]]:
        """Read the keys of all nodes of the chosen boards, or (None) of all."""
        request = {
            "TableName": self.stack.output("BoardTableName"),
            "ConsistentRead": True,
            "FilterExpression": "begins_with(#collection, :counters)",
            "ProjectionExpression": "#collection, #name",
            "ExpressionAttributeNames": {"#collection": "collection", "#name": "name"},
            "ExpressionAttributeValues": {":counters": {"S": COUNTERS}},
        }
        for page in read_pages(self.stack.client("dynamodb").scan, request):
            self.interrupts.check()
            yield from (key for key in page["Items"] if chosen is None or key["name"]["S"] in chosen)

    def _require_still_paused(self) -> None:
        """Refuse a count that is not exact because ConsumerLambda may have written entries meanwhile."""
        if (found := self.mapping.read()).state != DISABLED:
            raise UserError(
                f"The mapping of ConsumerLambda's queue became {found.state} before the counters were complete, so "
                "they may be wrong: run `scorecast rebuild` again, one at a time."
            )

    def _is_processing(self) -> bool:
        """Whether messages have been received but not deleted yet."""
        name = "ApproximateNumberOfMessagesNotVisible"
        url = self.stack.output("ConsumerQueueUrl")
        answer = self.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name]) > 0

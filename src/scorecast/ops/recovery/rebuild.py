"""Rebuild: count the entries again and replace the counters of the index, while changes keep arriving.

ConsumerLambda's queue is paused meanwhile and keeps what arrives. No entry is written during that time, so the count is
exact. An interrupted rebuild can be run again, which also resumes the queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scorecast.changes.change import iso_now
from scorecast.errors import UserError
from scorecast.leaderboard.index.counters import Counters
from scorecast.leaderboard.index.table import COUNTERS, CounterTable
from scorecast.ops.recovery.counters import count_entries
from scorecast.ops.stack.batch_write import BATCH_WRITES, write_batch
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.pages import read_all
from scorecast.standings.store import BOARDS

# A mapping needs about a minute to pause or resume; ConsumerLambda ends within its 30 seconds.
_MAPPING_DEADLINE_S = 300
_PROCESSING_DEADLINE_S = 35


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many boards and entries were counted, and how many nodes the index has now."""

    boards: int
    entries: int
    nodes: int


def rebuild(stack: Stack, on_entries: Callable[[int], None], clock: Clock = CLOCK) -> Rebuilt:
    """Count all entries again; `on_entries` receives how many more were read. Reads both tables completely."""
    queue = _Queue(stack, clock)
    try:
        queue.pause()
        boards = count_entries(stack.client("dynamodb"), stack.output("LeaderboardTableName"), on_entries)
        return _store(stack, boards, clock)
    finally:
        queue.resume()


def _store(stack: Stack, boards: dict[str, Counters], clock: Clock) -> Rebuilt:
    """Write the nodes into one shard, delete all other nodes and shards, and list the boards."""
    dynamodb, table = stack.client("dynamodb"), stack.output("BoardTableName")
    counter_table = CounterTable(dynamodb, table)
    at = iso_now()
    nodes = [node for board, counters in boards.items() for node in counter_table.items(board, counters.nodes, at)]
    listed = [{"collection": {"S": BOARDS}, "name": {"S": board}} for board in boards]
    kept = {node["collection"]["S"] for node in nodes}
    request = {
        "TableName": table,
        "ConsistentRead": True,
        "FilterExpression": "begins_with(#collection, :counters)",
        "ProjectionExpression": "#collection, #name",
        "ExpressionAttributeNames": {"#collection": "collection", "#name": "name"},
        "ExpressionAttributeValues": {":counters": {"S": COUNTERS}},
    }
    stale = [key for key in read_all(dynamodb.scan, request) if key["collection"]["S"] not in kept]
    puts = [{"PutRequest": {"Item": item}} for item in nodes + listed]
    deletes = [{"DeleteRequest": {"Key": key}} for key in stale]
    for batch in cut_batches(puts + deletes, BATCH_WRITES):
        write_batch(dynamodb, table, batch, "run `scorecast rebuild` again", clock)
    entries = sum(sum(counters.nodes.get("", {}).values()) for counters in boards.values())
    return Rebuilt(len(boards), entries, len(nodes))


@dataclass(frozen=True, slots=True)
class _Queue:
    """ConsumerLambda's queue. While it is paused, messages stay in it for up to 14 days."""

    stack: Stack
    clock: Clock

    def pause(self) -> None:
        """Stop reading from the queue, and wait until no message is being processed."""
        self._set(enabled=False)
        for _ in poll_until(_PROCESSING_DEADLINE_S, pause_s=0.2, longest_pause_s=2, clock=self.clock):
            if not self._is_processing():
                return

    def resume(self) -> None:
        """Read from the queue again."""
        self._set(enabled=True)

    def _set(self, *, enabled: bool) -> None:
        functions = self.stack.client("lambda")
        wanted = "Enabled" if enabled else "Disabled"
        mapping = self._mapping()
        if mapping["State"] != wanted:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
        for _ in poll_until(_MAPPING_DEADLINE_S, pause_s=0.2, longest_pause_s=5, clock=self.clock):
            if self._mapping()["State"] == wanted:
                return
        raise UserError(
            f"ConsumerLambda's queue did not become {wanted.lower()} within {_MAPPING_DEADLINE_S} s: "
            "run `scorecast rebuild` again, which also resumes it.",
            ExitCode.TIMED_OUT,
        )

    def _mapping(self) -> dict[str, Any]:
        name = self.stack.output("ConsumerLambdaName")
        [mapping] = self.stack.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        return dict(mapping)

    def _is_processing(self) -> bool:
        """Whether messages have been received but not deleted yet."""
        name = "ApproximateNumberOfMessagesNotVisible"
        url = self.stack.output("ConsumerQueueUrl")
        answer = self.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name]) > 0

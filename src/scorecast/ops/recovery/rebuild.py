"""Rebuild: the counters of the index made anew from the entries, while changes go on.

ConsumerLambda's queue is paused for as long as it takes and keeps what comes; then nobody writes entries, and counting
them is exact. Interrupted at any point it can be run again, which also lets the queue go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scorecast.changes.change import iso_now
from scorecast.errors import UserError
from scorecast.leaderboard.index.counters import Counters
from scorecast.leaderboard.index.table import COUNTERS, CounterTable
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.standings.store import BOARDS

# A mapping needs a minute or so to pause or go on; ConsumerLambda ends within its 30 seconds.
_MAPPING_DEADLINE_S = 300
_AT_WORK_DEADLINE_S = 35
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_BATCH_WRITES = 25

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was counted, and how many nodes the index has now."""

    boards: int
    entries: int
    nodes: int


def rebuild(stack: Stack, on_entries: Callable[[int], None], clock: Clock = CLOCK) -> Rebuilt:
    """Count all entries anew; `on_entries` is told how many were read. Reads both tables whole."""
    queue = _Queue(stack, clock)
    try:
        queue.pause()
        boards = _count(stack, on_entries)
        return _store(stack, boards, clock)
    finally:
        queue.go_on()


def _count(stack: Stack, on_entries: Callable[[int], None]) -> dict[str, Counters]:
    boards: dict[str, Counters] = {}
    request = {
        "TableName": stack.output("LeaderboardTableName"),
        "ConsistentRead": True,
        "FilterExpression": "attribute_exists(projectScore)",
        "ProjectionExpression": "metadata, projectScore",
    }
    for items in _scan(stack, request):
        for item in items:
            board = boards.setdefault(item["metadata"]["S"], Counters())
            board.replace(None, Decimal(item["projectScore"]["N"]))
        on_entries(len(items))
    return boards


def _store(stack: Stack, boards: dict[str, Counters], clock: Clock) -> Rebuilt:
    """Write the nodes into one shard, take away what is left of others, and list the boards."""
    table = stack.output("BoardTableName")
    home = CounterTable(stack.client("dynamodb"), table)
    at = iso_now()
    nodes = [node for board, counters in boards.items() for node in home.items(board, counters.nodes, at)]
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
    left = [key for keys in _scan(stack, request) for key in keys if key["collection"]["S"] not in kept]
    puts = [{"PutRequest": {"Item": item}} for item in nodes + listed]
    _write(stack.client("dynamodb"), table, puts + [{"DeleteRequest": {"Key": key}} for key in left], clock)
    entries = sum(sum(counters.nodes.get("", {}).values()) for counters in boards.values())
    return Rebuilt(len(boards), entries, len(nodes))


def _scan(stack: Stack, request: dict[str, Any]) -> Iterator[list[Item]]:
    for page in stack.client("dynamodb").get_paginator("scan").paginate(**request):
        yield page["Items"]


def _write(dynamodb: Any, table: str, requests: list[dict[str, Any]], clock: Clock) -> None:
    for batch in _batches(requests):
        waiting: dict[str, Any] = {table: batch}
        for _ in poll_until(60, pause_s=0.1, longest_pause_s=5, clock=clock):
            waiting = dynamodb.batch_write_item(RequestItems=waiting).get("UnprocessedItems") or {}
            if not waiting:
                break
        else:
            raise UserError(
                "DynamoDB has throttled the counters for a minute: run `scorecast rebuild` again.", ExitCode.TIMED_OUT
            )


def _batches(requests: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (requests[at : at + _BATCH_WRITES] for at in range(0, len(requests), _BATCH_WRITES))


@dataclass(frozen=True, slots=True)
class _Queue:
    """ConsumerLambda's queue, which can be paused: messages stay in it meanwhile, for up to 14 days."""

    stack: Stack
    clock: Clock

    def pause(self) -> None:
        """Stop taking from the queue, and wait until nobody is at work."""
        self._set(enabled=False)
        for _ in poll_until(_AT_WORK_DEADLINE_S, pause_s=0.2, longest_pause_s=2, clock=self.clock):
            if not self._at_work():
                return

    def go_on(self) -> None:
        """Take from the queue again."""
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
            "run `scorecast rebuild` again, which also lets it go on.",
            ExitCode.TIMED_OUT,
        )

    def _mapping(self) -> dict[str, Any]:
        name = self.stack.output("ConsumerLambdaName")
        [mapping] = self.stack.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        return dict(mapping)

    def _at_work(self) -> bool:
        """Whether messages have been taken and not yet been done with."""
        name = "ApproximateNumberOfMessagesNotVisible"
        url = self.stack.output("ConsumerQueueUrl")
        answer = self.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name]) > 0

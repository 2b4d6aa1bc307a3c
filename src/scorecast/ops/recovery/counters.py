"""Counters: compare every bucket of every node of the index with the entries that it counts.

Entries are read page by page. Memory holds the counts: at most one bucket for each distinct first four digits of a
board's scores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from scorecast.leaderboard.index.counters import Counters, Node
from scorecast.leaderboard.index.table import NodeCounts
from scorecast.leaderboard.item import ENTRIES_ONLY, read_item
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.pages import read_all, read_pages

Nodes = dict[str, dict[str, Node]]
"""Board to node to bucket to count."""


@dataclass(frozen=True, slots=True)
class Miscount:
    """A bucket whose count differs from its number of entries; `node` is its path, "" for the root."""

    board: str
    node: str
    bucket: int
    counted: int
    entries: int

    def __str__(self) -> str:
        bucket = f"bucket {self.bucket} of node {self.node!r}"
        return f"{self.board}: {bucket} counts {self.counted}, but {self.entries} entries are there"


def count_entries(
    dynamodb: Any, leaderboard: str, on_entries: Callable[[int], None] = lambda _: None
) -> dict[str, Counters]:
    """Count the entries of every board as the index must; `on_entries` receives how many more were read."""
    boards: dict[str, Counters] = defaultdict(Counters)
    request = {"TableName": leaderboard, "ConsistentRead": True, **ENTRIES_ONLY}
    for page in read_pages(dynamodb.scan, request):
        for entry in map(read_item, page["Items"]):
            boards[entry.board].replace(None, entry.number)
        on_entries(len(page["Items"]))
    return boards


def find_miscounts(stack: Stack, settle_s: float, clock: Clock = CLOCK) -> list[Miscount]:
    """Compare all counters with all entries until they agree or the time to settle is over; return the miscounts."""
    found: list[Miscount] = []
    for _ in poll_until(settle_s, pause_s=0.5, longest_pause_s=5, clock=clock):
        found = list(_differences(stack))
        if not found:
            break
    return found


def _differences(stack: Stack) -> Iterator[Miscount]:
    dynamodb = stack.client("dynamodb")
    counted = _counted(dynamodb, stack.output("BoardTableName"))
    counters = count_entries(dynamodb, stack.output("LeaderboardTableName"))
    entries: Nodes = {board: one.nodes for board, one in counters.items()}
    for board in sorted(counted.keys() | entries.keys()):
        left, right = counted.get(board, {}), entries.get(board, {})
        for node in sorted(left.keys() | right.keys()):
            yield from _unequal(board, node, left.get(node, {}), right.get(node, {}))


def _unequal(board: str, node: str, counted: Node, entries: Node) -> Iterator[Miscount]:
    for bucket in sorted(counted.keys() | entries.keys()):
        if counted.get(bucket, 0) != entries.get(bucket, 0):
            yield Miscount(board, node, bucket, counted.get(bucket, 0), entries.get(bucket, 0))


def _counted(dynamodb: Any, table: str) -> Nodes:
    """Read the counts of the index, summed over the shards of each node."""
    boards: dict[str, NodeCounts] = defaultdict(lambda: NodeCounts(defaultdict(dict)))
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "FilterExpression": "attribute_exists(#node)",
        "ExpressionAttributeNames": {"#node": "node"},
    }
    for item in read_all(dynamodb.scan, request):
        boards[item["name"]["S"]].add(item)
    return {board: counts.nodes for board, counts in boards.items()}

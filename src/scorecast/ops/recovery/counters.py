"""Counters: compare every bucket of every node of the index with the entries that it counts.

Entries are read page by page. Memory holds the counts: at most one bucket for each distinct first four digits of a
board's scores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from scorecast.leaderboard.index.counters import Counters, Node, total
from scorecast.leaderboard.index.table import NodeCounts
from scorecast.leaderboard.item import ENTRIES_ONLY, read_item
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.pages import read_all, read_pages
from scorecast.standings.store import BOARDS

CountedEntries = dict[str, Counters]
"""Board to the counters that its entries must have."""


@dataclass(frozen=True, slots=True)
class Index:
    """What the board table holds: the counts of each board, summed over the shards, and the boards that are listed.

    `updated_at` tells when a board's entries last changed.
    """

    nodes: dict[str, dict[str, Node]] = field(default_factory=dict)
    updated_at: dict[str, str] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)


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


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A board that has entries, but is not in the list of boards."""

    board: str
    entries: int

    def __str__(self) -> str:
        return f"{self.board}: has {self.entries} entries, but is not in the list of boards"


Fault = Miscount | Unlisted


def count_entries(
    dynamodb: Any, leaderboard: str, on_entries: Callable[[int], None] = lambda _: None
) -> CountedEntries:
    """Count the entries of every board as the index must; `on_entries` receives how many more were read."""
    boards: CountedEntries = defaultdict(Counters)
    request = {"TableName": leaderboard, "ConsistentRead": True, **ENTRIES_ONLY}
    for page in read_pages(dynamodb.scan, request):
        for entry in map(read_item, page["Items"]):
            boards[entry.board].replace(None, entry.number)
        on_entries(len(page["Items"]))
    return boards


def read_index(dynamodb: Any, table: str) -> Index:
    """Read the counts of all nodes, and the list of boards."""
    boards: dict[str, NodeCounts] = defaultdict(lambda: NodeCounts(defaultdict(dict)))
    index = Index()
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "FilterExpression": "attribute_exists(#node) OR #collection = :boards",
        "ExpressionAttributeNames": {"#node": "node", "#collection": "collection"},
        "ExpressionAttributeValues": {":boards": {"S": BOARDS}},
    }
    for item in read_all(dynamodb.scan, request):
        if "node" in item:
            boards[item["name"]["S"]].add(item)
        elif item["collection"]["S"] == BOARDS:
            index.listed.add(item["name"]["S"])
    index.nodes.update({board: counts.nodes for board, counts in boards.items()})
    index.updated_at.update({board: counts.updated_at for board, counts in boards.items()})
    return index


def find_faults(index: Index, entries: CountedEntries) -> Iterator[Fault]:
    """Compare the index with the counted entries, board by board."""
    for board in sorted(index.nodes.keys() | entries.keys()):
        counters = entries.get(board, Counters())
        if board in entries and board not in index.listed:
            yield Unlisted(board, total(counters.nodes))
        left, right = index.nodes.get(board, {}), counters.nodes
        for node in sorted(left.keys() | right.keys()):
            yield from _unequal(board, node, left.get(node, {}), right.get(node, {}))


@dataclass(frozen=True, slots=True)
class ComparedCounters:
    """The faults that were found, and the boards that cannot be judged, because they changed while they were read."""

    faults: list[Fault]
    busy: list[str]


def compare_counters(stack: Stack, settle_s: float, clock: Clock = CLOCK) -> ComparedCounters:
    """Compare all counters with all entries until they agree or the time to settle is over.

    The tables are read one after the other. If a change is counted in between, a wrong counter can seem right, so the
    counters are read again afterwards.
    """
    found = ComparedCounters([], [])
    dynamodb, table = stack.client("dynamodb"), stack.output("BoardTableName")
    for _ in poll_until(settle_s, pause_s=0.5, longest_pause_s=5, clock=clock):
        before = read_index(dynamodb, table)
        faults = list(find_faults(before, count_entries(dynamodb, stack.output("LeaderboardTableName"))))
        after = read_index(dynamodb, table)
        found = ComparedCounters(faults, sorted(_changed(before, after) - {fault.board for fault in faults}))
        if not found.faults and not found.busy:
            break
    return found


def _changed(before: Index, after: Index) -> set[str]:
    """The boards whose index changed."""
    boards = before.updated_at.keys() | after.updated_at.keys()
    return {
        board
        for board in boards
        if (before.nodes.get(board), before.updated_at.get(board))
        != (after.nodes.get(board), after.updated_at.get(board))
    }


def _unequal(board: str, node: str, counted: Node, entries: Node) -> Iterator[Miscount]:
    for bucket in sorted(counted.keys() | entries.keys()):
        if counted.get(bucket, 0) != entries.get(bucket, 0):
            yield Miscount(board, node, bucket, counted.get(bucket, 0), entries.get(bucket, 0))

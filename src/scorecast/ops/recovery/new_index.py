"""New index: what a rebuild writes for one board. It keeps the old cuts if they are sound.

All nodes get a version newer than any that a process may know. So a writer with older shapes fails and reads them
again, even if somebody deleted the items with the former versions.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from scorecast.changes.change import iso_now
from scorecast.leaderboard.board_list import board_key
from scorecast.leaderboard.expiry import expiring, expiry
from scorecast.leaderboard.index.shape import FIRST, RANGE_ENTRIES, build, starts_of
from scorecast.leaderboard.index.table import ROOT, SHARDS, Shard, id_text, shape_item, shape_key, shard_item
from scorecast.leaderboard.item import StoredEntry
from scorecast.ops.recovery.counters import BoardIndex, Tally, expected_counts, number_of
from scorecast.ops.stack.batch_write import WriteRequest
from scorecast.standings.shapes import KnownShapes

# A range with more than this many full ranges' entries grew without upkeep; its board is cut again.
_OVERGROWN = 10

Keys = Callable[[bool], Iterable[str]]
"""Reads a board's order keys, sorted: keys by score, or (True) keys that order ties."""


@dataclass(slots=True)
class NewIndex:
    """The new shapes of a board, the number of the last id that it has given, and its entries by range.

    `is_cut` says that the board was cut again; `rewritten` counts the entries that must name another range.
    """

    found: BoardIndex
    shapes: KnownShapes
    last_id: int
    is_cut: bool
    named: Counter[str] = field(default_factory=Counter)
    rewritten: int = 0

    def add(self, entry: StoredEntry) -> str | None:
        """Count an entry; return the range that it must name, or None if it already names that."""
        one = entry.range or FIRST
        is_there = self.shapes.holds(entry)
        if not is_there:
            one = self.shapes.placed(entry).range or FIRST
            self.rewritten += 1
        self.named[one] += 1
        return None if is_there else one

    def reservation(self, table: str) -> dict[str, Any]:
        """Return the update that keeps other processes from giving the same ids."""
        update = {
            "TableName": table,
            "Key": shape_key(self.found.board, ROOT),
            "UpdateExpression": "SET #next = :next",
            "ExpressionAttributeNames": {"#next": "next"},
            "ExpressionAttributeValues": {":next": {"N": str(self.last_id)}},
        }
        return expiring(update, self.found.policy.expires_at)

    def requests(self) -> Iterator[WriteRequest]:
        """Yield what replaces the index: first pages, then the root that names them, then deletions of other items."""
        board, counts = self.found.board, expected_counts(self.shapes, self.named)
        items = [item for node in (*self.shapes.pages, ROOT) for item in self._items(node, counts[node])]
        items.append(board_key(board, self.found.policy))
        own = expiry(self.found.policy.expires_at)
        yield from ({"PutRequest": {"Item": item | own}} for item in items)
        for collection in sorted(self.found.collections - {item["collection"]["S"] for item in items}):
            yield {"DeleteRequest": {"Key": {"collection": {"S": collection}, "name": {"S": board}}}}

    def _items(self, node: str, counts: dict[str, int]) -> Iterator[dict[str, Any]]:
        """Yield a node's shape and its shards; all counts are in the first shard."""
        board, shape, now = self.found.board, self.shapes.nodes[node], iso_now()
        allocator = {"next": {"N": str(self.last_id)}} if node == ROOT else {}
        yield shape_item(board, node, shape, ties=self.shapes.ties) | allocator
        kept = {one: some for one, some in counts.items() if some or shape.is_inner}
        for number in range(SHARDS):
            updates = max(self.found.node(node).shards[number].updates, 0) + 1
            yield shard_item(board, node, number, Shard({} if number else kept, shape.version, updates, now))


def ties_of(found: BoardIndex, tally: Tally) -> str:
    """Return the order of ties to cut a board by: its policy's, if there is one and all entries have a place in it."""
    return found.policy.key_order if found.policy.orders_ties and tally.is_tied else ""


def keeps_cuts(found: BoardIndex, tally: Tally) -> bool:
    """Whether a board's cuts are sound and of the right kind, without an overgrown range."""
    if tally.shapes is None or tally.shapes.ties != ties_of(found, tally):
        return False
    blocks = (block for shape in (tally.shapes.pages or {ROOT: tally.shapes.root}).values() for block in shape.blocks)
    return all(block.is_single or block.count(tally.named) <= _OVERGROWN * RANGE_ENTRIES for block in blocks)


def new_index(found: BoardIndex, tally: Tally, keys: Keys) -> NewIndex:
    """Return a board's new index, with no entries counted yet; reads their keys if the board must be cut again."""
    version = _newer_version(found)
    last_id = max(found.last_id, *map(number_of, tally.named), 0)
    if keeps_cuts(found, tally):
        root, *pages = (replace(shape, version=version) for shape in found.shapes.nodes.values())
        named = dict(zip(found.shapes.pages, pages, strict=True))
        return NewIndex(found, KnownShapes(root, found.root.ties, named), last_id, is_cut=False)
    numbers, ties = count(last_id + 1), ties_of(found, tally)
    root, named = build(starts_of(keys(bool(ties))), map(id_text, numbers), version)
    return NewIndex(found, KnownShapes(root, ties, named), next(numbers) - 1, is_cut=True)


def _newer_version(found: BoardIndex) -> int:
    versions = [max(node.shape.version, *(shard.fence for shard in node.shards)) for node in found.nodes.values()]
    return max(int(time.time()), *(version + 1 for version in versions))

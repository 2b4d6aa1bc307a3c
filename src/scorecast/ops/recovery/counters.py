"""Counters: compare every count of the index with the entries that it counts, and the shapes with each other.

Entries are read page by page. Memory holds the index and one number per range, never all entries.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.board_list import BOARDS, COPIES, PERIODS, VALUES, lists_a_board
from scorecast.leaderboard.expiry import has_expired
from scorecast.leaderboard.index.shape import FIRST, Shape
from scorecast.leaderboard.index.table import (
    COUNTERS,
    ROOT,
    SHAPE,
    SHARDS,
    Node,
    Shard,
    parse_key,
    shape_key,
    shard_keys,
)
from scorecast.leaderboard.item import ENTRIES_ONLY, Item, StoredEntry, read_item
from scorecast.leaderboard.order_key import HIGHEST, LOWEST, is_score_end
from scorecast.leaderboard.policy import DEFAULT, POLICY, BoardPolicy, is_policy, read_policy
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.pages import read_all, read_pages
from scorecast.standings.shapes import KnownShapes

_SHARD_NAMES = [str(number) for number in range(SHARDS)]
# A longer id must have been written by hand.
_ID_CHARACTERS = 9


@dataclass(slots=True)
class BoardIndex:
    """What the board table holds of one board: its policy, whether it is listed, and the items of its index.

    `next_id` is the last number that the allocator of ids has given; `unreadable` has the collections of malformed
    items.
    """

    board: str
    policy: BoardPolicy = DEFAULT
    is_listed: bool = False
    nodes: dict[str, Node] = field(default_factory=lambda: {ROOT: Node()})
    collections: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    next_id: int = 0

    def take(self, item: Item) -> None:
        """Add an item."""
        collection = item["collection"]["S"]
        if lists_a_board(collection):
            self.is_listed = True
        elif is_policy(item):
            self.policy = read_policy(item)
        else:
            self.collections.add(collection)
            try:
                self._take_node(item)
            except (NotAcknowledged, ValueError):
                self.unreadable.add(collection)

    def _take_node(self, item: Item) -> None:
        kind, name = parse_key(item)
        if kind in (SHAPE, *_SHARD_NAMES):
            self.nodes.setdefault(name, Node()).take(kind, item)
        if kind == SHAPE and name == ROOT:
            self.next_id = int(item.get("next", {}).get("N", "0"))

    @property
    def root(self) -> Node:
        """The root."""
        return self.nodes[ROOT]

    @property
    def shapes(self) -> KnownShapes:
        """The shapes of its nodes, as a writer knows them."""
        pages = self.root.shape.ids if self.root.shape.is_inner else ()
        return KnownShapes(self.root.shape, self.root.ties, {page: self.node(page).shape for page in pages})

    @property
    def had_entries(self) -> bool:
        """Whether the index shows that the board has or had entries: counts that have become zero stay until a cut."""
        return bool(self.root.counts or self.root.shape.version)

    @property
    def last_id(self) -> int:
        """The greatest number of an id that the index has, or has given to a range."""
        nodes = self.nodes.values()
        ids = {one for node in nodes for one in (*node.shape.ids, *node.shape.old, *node.counts)}
        return max(self.next_id, 0, *map(number_of, ids))

    @property
    def strays(self) -> list[str]:
        """The collections of items that belong to no node."""
        return sorted(self.collections - {one for node in self.shapes.nodes for one in self._collections(node)})

    def node(self, name: str) -> Node:
        """Return a node; without any items, it is the node of a board that has never been cut."""
        return self.nodes.get(name, Node())

    def broken_shapes(self) -> Iterator[tuple[str, str]]:
        """Yield each node whose shape is invalid or does not fit the others, and what is wrong."""
        if reason := self._flaw_of(ROOT, LOWEST, HIGHEST):
            yield ROOT, reason
            return
        shapes, root = self.shapes, self.root.shape
        for block in root.blocks if root.is_inner else ():
            if reason := self._flaw_of(block.ids[0], block.low, block.high):
                yield block.ids[0], reason
        ids = [one for shape in shapes.nodes.values() for one in (*shape.ids, *shape.old)]
        if len(set(ids)) < len(ids):
            yield ROOT, "has an id twice"
        if root.version and self.next_id < max(map(number_of, ids)):
            yield ROOT, "would give ids again"

    def broken_counters(self) -> Iterator[tuple[str, str]]:
        """Yield each node whose counters look-ups or writers cannot use, and what is wrong."""
        for name, shape in self.shapes.nodes.items():
            shards = self.node(name).shards
            fewest_updates = 0 if name == ROOT else 1
            if self.unreadable & set(self._collections(name)[1:]):
                yield name, "has counters that cannot be read"
            elif any(shard.updates < fewest_updates for shard in shards) or _lacks_a_fence(shape, shards):
                yield name, "lacks some of its counters"
            elif any(shard.fence > shape.version for shard in shards):
                yield name, "has counters of a newer shape"

    def _flaw_of(self, name: str, low: str, high: str) -> str:
        node, ties = self.node(name), self.root.ties
        shape = node.shape
        if self._collections(name)[0] in self.unreadable:
            return "has a shape that cannot be read"
        if name != ROOT and not shape.version:
            return "has no shape"
        if not all(map(str.isascii if ties else is_score_end, shape.starts)):
            return "has a shape that is not valid"
        if (shape.low, shape.high) != (low, high) or (
            name != ROOT and (shape.is_inner or bool(node.ties) != bool(ties))
        ):
            return "has a shape that does not fit the root"
        return ""

    def _collections(self, node: str) -> list[str]:
        keys = (shape_key(self.board, node), *shard_keys(self.board, node))
        return [key["collection"]["S"] for key in keys]


class Index(dict[str, BoardIndex]):
    """The index of each board; a board without items has never been cut."""

    def __missing__(self, board: str) -> BoardIndex:
        return BoardIndex(board)


@dataclass(slots=True)
class Tally:
    """What the entries of a board say: how many name each range, and how many are not in the range that they name.

    `shapes` is None if the shapes are not sound. `key_order` is the policy's if ties have an order, by the policy or in
    the index; `is_tied` says that all entries have a place in that order.
    """

    shapes: KnownShapes | None
    key_order: str | None
    named: Counter[str] = field(default_factory=Counter)
    misplaced: int = 0
    is_tied: bool = True

    def add(self, entry: StoredEntry) -> None:
        """Count an entry. O(log ranges)."""
        self.named[entry.range or FIRST] += 1
        is_tied = self.key_order is None or entry.follows(self.key_order)
        self.is_tied &= is_tied
        if self.shapes:
            # An entry that arrived during the first cut gets its place among ties when it is moved.
            is_moved_later = (entry.range or FIRST) in self.shapes.root.old
            is_out_of_order = self.shapes.ties == self.key_order and not is_tied and not is_moved_later
            self.misplaced += is_out_of_order or not self.shapes.holds(entry)


@dataclass(frozen=True, slots=True)
class Miscount:
    """A range or a page whose count differs from its number of entries."""

    kind: ClassVar[str] = "miscount"
    board: str
    part: str
    counted: int
    entries: int

    def __str__(self) -> str:
        return f"{self.board}: {self.part} counts {self.counted}, but {self.entries} entries are there"


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Entries that are not in the range that they name."""

    kind: ClassVar[str] = "misplaced"
    board: str
    entries: int

    def __str__(self) -> str:
        return f"{self.board}: {self.entries} entries are not in the range that they name"


@dataclass(frozen=True, slots=True)
class Broken:
    """A part of the index that is invalid or does not fit the others."""

    kind: ClassVar[str] = "broken"
    board: str
    part: str
    reason: str

    def __str__(self) -> str:
        return f"{self.board}: {self.part} {self.reason}"


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A board that has entries, or had some, but is not in the list of boards."""

    kind: ClassVar[str] = "unlisted"
    board: str
    entries: int

    def __str__(self) -> str:
        return f"{self.board}: is not in the list of boards (entries: {self.entries})"


Fault = Miscount | Misplaced | Broken | Unlisted
KINDS = {"miscount": "miscounts", "misplaced": "misplaced", "broken": "broken", "unlisted": "unlisted"}
"""The kinds of faults, and the plural of each."""


def read_index(dynamodb: Any, table: str) -> Index:
    """Read the index and the policy of every board, and the lists of boards, without boards that have expired."""
    index = Index()
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "FilterExpression": "begins_with(#collection, :shape) OR begins_with(#collection, :counters)"
        " OR begins_with(#collection, :policy) OR begins_with(#collection, :periods)"
        " OR begins_with(#collection, :values) OR #collection = :boards OR #collection = :copies",
        "ExpressionAttributeNames": {"#collection": "collection"},
        "ExpressionAttributeValues": {
            ":shape": {"S": SHAPE},
            ":counters": {"S": COUNTERS},
            ":policy": {"S": POLICY},
            ":periods": {"S": PERIODS},
            ":values": {"S": VALUES},
            ":boards": {"S": BOARDS},
            ":copies": {"S": COPIES},
        },
    }
    for item in read_all(dynamodb.scan, request):
        if has_expired(item, time.time()):
            continue
        board = item["name"]["S"]
        index.setdefault(board, BoardIndex(board)).take(item)
    return index


def read_entries(dynamodb: Any, leaderboard: str) -> Iterator[list[StoredEntry]]:
    """Read all entries of all boards that have not expired, page by page."""
    request = {"TableName": leaderboard, "ConsistentRead": True, **ENTRIES_ONLY}
    for page in read_pages(dynamodb.scan, request):
        now = time.time()
        yield [read_item(item) for item in page["Items"] if not has_expired(item, now)]


def tally_entries(
    pages: Iterable[list[StoredEntry]], index: Index, on_entries: Callable[[int], None] = lambda _: None
) -> dict[str, Tally]:
    """Count the entries of every board by the range that they name; `on_entries` receives the number of new ones."""
    tallies: dict[str, Tally] = {}
    for page in pages:
        for entry in page:
            if entry.board not in tallies:
                tallies[entry.board] = tally_of(index[entry.board])
            tallies[entry.board].add(entry)
        on_entries(len(page))
    return tallies


def tally_of(found: BoardIndex) -> Tally:
    """Return the tally of a board before any of its entries is counted."""
    has_order = found.root.ties or found.policy.orders_ties
    shapes = None if any(found.broken_shapes()) else found.shapes
    return Tally(shapes, found.policy.key_order if has_order else None)


def expected_counts(shapes: KnownShapes, named: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Return the counts that each node should have, from the number of entries that name each range."""
    counts = {
        node: {one: named.get(one, 0) for one in (*shape.ids, *shape.old)}
        for node, shape in (shapes.pages or {ROOT: shapes.root}).items()
    }
    return {ROOT: {page: sum(some.values()) for page, some in counts.items()}} | counts if shapes.pages else counts


def find_faults(index: Index, tallies: Mapping[str, Tally]) -> Iterator[Fault]:
    """Compare the index with the entries, board by board."""
    for board in sorted(index.keys() | tallies.keys()):
        found = index[board]
        tally = tallies.get(board) or tally_of(found)
        # Empty boards too: a process that has listed a board once does not list it again, and may write an entry at any
        # time.
        if (tally.named or found.had_entries) and not found.is_listed:
            yield Unlisted(board, tally.named.total())
        yield from _broken(found)
        yield from (Broken(board, f"the item {one}", "belongs to no part of the index") for one in found.strays)
        if tally.misplaced:
            yield Misplaced(board, tally.misplaced)
        if tally.shapes:
            yield from _miscounts(found, expected_counts(tally.shapes, tally.named))


def _lacks_a_fence(shape: Shape, shards: Iterable[Shard]) -> bool:
    """Whether a shard would accept the update of a writer that does not know of any cut.

    A fence may be missing only during a board's first cut, when the shape is written before the fences are raised.
    """
    is_first_cut = shape.version == 1 and shape.move
    return bool(shape.version) and not is_first_cut and not all(shard.fence for shard in shards)


def _broken(found: BoardIndex) -> Iterator[Broken]:
    for node, why in (*found.broken_shapes(), *found.broken_counters()):
        yield Broken(found.board, _name(node), why)


def _miscounts(found: BoardIndex, expected: Mapping[str, Mapping[str, int]]) -> Iterator[Miscount]:
    for node, entries in expected.items():
        counted, is_inner = found.node(node).counts, found.node(node).shape.is_inner
        for one in sorted(counted.keys() | entries.keys()):
            if counted[one] != entries.get(one, 0):
                part = _name(one) if is_inner else f"range {one}"
                yield Miscount(found.board, part, counted[one], entries.get(one, 0))


@dataclass(frozen=True, slots=True)
class ComparedCounters:
    """The faults that were found, and the boards that cannot be judged because they changed while being read."""

    faults: list[Fault]
    busy: list[str]


def compare_counters(stack: Stack, settle_s: float, clock: Clock = CLOCK) -> ComparedCounters:
    """Compare the index with all entries until they agree or the time to settle is over.

    The tables are read one after the other, and then the index again. Every change of an entry updates its board's
    index, so a board whose index is unchanged was read in a consistent state. No other board is judged.
    """
    found = ComparedCounters([], [])
    dynamodb, table = stack.json_client("dynamodb"), stack.output("BoardTableName")
    for _ in poll_until(settle_s, pause_s=0.5, longest_pause_s=5, clock=clock):
        before = read_index(dynamodb, table)
        tallies = tally_entries(read_entries(dynamodb, stack.output("LeaderboardTableName")), before)
        after = read_index(dynamodb, table)
        busy = {board for board in before.keys() | after.keys() if before[board] != after[board]}
        faults = [fault for fault in find_faults(before, tallies) if fault.board not in busy]
        found = ComparedCounters(faults, sorted(busy))
        if not found.faults and not found.busy:
            break
    return found


def find_broken(stack: Stack) -> list[Broken]:
    """Find what makes an index unusable for writers. Reads the board table twice, to ignore changes in progress."""
    dynamodb, table = stack.json_client("dynamodb"), stack.output("BoardTableName")
    first, second = ([one for found in read_index(dynamodb, table).values() for one in _broken(found)] for _ in "12")
    return [one for one in first if one in second]


def number_of(one: str) -> int:
    """Return the number of an id (table.id_text); 0 for a text that the allocator cannot have made."""
    is_id = one.isascii() and one.isalnum() and len(one) <= _ID_CHARACTERS
    return int(one, 36) if is_id else 0


def _name(node: str) -> str:
    return f"page {node}" if node else "the root"

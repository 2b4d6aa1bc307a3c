"""Look-ups in the counting index: ranks, positions and the distribution of scores, on a board of any size.

A look-up reads a board's root, on a large board then the page that holds the key, and counts the entries of one range.
So a rank takes at most three round trips, and two on a board of one page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, ROUND_FLOOR, Context, Decimal
from functools import partial
from itertools import accumulate, pairwise
from itertools import count as powers

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.columns import prefix_in, shared_prefix
from scorecast.leaderboard.index.entries import EntryIndex
from scorecast.leaderboard.index.shape import FIRST, Block, Found, find, find_position
from scorecast.leaderboard.index.table import HEADS, ROOT, IndexTable, Node, Shard
from scorecast.leaderboard.item import StoredEntry
from scorecast.leaderboard.order_key import (
    HIGHEST,
    LOWEST,
    just_after,
    least_score,
    lowest_score,
    previous_score,
    score_order,
    score_part,
)
from scorecast.leaderboard.policy import BoardPolicy, Order
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.together import Together

MOST_BARS = 20
# While a board is being cut, its nodes may be read in different states, but not this many times in a row.
_ATTEMPTS = 6
_TOLERANT = 2

# Precise enough for a score divided by the width of a bar.
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of a board's entries score better, and how many there are in total.

    `position` counts on among tied entries (1, 2, 3, 4); None if that cannot be looked up.
    """

    above: int
    total: int
    position: int | None = None

    @property
    def rank(self) -> int:
        """The competition rank: 1, 2, 2, 4."""
        return self.above + 1

    @property
    def percentile(self) -> Decimal:
        """The share of the board's entries that do not score better, in percent with two decimals."""
        if not self.total:
            return Decimal(100)
        # An entry may be added between reading the total and counting the entries above.
        not_better = max(self.total - self.above, 0)
        return (Decimal(100) * not_better / self.total).quantize(Decimal("0.01"), ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class Bar:
    """The number of entries that score from `low` (inclusive) to `high` (exclusive)."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a board's order: before all entries with a score, or just `after` them.

    With `tie`, the key of one such entry or a prefix of some of their keys, the place is before (or just after) that
    key.
    """

    score: Decimal
    tie: str = ""
    after: bool = False


@dataclass(frozen=True, slots=True)
class RankIndex:
    """Ranks on any board; `by_score` and `by_tie` are the indexes of its entries."""

    table: IndexTable
    by_score: EntryIndex
    by_tie: EntryIndex
    together: Together

    def open(self, boards: Sequence[str], *, shapes: bool = True) -> dict[str, Board]:
        """Read the policies and roots of boards in one round trip; half a unit for each of their items.

        Without `shapes` the boards have totals, but nothing can be looked up in them.
        """
        batches = cut_batches(boards, HEADS)
        read = self.together(partial(self.table.read_heads, batch, shapes=shapes) for batch in batches)
        heads = {name: head for one in read for name, head in one.items()}
        return {name: Board(name, head.policy, _suited(head.root, head.policy), self) for name, head in heads.items()}


@dataclass(slots=True)
class Board:
    """An open board: its policy, and its root and its pages as they were read."""

    name: str
    policy: BoardPolicy
    root: Node
    index: RankIndex
    pages: dict[Block, Node] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of its entries."""
        return self.root.total

    @property
    def updated_at(self) -> str:
        """When its entries last changed (ISO 8601, UTC)."""
        return self.root.at

    @property
    def has_positions(self) -> bool:
        """Whether positions can be looked up: ties have an order, and the board, if it has been cut, was cut by it."""
        return self.policy.orders_ties and bool(self.root.ties or not self.root.shape.version)

    def rank_key(self, entry: StoredEntry) -> str:
        """Return the text that all entries with the same rank have in common."""
        return self.rank_key_at(entry.number, entry.tie_order)

    def rank_key_at(self, score: Decimal, tie: str) -> str:
        """Return the `rank_key` of an entry with this score and tie key."""
        return shared_prefix(tie, score, self.policy) if self.policy.then_by else score_order(score)

    def rank_place(self, score: Decimal, tie: str) -> Place:
        """Return the place before all entries that share the rank of an entry with this score and tie key."""
        return Place(score, self.rank_key_at(score, tie) if self.policy.then_by else "")

    def find(self, score: Decimal) -> Standing:
        """Find the standing of a score, whether or not an entry has it."""
        return self.find_many([score])[0]

    def find_many(self, scores: Sequence[Decimal]) -> list[Standing]:
        """Find the standings of scores."""
        return [Standing(above, self.total) for above in self.count_before([Place(score) for score in scores])]

    def find_entries(self, entries: Sequence[StoredEntry]) -> list[Standing]:
        """Find the standings of entries, with their positions if the board has them."""
        ties = [entry.tie_order if self.has_positions else "" for entry in entries]
        scores = [self.rank_place(entry.number, entry.tie_order) for entry in entries]
        places = [Place(entry.number, tie) for entry, tie in zip(entries, ties, strict=True)]
        counts = self.count_before([*scores, *places])
        found = zip(counts, counts[len(entries) :], ties, strict=False)
        return [Standing(above, self.total, before + 1 if tie else None) for above, before, tie in found]

    def count_before(self, places: Sequence[Place]) -> list[int]:
        """Count the entries before each place: read all their pages in one round trip, then make concurrent COUNTs."""
        keys, found = self._paths(places)
        pieces = self._pieces(keys, found)
        entries = self.index.by_tie if self.root.ties else self.index.by_score
        tied = [place for place in places if place.tie and not self.root.ties]
        calls = [partial(entries.count, self.name, low, high) for low, high in pieces]
        counts = self.index.together([*calls, *(partial(self._count_tied, place) for place in tied)])
        counted, before = dict(zip(pieces, counts, strict=False)), dict(zip(tied, counts[len(pieces) :], strict=True))
        sums = [
            one.better + self._inside(one, key, counted) + before.get(place, 0)
            for one, key, place in zip(found, keys, places, strict=True)
        ]
        # These were read one after another, so changes in between may make them disagree.
        return [min(max(one, 0), self.total) for one in sums]

    def block_at(self, position: int) -> Found | None:
        """Find the range of the entry at a position (1 is the best); None past the end. At most one round trip."""
        for attempt in range(_ATTEMPTS):
            found = find_position(self.root.shape, self.root.counts, position, best_first=self._best_first)
            if found is None or not self.root.shape.is_inner:
                return found
            [page] = self._pages([found.block], attempt).values()
            inside = find_position(page.shape, page.counts, position - found.better, best_first=self._best_first)
            if inside and self._agree({found.block: page}, attempt):
                return replace(inside, better=found.better + inside.better)
            self._read_again()
        raise _busy()

    def count_better(self, found: Found) -> int:
        """Count the entries that rank before a whole block; takes a look-up if the block begins among tied entries."""
        low = found.block.low
        prefix = prefix_in(low, self.policy) if self.root.ties else ""
        if not prefix:
            return found.better
        score = self.policy.order.sort_key(lowest_score(score_part(low)))
        return self.count_before([Place(score, prefix)])[0]

    def best_score(self, block: Block) -> Decimal | None:
        """Return the best score that an entry of a block can have; None if the block has no bound on that side."""
        if not self._best_first:
            return None if block.high == HIGHEST else previous_score(lowest_score(block.high))
        if block.low == LOWEST:
            return None
        return self.policy.order.sort_key(lowest_score(score_part(block.low) if self.root.ties else block.low))

    def histogram(self, low: Decimal, high: Decimal) -> list[Bar]:
        """Count the entries by score in bars of one width, from the lowest score to the highest; MOST_BARS at most.

        Costs one look-up for each end of a bar, all concurrent.
        """
        ends = _ends(low, high)
        is_ascending = self.policy.order is Order.ASCENDING
        better = self.count_before([Place(least_score(end), after=not is_ascending) for end in ends[1:-1]])
        inner = better if is_ascending else [self.total - count for count in better]
        below = accumulate([0, *inner, self.total], max)
        counts = (more - less for less, more in pairwise(below))
        return [Bar(low, high, count) for (low, high), count in zip(pairwise(ends), counts, strict=True)]

    @property
    def _best_first(self) -> bool:
        """Whether better entries have lower keys."""
        return bool(self.root.ties) or self.policy.order is Order.ASCENDING

    def _key(self, place: Place) -> str:
        """Return the key that bounds the entries before a place, which are at it too if better ones come last."""
        if self.root.ties and place.tie:
            return just_after(place.tie) if place.after else place.tie
        key = score_order(place.score, self.policy.order if self.root.ties else Order.ASCENDING)
        is_after = place.after and not place.tie
        return key + HIGHEST if is_after == self._best_first else key

    def _pieces(self, keys: Sequence[str], found: Sequence[Found]) -> list[tuple[str, str]]:
        """Return the key ranges to count on the better side of each key within its block, without overlaps."""
        ends: dict[Block, set[str]] = {}
        for one, key in zip(found, keys, strict=True):
            if one.count and key != one.block.low:
                ends.setdefault(one.block, {one.block.low if self._best_first else one.block.high}).add(key)
        return [piece for some in ends.values() for piece in pairwise(sorted(some))]

    def _inside(self, found: Found, key: str, counted: Mapping[tuple[str, str], int]) -> int:
        """Sum the entries of a block on the better side of a key."""
        block = found.block
        if key == block.low or not found.count:
            return 0 if self._best_first else found.count
        low, high = (block.low, key) if self._best_first else (key, block.high)
        inside = sum(count for (start, end), count in counted.items() if low <= start and end <= high)
        return min(inside, found.count)

    def _count_tied(self, place: Place) -> int:
        """Count the entries with the score of a place that are before it in the order of ties."""
        end = just_after(place.tie) if place.after else place.tie
        return self.index.by_tie.count(self.name, score_order(place.score, self.policy.order), end)

    def _paths(self, places: Sequence[Place]) -> tuple[list[str], list[Found]]:
        """Find the key and the block of each place; reads all their pages in one round trip."""
        for attempt in range(_ATTEMPTS):
            keys = [self._key(place) for place in places]
            counts = self.root.counts
            found = [find(self.root.shape, counts, key, best_first=self._best_first) for key in keys]
            pages = self._pages([one.block for one in found], attempt) if self.root.shape.is_inner else {}
            if self._agree(pages, attempt):
                return keys, self._in_pages(pages, found, keys) if pages else found
            self._read_again()
        raise _busy()

    def _in_pages(self, pages: Mapping[Block, Node], found: Sequence[Found], keys: Sequence[str]) -> list[Found]:
        """Return the block of each key on its page."""
        counts = {block: page.counts for block, page in pages.items()}
        inside = [
            find(pages[one.block].shape, counts[one.block], key, best_first=self._best_first)
            for one, key in zip(found, keys, strict=True)
        ]
        return [replace(one, better=page.better + one.better) for page, one in zip(found, inside, strict=True)]

    def _pages(self, blocks: Sequence[Block], attempt: int) -> dict[Block, Node]:
        """Return the pages that are these blocks of the root; each is read once."""
        missing = {block: block.ids[0] for block in blocks if block not in self.pages}
        read = self.index.table.read(self.name, [*missing.values()], consistent=attempt > 0) if missing else {}
        self.pages |= {block: read[one] for block, one in missing.items()}
        return {block: self.pages[block] for block in blocks}

    def _agree(self, pages: Mapping[Block, Node], attempt: int) -> bool:
        """Whether counts and shapes that were read one after another belong together.

        Counts that look old twice are valid: the new shape's fence has not been raised yet.
        """
        nodes = [self.root, *pages.values()]
        if any(node.is_newer or (node.is_older and attempt < _TOLERANT) for node in nodes):
            return False
        return all(
            page.shape.version > 0 and (page.shape.low, page.shape.high) == (block.low, block.high)
            for block, page in pages.items()
        )

    def _read_again(self) -> None:
        self.pages.clear()
        self.root = _suited(self.index.table.read(self.name, [ROOT], consistent=True)[ROOT], self.policy)


def _suited(root: Node, policy: BoardPolicy) -> Node:
    """Return a root by which a board with this policy can be read.

    If the root was cut by another order of ties than the policy's, treat the board as never cut, so that entries are
    counted. The same holds until the first cut is complete: an entry that arrives meanwhile may have no place among
    ties yet.
    """
    if not root.ties or (root.ties == policy.key_order and FIRST not in root.shape.old):
        return root
    return Node(shards=[Shard({FIRST: root.total}, at=root.at)])


def _ends(low: Decimal, high: Decimal) -> list[Decimal]:
    """Return the ends of the bars: as narrow as MOST_BARS allows, one, two or five times a power of ten wide.

    >>> [str(end) for end in _ends(Decimal(70), Decimal(71))][:3]
    ['70.0', '70.1', '70.2']
    """
    span = _EXACT.subtract(high, low)
    smallest = span.adjusted() - 2 if span else high.adjusted()
    widths = (Decimal((0, (many,), power)) for power in powers(smallest) for many in (1, 2, 5))
    width = next(one for one in widths if _bar_at(high, one) - _bar_at(low, one) < MOST_BARS)
    return [_EXACT.multiply(Decimal(at), width) for at in range(_bar_at(low, width), _bar_at(high, width) + 2)]


def _bar_at(score: Decimal, width: Decimal) -> int:
    return int(_EXACT.divide(score, width).to_integral_value(ROUND_FLOOR))


def _busy() -> NotAcknowledged:
    return NotAcknowledged("The board's index is being changed; ask again.")

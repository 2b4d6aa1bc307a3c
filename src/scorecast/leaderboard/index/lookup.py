"""Look-ups in the counting index: ranks, positions and the distribution of scores, for a board of any size.

A look-up reads the top of a board, then, on a large one, the page that holds the key, and counts the entries of one
range. So a rank takes three round trips at most, and two on a board of one page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Context, Decimal
from functools import partial
from itertools import count as powers
from itertools import pairwise

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.index.entries import EntryIndex
from scorecast.leaderboard.index.shape import Block, Found, find, find_position
from scorecast.leaderboard.index.table import TOP, IndexTable, Node
from scorecast.leaderboard.order_key import HIGHEST, score_order
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties

MOST_BARS = 20
# While a board is cut, its nodes may be read in different states; this many reads in a row do not happen.
_ATTEMPTS = 6
_TOLERANT = 2

_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Standing:
    """The number of a board's entries that score better, and of all its entries."""

    above: int
    total: int

    @property
    def rank(self) -> int:
        """The competition rank: 1, 2, 2, 4."""
        return self.above + 1

    @property
    def percentile(self) -> Decimal:
        """The share of the board's entries that do not score better, in percent with two decimals."""
        if not self.total:
            return Decimal(100)
        # An entry may be added between the read of the total and that of the entries above.
        not_better = max(self.total - self.above, 0)
        return (Decimal(100) * not_better / self.total).quantize(Decimal("0.01"), ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class Bar:
    """The number of entries that score from `low` (inclusive) to `high` (exclusive)."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class RankIndex:
    """Ranks on any board; `by_score` and `by_tie` are the indexes of its entries."""

    table: IndexTable
    by_score: EntryIndex
    by_tie: EntryIndex
    together: Callable[[Iterable[Callable[[], int]]], list[int]]

    def open(self, boards: Sequence[str], *, shapes: bool = True) -> dict[str, Board]:
        """Read the policies and tops of boards in one round trip, half a unit for each of their items.

        Without `shapes` the boards tell totals, but nothing can be looked up.
        """
        heads = self.table.read_heads(boards, shapes=shapes)
        return {name: Board(name, head.policy, head.top, self) for name, head in heads.items()}


@dataclass(slots=True)
class Board:
    """An open board: its policy, and its top as it was read."""

    name: str
    policy: BoardPolicy
    top: Node
    index: RankIndex

    @property
    def total(self) -> int:
        """The number of its entries."""
        return self.top.total

    @property
    def updated_at(self) -> str:
        """When its entries last changed (ISO 8601, UTC)."""
        return self.top.at

    @property
    def has_positions(self) -> bool:
        """Whether the position of an entry can be looked up: its order among ties is part of the index."""
        return self.top.ties and self.policy.ties is Ties.EARLIEST

    def find(self, score: Decimal) -> Standing:
        """Find the standing of a score, whether or not an entry has it."""
        return self.find_many([score])[0]

    def find_many(self, scores: Sequence[Decimal]) -> list[Standing]:
        """Find the standings of scores: their pages in one round trip, then a COUNT for each, at the same time."""
        if self.top.ties:  # keys that are better come first, and a score is before all its entries
            keys = [score_order(score, self.policy.order) for score in scores]
        elif self._best_first:
            keys = [score_order(score) for score in scores]
        else:
            keys = [score_order(score) + HIGHEST for score in scores]
        return [Standing(above, self.total) for above in self._above(keys)]

    def position(self, key: str) -> int:
        """Find the position of an entry by its order key: its rank among all, of which no two share one."""
        return self._above([key])[0] + 1

    def block_at(self, position: int) -> Found | None:
        """Find the range of the entry at a position (1 is the best); None past the end. One round trip at most."""
        for attempt in range(_ATTEMPTS):
            found = find_position(self.top.shape, self.top.counts, position, best_first=self._best_first)
            if found is None or not self.top.shape.is_inner:
                return found
            [page] = self._pages([found.block], attempt).values()
            inside = find_position(page.shape, page.counts, position - found.better, best_first=self._best_first)
            if inside and self._agree({found.block: page}, attempt):
                return replace(inside, better=found.better + inside.better)
            self._read_again()
        raise _busy()

    def histogram(self, low: Decimal, high: Decimal) -> list[Bar]:
        """Count the entries by score in bars of one width, from the lowest score to the highest; MOST_BARS at most.

        Costs a look-up for each end of a bar, all at the same time.
        """
        width = _width(low, high)
        first, last = (int((score / width).to_integral_value("ROUND_FLOOR")) for score in (low, high))
        ends = [_EXACT.multiply(Decimal(at), width) for at in range(first, last + 2)]
        below = self._below(ends)
        counts = (more - less for less, more in pairwise(below))
        return [Bar(low, high, count) for (low, high), count in zip(pairwise(ends), counts, strict=True)]

    def _below(self, scores: Sequence[Decimal]) -> list[int]:
        """Count the entries that score less than each score."""
        order = self.policy.order if self.top.ties else Order.ASCENDING
        if self.policy.order is Order.ASCENDING:
            return self._above([score_order(score, order) for score in scores])
        at_least = self._above([score_order(score, order) + (HIGHEST if self.top.ties else "") for score in scores])
        return [self.total - above for above in at_least]

    @property
    def _best_first(self) -> bool:
        """Whether better entries have lower keys."""
        return self.top.ties or self.policy.order is Order.ASCENDING

    def _above(self, keys: Sequence[str]) -> list[int]:
        """Count the entries on the better side of each key, and at it if better ones come last."""
        paths = self._paths(keys)
        counts = [partial(self._count, path, key) for path, key in zip(paths, keys, strict=True)]
        return [path.better + inside for path, inside in zip(paths, self.index.together(counts), strict=True)]

    def _count(self, found: Found, key: str) -> int:
        """Count the entries of a block on the better side of a key, or at it."""
        block = found.block
        if key == block.low or not found.count:
            return 0 if self._best_first else found.count
        low, high = (block.low, key) if self._best_first else (key, block.high)
        entries = self.index.by_tie if self.top.ties else self.index.by_score
        return entries.count(self.name, low, high)

    def _paths(self, keys: Sequence[str]) -> list[Found]:
        """Find the block of each key; the pages of all are read in one round trip."""
        for attempt in range(_ATTEMPTS):
            found = [find(self.top.shape, self.top.counts, key, best_first=self._best_first) for key in keys]
            pages = self._pages([one.block for one in found], attempt) if self.top.shape.is_inner else {}
            if self._agree(pages, attempt):
                if not pages:
                    return found
                return [self._inside(pages[one.block], one, key) for one, key in zip(found, keys, strict=True)]
            self._read_again()
        raise _busy()

    def _inside(self, page: Node, found: Found, key: str) -> Found:
        inside = find(page.shape, page.counts, key, best_first=self._best_first)
        return replace(inside, better=found.better + inside.better)

    def _pages(self, blocks: Sequence[Block], attempt: int) -> dict[Block, Node]:
        nodes = {block: block.ids[0] for block in blocks}
        read = self.index.table.read(self.name, [*nodes.values()], consistent=attempt > 0)
        return {block: read[one] for block, one in nodes.items()}

    def _agree(self, pages: Mapping[Block, Node], attempt: int) -> bool:
        """Whether counts and shapes that were read one after the other belong together.

        Counts that look old twice are those of a shape whose fence has not been raised yet.
        """
        nodes = [self.top, *pages.values()]
        if any(node.is_newer or (node.is_older and attempt < _TOLERANT) for node in nodes):
            return False
        return all(
            page.shape.version > 0 and (page.shape.low, page.shape.high) == (block.low, block.high)
            for block, page in pages.items()
        )

    def _read_again(self) -> None:
        self.top = self.index.table.read(self.name, [TOP], consistent=True)[TOP]


def _width(low: Decimal, high: Decimal) -> Decimal:
    """Return the least of one, two or five times a power of ten that makes MOST_BARS bars at most."""
    smallest = (high - low).adjusted() - 2 if high > low else high.adjusted()
    widths = (Decimal((0, (many,), power)) for power in powers(smallest) for many in (1, 2, 5))
    return next(width for width in widths if (high - low) / width < MOST_BARS - 1)


def _busy() -> NotAcknowledged:
    return NotAcknowledged("The board's index is being changed; ask again.")

"""Shape: where a node of the counting index cuts a board's order keys, and how the cuts change. Pure.

A **node** covers the keys from `low` to `high` and cuts them into parts at `starts`; each part has an id and a count.
The parts of a **page** are ranges, in which entries are counted. The parts of a large board's root are pages.

When ranges of a page are replaced, the new ones take their place at once, and a **move** remembers the old ones until
no entry is counted in them. Until then the whole run is one **block**: a look-up in it counts entries instead of
trusting the counts of its ranges. So no look-up waits, and all are exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, islice, pairwise
from math import ceil, sqrt

from scorecast.leaderboard.order_key import HIGHEST, LOWEST, separator

# A look-up counts the entries of one range: 280 entries of 95 bytes are 27 KB of the index by score, or three and a
# half read units. So a look-up costs at most ten, even among ten million scores of 38 digits.
RANGE_ENTRIES = 280
# A range is split into parts of this many: four parts cost a third of the moves that two would, because they last
# longer.
PART_ENTRIES = 70
# Four or more neighbouring ranges that together hold no more than this are joined. It is half a full range, so that a
# joined range is not split again at once.
MERGED_ENTRIES = 140
MERGED_RANGES = 4
# A page with more ranges is cut. Up to this number its counters stay below 1 KB, above which a write costs a second
# unit.
PAGE_RANGES = 130
# How full a rebuild makes ranges and pages: not so full that they are soon split, nor so empty that many are soon
# joined.
FILLED_RANGE, FILLED_PAGE = 0.5, 0.7

FIRST = "0"
"""The range of a board that has never been cut; an entry that names no range is in it."""

Counts = Mapping[str, int]
"""The number of entries in each range or page, by id."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a node: the keys from `low` (inclusive) to `high` (exclusive), counted under `ids`."""

    low: str
    high: str
    ids: tuple[str, ...]

    @property
    def is_single(self) -> bool:
        """Whether only one key fits in, so that no entry is better than another."""
        return self.low != LOWEST and self.high == self.low + HIGHEST

    def count(self, counts: Counts) -> int:
        """Return the number of its entries."""
        return sum(counts.get(one, 0) for one in self.ids)


@dataclass(frozen=True, slots=True)
class Move:
    """A run of ranges from `low` to `high` (exclusive) that replaced the `old` ones, which may still count entries."""

    low: str
    high: str
    old: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Ranges of a page to replace, from `low` to `high` (exclusive), by about `parts` new ones."""

    low: str
    high: str
    parts: int


@dataclass(frozen=True)
class Shape:
    """A node: part `ids[n]` begins at `starts[n]`. Every change raises the version.

    >>> board = Shape().replaced(LOWEST, HIGHEST, [LOWEST, "2132"], ["1", "2"])
    >>> board.id_at("2131"), board.id_at("2132"), [block.ids for block in board.blocks]
    ('1', '2', [('0', '1', '2')])
    >>> [block.ids for block in board.finished().blocks]
    [('1',), ('2',)]
    """

    version: int = 0
    starts: tuple[str, ...] = (LOWEST,)
    ids: tuple[str, ...] = (FIRST,)
    high: str = HIGHEST
    move: Move | None = None
    is_inner: bool = False

    @property
    def low(self) -> str:
        """The first key."""
        return self.starts[0]

    @property
    def old(self) -> tuple[str, ...]:
        """The ranges that were replaced and may still count entries."""
        return self.move.old if self.move else ()

    @cached_property
    def known(self) -> frozenset[str]:
        """All ids that it counts by: those of its parts and of replaced ranges."""
        return frozenset((*self.ids, *self.old))

    @cached_property
    def blocks(self) -> list[Block]:
        """The parts in key order; the parts of a move are one block. O(parts), once."""
        parts = [Block(low, high, (one,)) for low, high, one in zip(self.starts, self._ends, self.ids, strict=True)]
        return [_block(list(run), self.move) for _, run in groupby(parts, key=self._run_of)]

    def id_at(self, key: str) -> str:
        """Return the id of the part that holds a key. O(log parts)."""
        return self.ids[bisect_right(self.starts, key) - 1]

    def holds(self, key: str) -> bool:
        """Whether the node covers a key."""
        return self.low <= key < self.high

    def counts_in(self, key: str, one: str) -> bool:
        """Whether an entry with a key may be counted in a range: the key's own, or one that was replaced there."""
        if self.move and one in self.move.old:
            return self.move.low <= key < self.move.high
        return one == self.id_at(key)

    def replaced(self, low: str, high: str, starts: Sequence[str], ids: Sequence[str]) -> Shape:
        """Return the page with new ranges from `low` to `high` (exclusive), both ends of ranges. Starts a move."""
        first, last = self._at(low), self._at(high)
        return replace(
            self,
            version=self.version + 1,
            starts=(*self.starts[:first], *starts, *self.starts[last:]),
            ids=(*self.ids[:first], *ids, *self.ids[last:]),
            move=Move(low, high, self.ids[first:last]),
        )

    def finished(self) -> Shape:
        """Return the page without its move, once no old range counts an entry."""
        return replace(self, version=self.version + 1, move=None)

    def cut(self) -> tuple[Shape, Shape]:
        """Return the lower and the upper half of a page that has no move."""
        middle = len(self.ids) // 2
        lower = replace(
            self,
            version=self.version + 1,
            starts=self.starts[:middle],
            ids=self.ids[:middle],
            high=self.starts[middle],
        )
        return lower, replace(self, version=1, starts=self.starts[middle:], ids=self.ids[middle:])

    def joined(self, upper: Shape) -> Shape:
        """Return this page with the ranges of the next one added; neither may have a move."""
        return replace(
            self,
            version=self.version + 1,
            starts=self.starts + upper.starts,
            ids=self.ids + upper.ids,
            high=upper.high,
        )

    def with_part(self, start: str, one: str) -> Shape:
        """Return the node with one more part, which begins at `start`."""
        at = bisect_right(self.starts, start)
        starts, ids = (*self.starts[:at], start, *self.starts[at:]), (*self.ids[:at], one, *self.ids[at:])
        return replace(self, version=self.version + 1, starts=starts, ids=ids)

    def without_part(self, one: str) -> Shape:
        """Return the node without a part; the part before it takes over its keys."""
        at = self.ids.index(one)
        starts, ids = self.starts[:at] + self.starts[at + 1 :], self.ids[:at] + self.ids[at + 1 :]
        return replace(self, version=self.version + 1, starts=starts, ids=ids)

    @property
    def _ends(self) -> tuple[str, ...]:
        return (*self.starts[1:], self.high)

    def _at(self, end: str) -> int:
        return len(self.ids) if end == self.high else self.starts.index(end)

    def _run_of(self, part: Block) -> str:
        """Return a text that is the same for all parts of a block."""
        return self.move.low if self.move and self.move.low <= part.low < self.move.high else part.low

    @property
    def is_sound(self) -> bool:
        """Whether every invariant holds: ends are in order, ids are valid and distinct, a move is bounded by ends."""
        ids = (*self.ids, *self.old)
        return (
            (self.version > 0 or self == Shape())
            and len(self.ids) == len(self.starts)
            and all(low < high for low, high in pairwise((*self.starts, self.high)))
            and len(set(ids)) == len(ids)
            and all(one.isascii() and one.isalnum() and one == one.upper() for one in ids)
            and (not self.move or self._is_on_ends(self.move))
        )

    def _is_on_ends(self, move: Move) -> bool:
        return not self.is_inner and move.low < move.high and move.low in self.starts and move.high in self._ends

    def _check(self) -> None:
        """Assert every invariant."""
        assert self.is_sound, self


def _block(parts: list[Block], move: Move | None) -> Block:
    ids = tuple(one for part in parts for one in part.ids)
    is_moved = move is not None and move.low == parts[0].low
    return Block(parts[0].low, parts[-1].high, (move.old if move and is_moved else ()) + ids)


@dataclass(frozen=True, slots=True)
class Found:
    """A block of a node, its number of entries, and how many of the node's entries are better than all of these."""

    block: Block
    count: int
    better: int


def find(shape: Shape, counts: Counts, key: str, *, best_first: bool) -> Found:
    """Find the block that holds a key; `best_first` means that lower keys are better. O(parts).

    >>> find(Shape(1, ("", "5"), ("1", "2")), {"1": 10, "2": 3}, "7", best_first=True).better
    10
    """
    blocks = shape.blocks
    at = bisect_right([block.low for block in blocks], key) - 1
    better = blocks[:at] if best_first else blocks[at + 1 :]
    return Found(blocks[at], blocks[at].count(counts), sum(block.count(counts) for block in better))


def find_position(shape: Shape, counts: Counts, position: int, *, best_first: bool) -> Found | None:
    """Find the block that holds the entry at a position (1 is the best); None past the end. O(parts)."""
    better = 0
    for block in shape.blocks if best_first else reversed(shape.blocks):
        count = block.count(counts)
        if better + count >= position:
            return Found(block, count, better)
        better += count
    return None


def overdue(shape: Shape, counts: Counts) -> Replacement | None:
    """Return the ranges to replace on a page without a move: a full one, or a run that holds few entries."""
    full = max(shape.blocks, key=lambda block: 0 if block.is_single else block.count(counts))
    if not full.is_single and full.count(counts) > RANGE_ENTRIES:
        return Replacement(full.low, full.high, ceil(full.count(counts) / PART_ENTRIES))
    run = max(_small_runs(shape.blocks, counts), key=len, default=[])
    return Replacement(run[0].low, run[-1].high, 1) if run else None


def _small_runs(blocks: Iterable[Block], counts: Counts) -> Iterator[list[Block]]:
    """Yield runs of ranges that may be joined: at least MERGED_RANGES ranges, or several empty ones."""
    run: list[Block] = []
    held = 0
    for block in (*blocks, None):
        more = block.count(counts) if block else MERGED_ENTRIES + 1
        if held + more > MERGED_ENTRIES:
            if len(run) >= MERGED_RANGES or (len(run) > 1 and not held):
                yield run
            run, held = [], 0
        if block and more <= MERGED_ENTRIES:
            run.append(block)
            held += more


def cuts(keys: Sequence[str], low: str, high: str, parts: int) -> list[str]:
    """Return where to cut sorted keys into similar parts: between different keys, and around a key with many ties.

    O(keys).

    >>> cuts(["10", "12", "22", "25"], LOWEST, HIGHEST, 2)
    ['2']
    """
    return [cut for cut in _cuts(keys, len(keys) / parts) if low < cut < high]


def starts_of(keys: Iterable[str]) -> list[str]:
    """Return the starts of new ranges for all keys of a board, given in order. O(keys), memory O(ranges)."""
    return [LOWEST, *_cuts(keys, RANGE_ENTRIES * FILLED_RANGE)]


def _cuts(keys: Iterable[str], size: float) -> Iterator[str]:
    """Yield where to cut sorted keys into parts of about the given size."""
    before, passed, due = LOWEST, 0, size
    for key, same in groupby(keys):
        many = sum(1 for _ in same)
        if many > PART_ENTRIES:
            yield from (key, key + HIGHEST)
            due = passed + many + size
        elif passed >= due:
            yield separator(before, key)
            due = passed + size
        before, passed = key, passed + many


def build(starts: Sequence[str], ids: Iterator[str], version: int) -> tuple[Shape, dict[str, Shape]]:
    """Return the root of a board with these ranges, and its pages (empty if the ranges fit into the root). O(ranges).

    >>> root, pages = build(["", *(f"2{at:03}" for at in range(150))], iter(f"R{at}" for at in range(200)), version=7)
    >>> root.starts, [len(page.ids) for page in pages.values()]
    (('', '2075'), [76, 75])
    """
    if len(starts) <= PAGE_RANGES:
        return Shape(version, tuple(starts), tuple(islice(ids, len(starts)))), {}
    # The more pages there are, the more ranges a page may have; upkeep.py has the same rule for boards that grow.
    filled = max(PAGE_RANGES * FILLED_PAGE, sqrt(len(starts) * FILLED_PAGE))
    size = ceil(len(starts) / ceil(len(starts) / filled))
    runs = [tuple(starts[at : at + size]) for at in range(0, len(starts), size)]
    ends = [*(run[0] for run in runs[1:]), HIGHEST]
    pages = {
        next(ids): Shape(version, run, tuple(islice(ids, len(run))), end) for run, end in zip(runs, ends, strict=True)
    }
    return Shape(version, tuple(run[0] for run in runs), tuple(pages), is_inner=True), pages

"""A rank in at most three round trips and a bounded number of read units, for a board of any size.

On a small board a COUNT reads every entry above a score. On a large board the index reads the nodes on the score's path
and counts only the entries of its last range. Both are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from scorecast.leaderboard.index.counters import ROOT, Located, Node, above_outside_range, locate, path_nodes, total
from scorecast.leaderboard.index.digits import above_in_range
from scorecast.leaderboard.index.histogram import Bar, histogram
from scorecast.leaderboard.index.table import CounterTable
from scorecast.leaderboard.policy import BoardPolicy, Order

# Up to this total a COUNT of all entries above costs fewer read units than the two nodes below the root, for the median
# entry of a board, and one round trip less (measured: bench/results/small.json).
COUNTED_TOTAL = 500

CountAbove = Callable[[str, Decimal, Order], int]
"""Counts a board's entries that score better than a score."""
CountBetween = Callable[[str, Decimal, Decimal], int]
"""Counts a board's entries from a lowest score to a highest, both inclusive."""


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
class RankIndex:
    """Ranks on any board."""

    counters: CounterTable
    count_above: CountAbove
    count_between: CountBetween

    def open(self, boards: Sequence[str]) -> dict[str, Board]:
        """Read the policies and roots of boards: (SHARDS + 1) / 2 read units each, 25 boards in a round trip."""
        roots = self.counters.read_roots(boards)
        return {name: Board(name, root.policy, root.counts, root.updated_at, self) for name, root in roots.items()}


@dataclass(frozen=True, slots=True)
class Board:
    """An open board: its policy, its root, and when its entries last changed (ISO 8601, UTC)."""

    name: str
    policy: BoardPolicy
    root: Node
    updated_at: str
    index: RankIndex

    @property
    def total(self) -> int:
        """The number of its entries."""
        return total({ROOT: self.root})

    def locate(self, position: int) -> Located | None:
        """Find the range of the entry at a position (1 is the best): two nodes, one after another."""
        return locate(self._read, position, self.policy.order)

    def histogram(self) -> list[Bar]:
        """Count the entries by score in at most 50 bars: two round trips, and a dozen nodes at most."""
        return histogram(self._read)

    def find(self, score: Decimal) -> Standing:
        """Find the standing of a score, whether or not an entry has it."""
        return self.find_many([score])[0]

    def find_many(self, scores: Sequence[Decimal]) -> list[Standing]:
        """Find the standings of scores: the nodes of all in one round trip, and a COUNT for each.

        On a small board the COUNT reads all entries above a score. On others each score costs two nodes (SHARDS units)
        and a COUNT within its last range.
        """
        entries, order = self.total, self.policy.order
        if entries <= COUNTED_TOTAL:
            return [Standing(self.index.count_above(self.name, score, order), entries) for score in scores]
        nodes = self._read([node for score in scores for node in path_nodes(score)])
        return [Standing(above_outside_range(nodes, score, order) + self._inside(score), entries) for score in scores]

    def _inside(self, score: Decimal) -> int:
        within = above_in_range(score, self.policy.order)
        return self.index.count_between(self.name, *within) if within else 0

    def _read(self, nodes: Sequence[str]) -> dict[str, Node]:
        """Read nodes; the root has been read already."""
        below = [node for node in dict.fromkeys(nodes) if node != ROOT]
        known = {ROOT: self.root} if ROOT in nodes else {}
        return known | (self.index.counters.read(self.name, below).nodes if below else {})

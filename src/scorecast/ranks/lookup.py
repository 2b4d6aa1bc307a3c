"""A rank in at most three round trips and a bounded number of read units, however large the board.

Small boards are counted, large ones looked up: a COUNT reads every entry above, the index reads the nodes on the
score's path and counts only the entries of its last range. Both are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from scorecast.ranks.counters import ROOT, Located, above_outside_range, locate, path_nodes, total
from scorecast.ranks.digits import above_in_range
from scorecast.ranks.histogram import Bar, histogram
from scorecast.ranks.table import CounterTable

# Up to here a COUNT of all that is above costs fewer read units than the two nodes below the root, at the median
# of a board's entries, and one round trip less (measured: bench/results/small.json).
COUNTED_TOTAL = 500

CountAbove = Callable[[str, Decimal], int]
"""Counts a board's entries above a score."""
CountBetween = Callable[[str, Decimal, Decimal], int]
"""Counts a board's entries from a lowest score to a highest; both belong to it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many entries of a board score higher, and how many there are."""

    above: int
    total: int

    @property
    def rank(self) -> int:
        """The competition rank: 1, 2, 2, 4."""
        return self.above + 1

    @property
    def percentile(self) -> Decimal:
        """The share of the board's entries, in percent to two places, that do not score higher."""
        if not self.total:
            return Decimal(100)
        return (Decimal(100) * (self.total - self.above) / self.total).quantize(Decimal("0.01"), ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class Size:
    """How many entries a board has, and when they last changed (ISO 8601, UTC)."""

    total: int
    updated_at: str


@dataclass(frozen=True, slots=True)
class RankIndex:
    """Ranks on any board."""

    counters: CounterTable
    count_above: CountAbove
    count_between: CountBetween

    def sizes(self, boards: list[str]) -> dict[str, Size]:
        """Count the entries of boards: LANES / 2 read units each."""
        roots = self.counters.read_boards(boards, [ROOT])
        return {board: Size(total(root.nodes), root.updated_at) for board, root in roots.items()}

    def locate(self, board: str, position: int) -> Located | None:
        """Find the range of the entry at a position (1 is the best): three nodes, one after another."""
        return locate(lambda nodes: self.counters.read(board, nodes).nodes, position)

    def histogram(self, board: str) -> list[Bar]:
        """Count the entries by score in at most 50 bars: three round trips, and a dozen nodes at most."""
        return histogram(lambda nodes: self.counters.read(board, nodes).nodes)

    def find(self, board: str, score: Decimal) -> Standing:
        """Find where a score stands, whether or not an entry has it."""
        return self.find_many(board, [score])[0]

    def find_many(self, board: str, scores: Sequence[Decimal]) -> list[Standing]:
        """Find where scores stand: the nodes in one round trip for all, a count for each.

        The root (LANES / 2 units); then, on a small board, a COUNT of what is above each; on others two nodes
        (LANES units) and a COUNT within the score's last range for each.
        """
        nodes = self.counters.read(board, [ROOT]).nodes
        everybody = total(nodes)
        if everybody <= COUNTED_TOTAL:
            return [Standing(self.count_above(board, score), everybody) for score in scores]
        below_root = {node: None for score in scores for node in path_nodes(score)[1:]}
        nodes |= self.counters.read(board, list(below_root)).nodes
        return [Standing(above_outside_range(nodes, score) + self._inside(board, score), everybody) for score in scores]

    def _inside(self, board: str, score: Decimal) -> int:
        within = above_in_range(score)
        return self.count_between(board, *within) if within else 0

"""A rank in at most three round trips and a bounded number of read units, however large the board.

Small boards are counted, large ones looked up: a COUNT reads every entry above, the index reads the nodes on the
score's path and counts only the entries of its last range. Both are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from scorecast.ranks.counters import ROOT, above_outside_range, path_nodes, total
from scorecast.ranks.digits import above_in_range
from scorecast.ranks.table import CounterTable

# Up to here counting the whole board costs no more read units than the index's two nodes below the root would
# (measured on DynamoDB Local: bench/ranks.py).
COUNTED_TOTAL = 1000

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


@dataclass(frozen=True, slots=True)
class RankIndex:
    """Ranks on any board."""

    counters: CounterTable
    count_above: CountAbove
    count_between: CountBetween

    def totals(self, boards: list[str]) -> dict[str, int]:
        """Count the entries of boards: LANES / 2 read units each."""
        roots = self.counters.read_boards(boards, [ROOT])
        return {board: total(nodes) for board, nodes in roots.items()}

    def find(self, board: str, score: Decimal) -> Standing:
        """Find where a score stands, whether or not an entry has it.

        The root (LANES / 2 units); then, for a small board, one COUNT of what is above; for others two nodes
        (LANES units) and one COUNT within the score's last range.
        """
        nodes = self.counters.read(board, [ROOT])
        everybody = total(nodes)
        if everybody <= COUNTED_TOTAL:
            return Standing(self.count_above(board, score), everybody)
        below_root = path_nodes(score)[1:]
        nodes |= self.counters.read(board, below_root) if below_root else {}
        within = above_in_range(score)
        inside = self.count_between(board, *within) if within else 0
        return Standing(above_outside_range(nodes, score) + inside, everybody)

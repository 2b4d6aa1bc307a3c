"""A rank in at most three round trips and a bounded number of read units, however large the board.

Small boards are counted, large ones looked up: a COUNT reads every entry above, the index reads the nodes on the
score's path and counts only the entries of its last range. Both are exact.
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

# Up to here a COUNT of all that is above costs fewer read units than the two nodes below the root, at the median
# of a board's entries, and one round trip less (measured: bench/results/small.json).
COUNTED_TOTAL = 500

CountAbove = Callable[[str, Decimal, Order], int]
"""Counts a board's entries that score better than a score."""
CountBetween = Callable[[str, Decimal, Decimal], int]
"""Counts a board's entries from a lowest score to a highest; both belong to it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many entries of a board score better, and how many there are."""

    above: int
    total: int

    @property
    def rank(self) -> int:
        """The competition rank: 1, 2, 2, 4."""
        return self.above + 1

    @property
    def percentile(self) -> Decimal:
        """The share of the board's entries, in percent to two places, that do not score better."""
        if not self.total:
            return Decimal(100)
        return (Decimal(100) * (self.total - self.above) / self.total).quantize(Decimal("0.01"), ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class RankIndex:
    """Ranks on any board."""

    counters: CounterTable
    count_above: CountAbove
    count_between: CountBetween

    def open(self, boards: Sequence[str]) -> dict[str, Board]:
        """Read what all answers about boards begin with: (SHARDS + 1) / 2 read units each, 25 in a round trip."""
        roots = self.counters.read_roots(boards)
        return {name: Board(name, root.policy, root.counts, root.updated_at, self) for name, root in roots.items()}


@dataclass(frozen=True, slots=True)
class Board:
    """A board as it was opened: its policy, its root, and when its entries last changed (ISO 8601, UTC)."""

    name: str
    policy: BoardPolicy
    root: Node
    updated_at: str
    index: RankIndex

    @property
    def total(self) -> int:
        """How many entries it has."""
        return total({ROOT: self.root})

    def locate(self, position: int) -> Located | None:
        """Find the range of the entry at a position (1 is the best): two nodes, one after another."""
        return locate(self._read, position, self.policy.order)

    def histogram(self) -> list[Bar]:
        """Count the entries by score in at most 50 bars: two round trips, and a dozen nodes at most."""
        return histogram(self._read)

    def find(self, score: Decimal) -> Standing:
        """Find where a score stands, whether or not an entry has it."""
        return self.find_many([score])[0]

    def find_many(self, scores: Sequence[Decimal]) -> list[Standing]:
        """Find where scores stand: the nodes in one round trip for all, a count for each.

        On a small board a COUNT of what is above each; on others two nodes (SHARDS units) and a COUNT within the
        score's last range for each.
        """
        everybody, order = self.total, self.policy.order
        if everybody <= COUNTED_TOTAL:
            return [Standing(self.index.count_above(self.name, score, order), everybody) for score in scores]
        nodes = self._read([node for score in scores for node in path_nodes(score)])
        return [Standing(above_outside_range(nodes, score, order) + self._inside(score), everybody) for score in scores]

    def _inside(self, score: Decimal) -> int:
        within = above_in_range(score, self.policy.order)
        return self.index.count_between(self.name, *within) if within else 0

    def _read(self, nodes: Sequence[str]) -> dict[str, Node]:
        """Read nodes; the root is there already."""
        below = [node for node in dict.fromkeys(nodes) if node != ROOT]
        known = {ROOT: self.root} if ROOT in nodes else {}
        return known | (self.index.counters.read(self.name, below).nodes if below else {})

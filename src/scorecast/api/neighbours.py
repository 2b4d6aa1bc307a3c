"""The ranks of an entry's neighbours, from their order and one lookup for each side. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

Scores = Sequence[Decimal]
"""The scores above or below an entry, the nearest first; entries tied with it come before the others."""


def share_places(above: int, below: int, each: int) -> tuple[int, int]:
    """Return how many neighbours to show above and below: `each`, or more where the other side has fewer."""
    shown_above = min(above, max(each, 2 * each - below))
    return shown_above, min(below, 2 * each - shown_above)


def ranks_above(scores: Scores, mine: Decimal, rank: int, farthest_rank: int) -> list[int]:
    """Rank the entries above; `farthest_rank` is the rank of the last score, whose ties may lie further on. O(n)."""
    ties = sum(score == mine for score in scores)
    last_at = {score: at for at, score in enumerate(scores)}
    return [
        rank if score == mine else farthest_rank if score == scores[-1] else rank - 1 - (last_at[score] - ties)
        for score in scores
    ]


def ranks_below(scores: Scores, mine: Decimal, rank: int, first_worse_rank: int) -> list[int]:
    """Rank the entries below; `first_worse_rank` is the rank of the first score that is worse. O(n)."""
    ties = sum(score == mine for score in scores)
    first_at: dict[Decimal, int] = {}
    for at, score in enumerate(scores):
        first_at.setdefault(score, at)
    return [rank if score == mine else first_worse_rank + first_at[score] - ties for score in scores]

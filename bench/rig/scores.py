"""Scores of seven shapes, and the sorted list that ranks and positions are compared with."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from scorecast.leaderboard.policy import Order

Draw = Callable[[random.Random], Decimal]

WEEK_MS = 7 * 24 * 3600 * 1000
# 2026-01-01T00:00:00Z.
NEW_YEAR_MS = 1_767_225_600_000
# A participant of a board whose scores only rise has taken up to so many steps, which have this length on average.
STEPS = 100
STEP = 10

SHAPES: dict[str, Draw] = {
    # Whole points below a million.
    "uniform": lambda draw: Decimal(draw.randrange(1_000_000)),
    # Marks from 0 to 100: at a million entries about ten thousand share each.
    "tied": lambda draw: Decimal(draw.randrange(101)),
    # A Pareto distribution to a hundredth of a point: most near 100, a few in the millions.
    "long tail": lambda draw: Decimal(round(draw.paretovariate(1.2) * 10_000)) / 100,
    # As of players of chess: normal around 1,500.
    "ratings": lambda draw: Decimal(round(draw.gauss(1500, 300))),
    # Milliseconds since 1970, all in one week: the first four digits are the same.
    "milliseconds": lambda draw: Decimal(NEW_YEAR_MS + draw.randrange(WEEK_MS)),
    # The sum of a random number of random steps; a gamma distribution is that of a sum of exponential ones.
    "rising": lambda draw: Decimal(round(draw.gammavariate(draw.randint(1, STEPS), STEP))),
    # As many digits as a DynamoDB number has.
    "fractions": lambda draw: Decimal(draw.randrange(10**38)).scaleb(-38),
}

Change = Callable[[random.Random, Decimal], Decimal]

CHANGES: dict[str, Change] = {
    # Each change is a new draw from all of the board's scores.
    "redrawn": lambda draw, _: SHAPES["uniform"](draw),
    # Ratings that move by some points in either direction.
    "drifting": lambda draw, score: score + round(draw.gauss(0, 30)),
    # Scores that only rise leave the lower ranges behind.
    "rising": lambda draw, score: score + 1 + round(draw.expovariate(1 / STEP)),
}
"""How the score of a participant who is on the board changes, by name."""
CHANGED_SHAPES = {"redrawn": "uniform", "drifting": "ratings", "rising": "rising"}
"""The shape of the scores before they change."""


@dataclass
class Oracle:
    """The scores of a board by participant and as a sorted list."""

    scores: dict[str, Decimal] = field(default_factory=dict)
    ordered: list[Decimal] = field(default_factory=list)

    def add(self, entries: Iterable[tuple[str, Decimal]]) -> None:
        """Add new entries."""
        self.scores.update(entries)
        self.ordered = sorted(self.scores.values())

    def replace(self, participant: str, score: Decimal) -> None:
        """Give a participant another score."""
        self.ordered.pop(bisect_right(self.ordered, self.scores[participant]) - 1)
        insort(self.ordered, score)
        self.scores[participant] = score

    def rank(self, score: Decimal, order: Order = Order.DESCENDING) -> int:
        """Return the competition rank of a score: 1, 2, 2, 4."""
        return rank_in(self.ordered, score, order)


def rank_in(ordered: Sequence[Decimal], score: Decimal, order: Order = Order.DESCENDING) -> int:
    """Return the competition rank of a score among sorted ones."""
    return 1 + (
        bisect_left(ordered, score) if order is Order.ASCENDING else len(ordered) - bisect_right(ordered, score)
    )


def draw_scores(shape: str, many: int, first: int = 0) -> Iterator[Decimal]:
    """Draw scores; every call with the same arguments draws the same ones."""
    draw = random.Random(f"{shape} {first}")
    return (SHAPES[shape](draw) for _ in range(many))


def draw_entries(shape: str, many: int, first: int = 0) -> Iterator[tuple[str, Decimal]]:
    """Draw participants and scores; every call with the same arguments draws the same ones."""
    return zip((name_of(number) for number in range(first, first + many)), draw_scores(shape, many, first), strict=True)


def name_of(number: int) -> str:
    """Return the id of a participant."""
    return f"player{number:07}"

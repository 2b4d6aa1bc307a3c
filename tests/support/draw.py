"""Draws from a seed: the same values with every version of Python, unlike `Random.choice`."""

from collections.abc import Sequence
from random import Random
from typing import Any


class Draw:
    """Draws one of several values, and says yes with a probability."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def below(self, most: int) -> int:
        return int(self._random.random() * most)

    def of(self, values: Sequence[Any]) -> Any:
        return values[self.below(len(values))]

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

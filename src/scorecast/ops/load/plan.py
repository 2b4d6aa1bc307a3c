"""The changes of a load: what a busy day of a contest writes to the main table. The same seed makes the same changes.

First each participant enters boards, then scores change, mostly upwards; some participants leave and come back. Only
loads use these names of participants and boards, so a load touches no other data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

_NAMES = (
    *("Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "John"),
    *("Katherine", "Linus", "Margaret", "Niklaus", "Ole", "Radia", "Shafi", "Tim", "Ursula", "Vint", "Whitfield"),
)
_KEY = re.compile(r"load-\d{5,} load-board-\d+")
# Shares in percent of the changes after the first entries; the remaining changes raise a score.
_LEAVES_PER_CENT = 3
_RETURNS_PER_CENT = 3
_FALLS_PER_CENT = 8


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """The size of a load: the number of changes, participants and boards, and the seed."""

    changes: int
    participants: int
    boards: int
    seed: int

    def board_names(self) -> list[str]:
        """List the boards that a load writes to."""
        return [f"load-board-{number}" for number in range(1, self.boards + 1)]


@dataclass(frozen=True, slots=True)
class Write:
    """One write of one item; without a score it deletes the item."""

    participant: str
    board: str
    score: int | None
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """The item's key: the participant and the board."""
        return self.participant, self.board


def is_of_load(participant: str, board: str) -> bool:
    """Whether an item with these keys belongs to a load.

    >>> is_of_load("load-00001", "load-board-1")
    True
    >>> is_of_load("load-00001", "StarWar") or is_of_load("1", "load-board-1") or is_of_load("load-x", "load-board-1")
    False
    """
    return _KEY.fullmatch(f"{participant} {board}") is not None


@dataclass(slots=True)
class _Contest:
    """The scores of participants on boards, and the participants who have left."""

    random: Random
    standing: list[Write] = field(default_factory=list)
    gone: list[Write] = field(default_factory=list)

    def enter(self, participant: str, board: str, name: str) -> Write:
        self.standing.append(Write(participant, board, self.random.randint(0, 100), name))
        return self.standing[-1]

    def change(self) -> Write:
        chance = self.random.randrange(100)
        if chance < _LEAVES_PER_CENT and len(self.standing) > 1:
            return self._leave()
        if chance >= 100 - _RETURNS_PER_CENT and self.gone:
            return self._return()
        return self._rescore(falls=chance < _LEAVES_PER_CENT + _FALLS_PER_CENT)

    def _leave(self) -> Write:
        write = self.standing.pop(self.random.randrange(len(self.standing)))
        self.gone.append(write)
        return Write(write.participant, write.board, None, write.name)

    def _return(self) -> Write:
        write = self.gone.pop(self.random.randrange(len(self.gone)))
        return self.enter(write.participant, write.board, write.name)

    def _rescore(self, *, falls: bool) -> Write:
        at = self.random.randrange(len(self.standing))
        before = self.standing[at]
        step = self.random.randint(1, 10) if falls else self.random.randint(1, 50)
        score = (before.score or 0) + (-step if falls else step)
        self.standing[at] = Write(before.participant, before.board, score, before.name)
        return self.standing[at]


def plan(wanted: LoadPlan) -> Iterator[Write]:
    """Yield the planned number of writes, each of which changes its item."""
    random = Random(wanted.seed)
    contest = _Contest(random)
    entering = list(_entries(wanted, random))
    random.shuffle(entering)
    for participant, board, name in entering[: wanted.changes]:
        yield contest.enter(participant, board, name)
    for _ in range(wanted.changes - len(entering)):
        yield contest.change()


def _entries(wanted: LoadPlan, random: Random) -> Iterator[tuple[str, str, str]]:
    """Yield which participant enters which board: everyone enters at least one, and no board stays empty."""
    names = wanted.board_names()
    for number in range(1, wanted.participants + 1):
        joined = set(random.sample(names, random.randint(1, wanted.boards)))
        if number == 1:
            joined = set(names)
        for board in sorted(joined):
            yield f"load-{number:05}", board, f"{_NAMES[number % len(_NAMES)]} {number}"

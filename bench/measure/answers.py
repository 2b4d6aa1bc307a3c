"""What the API reads for its answers, on boards of all shapes of scores, and on one that orders ties.

Every rank, position and total is compared with a sorted list. Part of `python -m bench.measure.ranks`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bench.measure.lookups import HEAP, Board, loaded
from bench.report.results import Row
from bench.rig.scores import rank_in
from bench.rig.tables import empty_tables
from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.endpoints.participant import GetEntry

ORDERED_TIES = "uniform, ties ordered"
_TIED_SHAPE = "uniform"

Entry = dict[str, Any]


@dataclass
class Answers:
    """The answers about one board, each compared with a sorted list."""

    board: Board

    def top(self, _: object) -> None:
        """Ask for the best ten."""
        answer = ListEntries(self.board.name, 10).answer(self.board.reader)
        self._check(answer["entries"], answer["total"], first=1)

    def page(self, position: int) -> None:
        """Ask for ten entries from a position on."""
        answer = ListEntries(self.board.name, 10, position=position).answer(self.board.reader)
        self._check(answer["entries"], answer["total"], first=position)

    def next_page(self, token: str) -> None:
        """Ask for the ten entries after others."""
        answer = ListEntries(self.board.name, 10, token=token).answer(self.board.reader)
        self._check(answer["entries"], answer["total"], first=answer["entries"][0]["position"])

    def participant(self, neighbours: int) -> Callable[[str], None]:
        """Return a function that asks for a participant and neighbours on each side."""

        def ask(participant: str) -> None:
            answer = GetEntry(self.board.name, participant, neighbours).answer(self.board.reader)
            shown = [*answer["above"], answer, *answer["below"]]
            for one in shown:
                self._expect(one["rank"], rank_in(self.board.ordered, Decimal(one["projectScore"])))
            self._expect(answer["total"], len(self.board.ordered))

        return ask

    def tokens(self, positions: Iterable[int]) -> list[str]:
        """Ask for the tokens of the pages after some positions."""
        pages = (ListEntries(self.board.name, 10, position=one).answer(self.board.reader) for one in positions)
        return [str(page["next"]) for page in pages if "next" in page]

    def _check(self, entries: list[Entry], total: int, first: int) -> None:
        ordered = self.board.ordered
        self._expect(total, len(ordered))
        for position, one in enumerate(entries, start=first):
            score = ordered[len(ordered) - position]
            self._expect(one["position"], position)
            self._expect(Decimal(one["projectScore"]), score)
            self._expect(one["rank"], rank_in(ordered, score))

    def _expect(self, found: object, expected: object) -> None:
        if found != expected:
            raise RuntimeError(f"On {self.board.name!r}, an answer has {found}; by the sorted list {expected}.")


def measure_answers(shapes: Iterable[str], sizes: Iterable[int], requests: int) -> Iterator[Row]:
    """Ask for each kind of answer on boards of some shapes and sizes."""
    for shape in shapes:
        with empty_tables(HEAP) as (endpoint, _):
            for entries in sizes:
                ties = shape == ORDERED_TIES
                board = loaded(endpoint, _TIED_SHAPE if ties else shape, entries, ties=ties)
                for answer, asked, ask in _asked(board, requests):
                    yield {"shape": shape, "entries": entries, "answer": answer} | board.measure(asked, ask)


def _asked(board: Board, requests: int) -> Iterator[tuple[str, list[Any], Callable[[Any], None]]]:
    """Return the kinds of answers: the name, what is asked for, and how."""
    answers, draw = Answers(board), random.Random(board.name)
    participants = draw.choices(list(board.scores), k=requests)
    positions = draw.choices(range(1, len(board.ordered) - 20), k=requests)
    yield "top 10", positions[:10], answers.top
    yield "a participant", participants, answers.participant(0)
    yield "a participant and two neighbours each side", participants, answers.participant(2)
    yield "10 entries from a position", positions, answers.page
    yield "the next 10 entries", answers.tokens(positions), answers.next_page

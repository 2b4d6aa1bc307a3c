"""`movement=true`: adds to each rank of a period the rank in the previous period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scorecast.api.endpoints.period import AskPeriod, BoardQuestion
from scorecast.api.errors import ApiError
from scorecast.api.fields import Fields
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.derived_board import board_before


@dataclass(frozen=True, slots=True)
class AskMovement:
    """A question about a period's board that also asks for each entry's rank in the previous period.

    On any other board, the answer is that of the question alone.
    """

    question: BoardQuestion | AskPeriod

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Answer the question, then look the entries up on the previous board: two to three more round trips."""
        answer = self.question.answer(reader)
        if "startsAt" not in answer:
            return answer
        entries = list(_entries(answer))
        ranks = _ranks(reader, board_before(answer["hackathonName"]), [entry["id"] for entry in entries])
        for entry in entries:
            entry |= {"previousRank": ranks[entry["id"]]} if entry["id"] in ranks else {}
        return answer


def _entries(answer: Fields) -> Iterator[Fields]:
    """The entries of an answer: a list, or one entry with its neighbours."""
    if "id" in answer:
        yield answer
    for name in ("entries", "above", "below"):
        yield from answer.get(name, ())


def _ranks(reader: LeaderboardReader, board: str, ids: list[str]) -> dict[str, int]:
    """The ranks of participants on a board; those who are not on it are omitted."""
    try:
        opened, found = reader.open_with(board, lambda name: reader.entries.get_many(name, ids))
    except ApiError:
        return {}
    standings = opened.find_entries(found)
    return {entry.id: standing.rank for entry, standing in zip(found, standings, strict=True)}

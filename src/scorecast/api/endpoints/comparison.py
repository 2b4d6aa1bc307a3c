"""GET /leaderBoard/?hackathonName=&id=&id=: the entries of several participants, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scorecast.api.fields import Fields, board_fields, entry_fields, rank_fields
from scorecast.api.parameters import Parameters
from scorecast.api.reader import LeaderboardReader


@dataclass(frozen=True, slots=True)
class CompareEntries:
    """The entries of several participants; those without an entry on the board are omitted.

    `among` also asks for their ranks among each other.
    """

    board: str
    ids: tuple[str, ...]
    among: bool = False

    @classmethod
    def read(cls, parameters: Parameters) -> CompareEntries:
        """Read the request; ApiError 400 where a parameter is not allowed."""
        board = parameters.board()
        parameters.allow("hackathonName", "id", "among")
        return cls(board, parameters.participants(), parameters.flag("among"))

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read the entries and the board concurrently, then the rank of each; sort them in the board's order."""
        board, found = reader.open_with(self.board, lambda name: reader.entries.get_many(name, self.ids))
        entries = reader.entries_of(board)
        in_order = sorted(
            zip(board.find_entries(found), found, strict=True),
            key=lambda placed: (placed[0].rank, entries.cursor(placed[1]).tie, placed[1].id),
        )
        ranks = [standing.rank for standing, _ in in_order]
        ranked = [
            rank_fields(standing) | self._among(ranks, standing.rank) | entry_fields(entry, board.policy)
            for standing, entry in in_order
        ]
        return board_fields(board) | {"entries": ranked}

    def _among(self, ranks: Sequence[int], rank: int) -> Fields:
        """Return the competition rank among these ranks, which are sorted best first: 1 + the number of better ones."""
        return {"rankAmong": ranks.index(rank) + 1} if self.among else {}

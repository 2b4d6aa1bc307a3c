"""GET /leaderBoard/?hackathonName=&id=&id=: the entries of several participants, best first."""

from __future__ import annotations

from dataclasses import dataclass

from scorecast.api.entry_table import cursor_at
from scorecast.api.fields import Fields, board_fields, entry_fields
from scorecast.api.parameters import Parameters
from scorecast.api.reader import LeaderboardReader


@dataclass(frozen=True, slots=True)
class CompareEntries:
    """The entries of several participants; those without an entry on the board are omitted."""

    board: str
    ids: tuple[str, ...]

    @classmethod
    def read(cls, parameters: Parameters) -> CompareEntries:
        """Read the request; ApiError 400 where a parameter is not allowed."""
        board = parameters.board()
        parameters.allow("hackathonName", "id")
        return cls(board, parameters.participants())

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read the entries in one call, and the rank of each; sort them as the board is sorted."""
        board = reader.open_board(self.board)
        found = reader.entries.get_many(board.name, self.ids)
        ranks = [standing.rank for standing in board.find_many([entry.number for entry in found])]
        in_order = sorted(
            zip(ranks, found, strict=True),
            key=lambda ranked: (ranked[0], cursor_at(ranked[1], board.policy).tie, ranked[1].id),
        )
        return board_fields(board) | {"entries": [{"rank": rank} | entry_fields(entry) for rank, entry in in_order]}

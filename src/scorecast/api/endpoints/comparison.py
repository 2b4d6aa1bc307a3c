"""GET /leaderBoard/?hackathonName=&id=&id=: the entries of several participants, best first."""

from __future__ import annotations

from dataclasses import dataclass

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
        """Read the entries in one call, and the rank of each."""
        board = reader.open_board(self.board)
        found = reader.entries.get_many(board.name, self.ids)
        standings = board.find_many([entry.number for entry in found])
        entries = [{"rank": one.rank} | entry_fields(entry) for entry, one in zip(found, standings, strict=True)]
        ordered = sorted(entries, key=lambda entry: (entry["rank"], entry["id"]))
        return board_fields(board) | {"entries": ordered}

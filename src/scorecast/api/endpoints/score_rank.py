"""GET /leaderBoard/?hackathonName=&rankOfScore=: the rank that a score has or would have."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from scorecast.api.fields import Fields, board_fields, standing_fields
from scorecast.api.parameters import Parameters
from scorecast.api.reader import LeaderboardReader


@dataclass(frozen=True, slots=True)
class RankScore:
    """The rank of a score, whether or not an entry has it."""

    board: str
    score: Decimal

    @classmethod
    def read(cls, parameters: Parameters) -> RankScore:
        """Read the request; ApiError 400 where a parameter is not allowed."""
        board = parameters.board()
        parameters.allow("hackathonName", "rankOfScore")
        return cls(board, parameters.score("rankOfScore"))

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Look up the score in the index."""
        board = reader.open_board(self.board)
        return board_fields(board) | {"projectScore": self.score} | standing_fields(board.find(self.score))

"""GET /leaderBoard/{hackathonName}/histogram: how the scores of a board are spread."""

from __future__ import annotations

from dataclasses import dataclass

from scorecast.api.fields import Fields, board_fields
from scorecast.api.parameters import Parameters
from scorecast.api.reader import LeaderboardReader


@dataclass(frozen=True, slots=True)
class GetHistogram:
    """The number of entries in each range of scores."""

    board: str

    @classmethod
    def read(cls, parameters: Parameters) -> GetHistogram:
        """Read the request; ApiError 400 where the board's name is too short or too long."""
        return cls(parameters.board())

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read bars of one width, from the lowest score to the highest."""
        board = reader.open_board(self.board)
        bars = [{"from": bar.low, "to": bar.high, "count": bar.count} for bar in board.histogram()]
        return board_fields(board) | {"bars": bars}

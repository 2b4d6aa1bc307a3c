"""GET /leaderBoard/{hackathonName}/histogram: the distribution of a board's scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from scorecast.api.fields import Fields, board_fields
from scorecast.api.parameters import Parameters
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.item import StoredEntry
from scorecast.leaderboard.policy import DEFAULT


@dataclass(frozen=True, slots=True)
class GetHistogram:
    """The number of entries in each range of scores."""

    board: str

    @classmethod
    def read(cls, parameters: Parameters) -> GetHistogram:
        """Read the request; ApiError 400 where the board's name is too short or too long."""
        return cls(parameters.board())

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read bars of equal width from the lowest to the highest score, which are read concurrently with the board."""
        board, (lowest, highest) = reader.open_with(self.board, partial(_ends, reader))
        # The index by score may lag behind the table.
        found = board.histogram(lowest[0].number, highest[0].number) if lowest and highest else []
        bars = [{"from": bar.low, "to": bar.high, "count": bar.count} for bar in found]
        return board_fields(board) | {"bars": bars}


def _ends(reader: LeaderboardReader, board: str) -> tuple[list[StoredEntry], list[StoredEntry]]:
    """Read the entry with the lowest score, and the one with the highest."""
    by_score = reader.entries.of_board(board, DEFAULT)
    return reader.both(partial(by_score.worst, 1), partial(by_score.best, 1))

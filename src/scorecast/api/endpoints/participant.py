"""GET /leaderBoard/{hackathonName}/participants/{id}: one entry with its rank and its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

from scorecast.api.errors import ApiError
from scorecast.api.fields import Fields, board_fields, entry_fields, standing_fields
from scorecast.api.neighbours import ranks_above, ranks_below, share_places
from scorecast.api.parameters import Parameters
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.index.lookup import Board
from scorecast.leaderboard.item import StoredEntry

NEIGHBOURS_MAX = 25
NEIGHBOURS_DEFAULT = 2


@dataclass(frozen=True, slots=True)
class GetEntry:
    """One participant's entry, and as many neighbours on each side."""

    board: str
    id: str
    neighbours: int

    @classmethod
    def read(cls, parameters: Parameters) -> GetEntry:
        """Read the request; ApiError 400 where a parameter is not allowed."""
        neighbours = parameters.whole("neighbours", 0, NEIGHBOURS_MAX, NEIGHBOURS_DEFAULT)
        return cls(parameters.board(), parameters.participant(), neighbours)

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read the entry, look its rank up, and read the neighbours with two short queries."""
        entry = reader.entries.get(self.board, self.id)
        if entry is None:
            raise ApiError(404, f"The participant {self.id[:200]!r} is not on the board {self.board[:200]!r}.")
        board = reader.ranks.open([self.board])[self.board]
        standing = board.find(entry.number)
        answer = board_fields(board) | entry_fields(entry) | standing_fields(standing)
        return answer | self._neighbours(reader, board, entry, standing.rank)

    def _neighbours(self, reader: LeaderboardReader, board: Board, entry: StoredEntry, rank: int) -> Fields:
        # As many as both sides show together, because one of the sides may end early.
        above, below = (
            reader.entries.beside(board.name, board.policy, entry, 2 * self.neighbours, above=above)
            for above in (True, False)
        )
        shown_above, shown_below = share_places(len(above), len(below), self.neighbours)
        above, below = above[:shown_above], below[:shown_below]
        mine = entry.number
        above_scores, below_scores = [one.number for one in above], [one.number for one in below]
        worse = next((score for score in below_scores if score != mine), mine)
        better = above_scores[-1] if above_scores else mine
        farthest, first = board.find_many([better, worse]) if above or below else (None, None)
        ranks = ranks_above(above_scores, mine, rank, farthest.rank if farthest else 0)
        entries_above = [{"rank": one} | entry_fields(other) for one, other in zip(ranks, above, strict=True)]
        ranks = ranks_below(below_scores, mine, rank, first.rank if first else 0)
        entries_below = [{"rank": one} | entry_fields(other) for one, other in zip(ranks, below, strict=True)]
        return {"above": entries_above[::-1], "below": entries_below}

"""GET /leaderBoard/{hackathonName}/participants/{id}: one entry with its rank and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from scorecast.api.errors import ApiError
from scorecast.api.fields import Fields, board_fields, entry_fields, rank_fields, standing_fields
from scorecast.api.neighbours import ranks_above, ranks_below, share_places
from scorecast.api.parameters import Parameters
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.index.lookup import Board, Standing
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
        """Read the entry and the board concurrently, then the neighbours with two short queries, then all ranks.

        Takes four round trips, and three without neighbours.
        """
        board, entry = reader.open_with(self.board, lambda name: reader.entries.get(name, self.id))
        if entry is None:
            raise ApiError(404, f"The participant {self.id[:200]!r} is not on the board {self.board[:200]!r}.")
        above, below = self._neighbours(reader, board, entry)
        # All ranks follow from three: the entry's, the farthest one's above, and that of the first entry below that
        # ranks worse.
        farthest = above[-1] if above else entry
        key, keys_above, keys_below = board.rank_key(entry), _keys(board, above), _keys(board, below)
        worse = next((one for one, its in zip(below, keys_below, strict=True) if its != key), entry)
        mine, best, worst = board.find_entries([entry, farthest, worse])
        shown_above = _ranked(board, above, ranks_above(keys_above, key, mine.rank, best.rank), mine, -1)[::-1]
        shown_below = _ranked(board, below, ranks_below(keys_below, key, mine.rank, worst.rank), mine, 1)
        answer = board_fields(board) | entry_fields(entry, board.policy) | standing_fields(mine)
        return answer | {"above": shown_above, "below": shown_below}

    def _neighbours(
        self, reader: LeaderboardReader, board: Board, entry: StoredEntry
    ) -> tuple[list[StoredEntry], list[StoredEntry]]:
        """Read the entries to show above and below, nearest first."""
        # Each side reads as many as both sides show together, because the other side may have fewer.
        beside = partial(reader.entries_of(board).beside, entry, 2 * self.neighbours)
        above, below = reader.both(partial(beside, above=True), partial(beside, above=False))
        shown_above, shown_below = share_places(len(above), len(below), self.neighbours)
        return above[:shown_above], below[:shown_below]


def _keys(board: Board, entries: Sequence[StoredEntry]) -> list[str]:
    return [board.rank_key(entry) for entry in entries]


def _ranked(
    board: Board, entries: Sequence[StoredEntry], ranks: Sequence[int], mine: Standing, step: int
) -> list[Fields]:
    """Return neighbours with their ranks, and with positions if `mine` has one; the nearest is one `step` away."""
    shown = []
    for distance, (rank, entry) in enumerate(zip(ranks, entries, strict=True), start=1):
        position = mine.position and mine.position + step * distance
        shown.append(rank_fields(Standing(rank - 1, mine.total, position)) | entry_fields(entry, board.policy))
    return shown

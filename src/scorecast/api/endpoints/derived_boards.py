"""GET /leaderBoard/{hackathonName}/periods and /values: the boards that derive from a board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from scorecast.api.endpoints.boards import list_boards
from scorecast.api.fields import Fields
from scorecast.api.parameters import LIMIT_MAX, Parameters
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.board_list import PERIODS, VALUES


@dataclass(frozen=True, slots=True)
class _ListDerivedBoards:
    """A page of the boards that derive from a board, from the collection of the board table that lists them."""

    board: str
    limit: int = LIMIT_MAX
    token: str | None = None

    collection: ClassVar[str]
    forward: ClassVar[bool] = True

    @classmethod
    def read(cls, parameters: Parameters) -> Self:
        """Read the request; ApiError 400 where a parameter is not allowed."""
        return cls(parameters.board(), *parameters.page_of_names())

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read the names of a page, then the root and the policy of each."""
        return list_boards(reader, f"{self.collection}{self.board}", self.limit, self.token, forward=self.forward)


class ListPeriods(_ListDerivedBoards):
    """A page of the boards of a board's periods, newest first."""

    __slots__ = ()
    collection = PERIODS
    forward = False


class ListValues(_ListDerivedBoards):
    """A page of the boards of attributes' values, sorted by attribute and value."""

    __slots__ = ()
    collection = VALUES

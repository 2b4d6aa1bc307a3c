"""GET /leaderBoard/: the boards that have entries, sorted by name."""

from __future__ import annotations

from dataclasses import dataclass

from scorecast.api.cursor import sign_next, unsign
from scorecast.api.entry_table import query_first
from scorecast.api.fields import Fields, board_fields
from scorecast.api.parameters import LIMIT_MAX, Parameters
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.board_list import BOARDS, collection_query


@dataclass(frozen=True, slots=True)
class ListBoards:
    """A page of the boards with their totals."""

    limit: int = LIMIT_MAX
    token: str | None = None

    @classmethod
    def read(cls, parameters: Parameters) -> ListBoards:
        """Read the request; ApiError 400 where a parameter is not allowed."""
        return cls(*parameters.page_of_names())

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read the names of a page, then the root and the policy of each."""
        return list_boards(reader, BOARDS, self.limit, self.token)


def list_boards(
    reader: LeaderboardReader, collection: str, limit: int, token: str | None, *, forward: bool = True
) -> Fields:
    """Return a page of the boards that a collection of the board table lists, sorted by name, and its `next`."""
    after = unsign(token, collection, reader.page_token_key) if token else ""
    request = collection_query(reader.board_table, collection) | {"ScanIndexForward": forward}
    if after:
        request["ExclusiveStartKey"] = {"collection": {"S": collection}, "name": {"S": after}}
    # Reading one more than is shown tells whether more follow.
    names = [item["name"]["S"] for item in query_first(reader.dynamodb, request, limit + 1)]
    boards = reader.open_boards(names[:limit], shapes=False).values()
    answer = {"boards": [board_fields(board) for board in boards if board.total and reader.may_read(board.policy)]}
    return answer | sign_next(names, limit, collection, reader.page_token_key)

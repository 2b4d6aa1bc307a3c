"""GET /participants/{id}: the boards that a participant is on, sorted by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from scorecast.api.cursor import sign_next, unsign
from scorecast.api.errors import ApiError
from scorecast.api.fields import Fields, board_fields, entry_fields, standing_fields
from scorecast.api.parameters import LIMIT_MAX, Parameters
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.index.lookup import Board
from scorecast.leaderboard.item import StoredEntry


@dataclass(frozen=True, slots=True)
class ListParticipantBoards:
    """A page of a participant's boards, with the entry and the rank on each."""

    id: str
    limit: int = LIMIT_MAX
    token: str | None = None

    @classmethod
    def read(cls, parameters: Parameters) -> ListParticipantBoards:
        """Read the request; ApiError 400 where a parameter is not allowed."""
        return cls(parameters.participant(), *parameters.page_of_names())

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Read the participant's entries, then look up all ranks in their boards' indexes concurrently."""
        scope = f"participant/{self.id}"
        after = unsign(self.token, scope, reader.page_token_key) if self.token else ""
        # Reading one more than is shown tells whether more follow.
        found = reader.entries.of_participant(self.id, after, self.limit + 1)
        now = reader.now().timestamp()
        entries = [entry for entry in found[: self.limit] if entry.is_shown and not entry.has_expired(now)]
        more = sign_next([entry.board for entry in found], self.limit, scope, reader.page_token_key)
        placed = self._public(reader, entries)
        if not (placed or more or after):
            raise ApiError(404, f"The participant {self.id[:200]!r} is not on any board.")
        shown = reader.together(partial(_on_board, board, entry) for board, entry in placed)
        return {"id": self.id, "boards": shown} | more

    def _public(self, reader: LeaderboardReader, entries: Sequence[StoredEntry]) -> list[tuple[Board, StoredEntry]]:
        """Return the entries to show, with their boards; for a frozen board, the entry on its copy, if there is one."""
        opened = reader.open_boards([entry.board for entry in entries])
        boards = {
            name: board
            for name, board in opened.items()
            if reader.may_read(board.policy) and (board.name != name or not board.policy.copy_of)
        }
        frozen = [board.name for name, board in boards.items() if board.name != name]
        copies = {entry.board: entry for entry in reader.entries.on_boards(self.id, frozen)}
        known = {entry.board: entry for entry in entries} | copies
        return [(board, known[board.name]) for board in boards.values() if board.name in known]


def _on_board(board: Board, entry: StoredEntry) -> Fields:
    fields = {name: value for name, value in entry_fields(entry, board.policy).items() if name != "id"}
    [standing] = board.find_entries([entry])
    return board_fields(board) | fields | standing_fields(standing)

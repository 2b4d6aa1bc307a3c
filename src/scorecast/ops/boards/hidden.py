"""Hidden entries: banned or disqualified participants are in no answer, but can be shown again with their new score."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from scorecast.errors import UserError
from scorecast.leaderboard.derived_board import MARK
from scorecast.leaderboard.expiry import has_expired
from scorecast.leaderboard.item import HIDDEN, Item, StoredEntry, participant_query, read_item
from scorecast.ops.boards.policies import Policies, policies_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.pages import read_all
from scorecast.standings.store import Leaderboard

# Each entry stores the reason; a longer one would cost a second write unit.
REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class HiddenEntries:
    """The hidden entries of a stack; every change updates the counts in the same transaction."""

    dynamodb: Any
    table: str
    leaderboard: Leaderboard
    policies: Policies

    def hide(self, board: str, participant: str, reason: str) -> list[str]:
        """Hide a participant on a board and those that derive from it; with an empty reason, show the entries again.

        Returns the boards that changed; refuses a participant who has never been on the board.
        """
        if len(reason) > REASON_CHARACTERS:
            said = f"The reason has {len(reason):,} characters; at most {REASON_CHARACTERS} are allowed."
            raise UserError(said, ExitCode.USAGE)
        prefix = f"{board}{MARK}"
        found = [entry for entry in self._entries_of(participant) if f"{entry.board}{MARK}".startswith(prefix)]
        if not found:
            raise UserError(f"The participant {participant!r} is not on the board {board!r}.")
        changed = [entry.board for entry in found if self._hide(entry, reason)]
        return sorted(changed)

    def of(self, board: str) -> list[StoredEntry]:
        """Return the hidden entries of a board; reads the whole table."""
        request = {
            "TableName": self.table,
            "FilterExpression": "attribute_exists(#hidden) AND #board = :board",
            "ExpressionAttributeNames": {"#hidden": HIDDEN, "#board": "metadata"},
            "ExpressionAttributeValues": {":board": {"S": board}},
        }
        return sorted(_left(read_all(self.dynamodb.scan, request)), key=lambda entry: entry.id)

    def _hide(self, entry: StoredEntry, reason: str) -> bool:
        result = self.leaderboard.hide(entry.key, self.policies.of(entry.board), reason)
        if result.failed:
            raise UserError(f"The board {entry.board!r} could not be changed ({result.error_code}): run it again.")
        return result.applied

    def _entries_of(self, participant: str) -> Iterator[StoredEntry]:
        request = participant_query(self.table, participant) | {"ConsistentRead": True}
        return _left(read_all(self.dynamodb.query, request))


def _left(items: Iterable[Item]) -> Iterator[StoredEntry]:
    """Read items, skipping those that have expired."""
    now = time.time()
    return (read_item(item) for item in items if not has_expired(item, now))


def hidden_entries_of(stack: Stack) -> HiddenEntries:
    """Return the hidden entries of a stack."""
    dynamodb, table = stack.client("dynamodb"), stack.output("LeaderboardTableName")
    leaderboard = Leaderboard(dynamodb, table, stack.output("BoardTableName"))
    return HiddenEntries(dynamodb, table, leaderboard, policies_of(stack))

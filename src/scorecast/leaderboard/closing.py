"""Closings: what the board table keeps of a board that closes, until its end has been announced. Pure.

The closing is written in the same transaction as the policy that declares its time. So neither exists without the
other, whenever a process ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scorecast.leaderboard.policy import BoardPolicy, Item

# The collection of the board table that holds closings, sorted by their time.
CLOSINGS = "closings"
# A board's name alone may fill a sort key, so the time is followed by a hash of the name.
_HASH_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Closing:
    """A board, and when it closes (ISO 8601, UTC)."""

    board: str
    closes_at: str

    @property
    def key(self) -> Item:
        """The key of its item; equal closings have equal keys."""
        digest = hashlib.sha256(self.board.encode()).hexdigest()[:_HASH_CHARACTERS]
        return {"collection": {"S": CLOSINGS}, "name": {"S": f"{self.closes_at} {digest}"}}

    @property
    def item(self) -> Item:
        """The item that stores it."""
        return self.key | {"board": {"S": self.board}}


def closing_of(board: str, policy: BoardPolicy) -> Closing | None:
    """Return the closing of a board that is to be announced; None if the board never closes, or is a copy."""
    return Closing(board, policy.closes_at) if policy.closes_at and not policy.copy_of else None


def read_closing(item: Mapping[str, Any]) -> Closing:
    """Read a closing from its item."""
    return Closing(item["board"]["S"], item["name"]["S"].partition(" ")[0])


def closings_until(table: str, moment: str) -> Item:
    """Return the query of the closings until a time, the earliest first."""
    return {
        "TableName": table,
        "ConsistentRead": True,
        "KeyConditionExpression": "#collection = :collection AND #name <= :until",
        "ExpressionAttributeNames": {"#collection": "collection", "#name": "name"},
        # "~" sorts behind the blank that follows a time.
        "ExpressionAttributeValues": {":collection": {"S": CLOSINGS}, ":until": {"S": f"{moment}~"}},
    }

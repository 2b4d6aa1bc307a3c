"""The fields that several answers share: those of a board, of an entry, and of a rank. Pure."""

from __future__ import annotations

from typing import Any

from scorecast.leaderboard.index.lookup import Board, Standing
from scorecast.leaderboard.item import StoredEntry

Fields = dict[str, Any]
"""Fields of an answer, by name."""


def board_fields(board: Board) -> Fields:
    """Return what every answer about a board tells of it."""
    fields = {
        "hackathonName": board.name,
        "order": str(board.policy.order),
        "total": board.total,
        "updatedAt": board.updated_at,
    }
    return fields | ({"closesAt": board.policy.closes_at} if board.policy.closes_at else {})


def entry_fields(entry: StoredEntry) -> Fields:
    """Return an entry's participant, name and score, and the attributes that the stack shows, if it has any."""
    fields = {"id": entry.id, "userName": entry.name, "projectScore": entry.number}
    return fields | ({"attributes": dict(entry.attributes)} if entry.attributes else {})


def standing_fields(standing: Standing) -> Fields:
    """Return a rank, the position if there is one, and what they are of how many."""
    return rank_fields(standing) | {"percentile": standing.percentile, "total": standing.total}


def rank_fields(standing: Standing) -> Fields:
    """Return a rank, and the position if there is one."""
    return {"rank": standing.rank} | ({"position": standing.position} if standing.position else {})

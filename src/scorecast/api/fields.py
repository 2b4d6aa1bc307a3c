"""The fields that several answers share: of a board, of an entry, and of a rank. Pure."""

from __future__ import annotations

from typing import Any

from scorecast.leaderboard.columns import shown_values, values_in
from scorecast.leaderboard.derived_board import value_of
from scorecast.leaderboard.index.lookup import Board, Standing
from scorecast.leaderboard.item import StoredEntry
from scorecast.leaderboard.policy import BoardPolicy

Fields = dict[str, Any]
"""Fields of an answer, by name."""


def board_fields(board: Board) -> Fields:
    """Return the board's fields that every answer about it has."""
    fields: Fields = {
        "hackathonName": public_name(board),
        "order": str(board.policy.order),
        "total": board.total,
        "updatedAt": board.updated_at,
    }
    return fields | _declared_fields(public_name(board), board.policy)


def public_name(board: Board) -> str:
    """Return a board's name; for a copy, the name of the board that it stands in for."""
    return board.policy.copy_of or board.name


def _declared_fields(board: str, policy: BoardPolicy) -> Fields:
    """Return what is declared for a board: columns, closing, boards that derive from it, and what it derives from."""
    fields: Fields = {
        "columns": [{"name": one.name, "order": str(one.order)} for one in policy.columns],
        "closesAt": policy.closes_at,
        "freezesAt": policy.freezes_at,
        "every": policy.every and str(policy.every),
        "timeZone": policy.time_zone if policy.every else None,
        "by": list(policy.by),
        "base": policy.base,
        "startsAt": policy.starts_at,
        "attribute": policy.attribute,
        "value": value_of(board, policy) if policy.attribute else None,
    }
    return {name: value for name, value in fields.items() if value}


def entry_fields(entry: StoredEntry, policy: BoardPolicy) -> Fields:
    """Return an entry's participant, name, score, columns (by the policy) and display attributes."""
    fields: Fields = {"id": entry.id, "userName": entry.name, "projectScore": entry.number}
    if values := values_in(entry.tie_order, policy):
        fields["thenBy"] = shown_values(values, policy)
    return fields | ({"attributes": dict(entry.attributes)} if entry.attributes else {})


def standing_fields(standing: Standing) -> Fields:
    """Return a rank, the position if there is one, the percentile and the total."""
    return rank_fields(standing) | {"percentile": standing.percentile, "total": standing.total}


def rank_fields(standing: Standing) -> Fields:
    """Return a rank, and the position if there is one."""
    return {"rank": standing.rank} | ({"position": standing.position} if standing.position else {})

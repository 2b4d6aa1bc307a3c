"""BoardClosed: the standing event about the end of a board, with its final top and total. Pure.

The event's id follows from the board and its closing time, so it is the same each time the event is published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scorecast.changes.values import Hints, plain_number
from scorecast.leaderboard.closing import Closing
from scorecast.leaderboard.columns import shown_values, values_in
from scorecast.leaderboard.item import StoredEntry
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.standings.announce.standing_event import ID_CHARACTERS, SCHEMA, StandingEvent, ranks_of
from scorecast.standings.announce.top import top_entry_of

BOARD_CLOSED = "BoardClosed"


@dataclass(frozen=True, slots=True)
class FinalStandings:
    """A board as it was when it closed: its best entries, at most `size` of them, and the `total` of its entries."""

    closing: Closing
    policy: BoardPolicy
    size: int
    total: int
    entries: Sequence[StoredEntry]


def board_closed(final: FinalStandings) -> StandingEvent:
    """Return the event. With 50 entries of the longest ids, names and attributes it is below EventBridge's 1 MB."""
    hints: Hints = {}
    ranks = ranks_of([top_entry_of(entry, final.policy) for entry in final.entries])
    derived = {"base": final.policy.base, "startsAt": final.policy.starts_at, "attribute": final.policy.attribute}
    detail = {
        "schema": SCHEMA,
        "id": _id(final.closing),
        "hackathonName": final.closing.board,
        **{name: value for name, value in derived.items() if value},
        "entries": [
            {"rank": ranks[entry.id]} | _entry(entry, final.policy, f"/entries/{at}", hints)
            for at, entry in enumerate(final.entries)
        ],
        "total": final.total,
        "top": final.size,
        "at": final.closing.closes_at,
    }
    return StandingEvent(BOARD_CLOSED, detail | ({"types": hints} if hints else {}))


def _entry(entry: StoredEntry, policy: BoardPolicy, at: str, hints: Hints) -> dict[str, Any]:
    """The fields of an entry, named as in the API; a missing name is omitted, as in other standing events."""
    fields: dict[str, Any] = {"id": entry.id}
    fields |= {} if entry.name is None else {"userName": entry.name}
    fields["projectScore"] = plain_number(str(entry.score), at, "projectScore", hints)
    columns = shown_values(values_in(entry.tie_order, policy), policy)
    further: dict[str, Mapping[str, Any]] = {"thenBy": columns, "attributes": dict(entry.attributes)}
    return fields | {name: _plain(values, f"{at}/{name}", hints) for name, values in further.items() if values}


def _plain(values: Mapping[str, Any], at: str, hints: Hints) -> dict[str, Any]:
    return {
        name: plain_number(str(value), at, name, hints) if isinstance(value, Decimal) else value
        for name, value in values.items()
    }


def _id(closing: Closing) -> str:
    about = json.dumps([closing.board, closing.closes_at, BOARD_CLOSED])
    return hashlib.sha256(about.encode()).hexdigest()[:ID_CHARACTERS]

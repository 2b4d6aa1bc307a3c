"""Standing event: a board has a new leader, or a participant entered or left its top. Pure.

This is the public contract (schema `scorecast.standing/1`, docs/standing-events.md). The events of a snapshot depend on
nothing else, so they are the same each time they are published, including their ids.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scorecast.changes.change import epoch_seconds
from scorecast.changes.values import Hints, plain_number
from scorecast.standings.announce.top import Snapshot, Top, TopEntry

SOURCE = "standings.scorecast"
SCHEMA = "scorecast.standing/1"

LEAD_CHANGED = "LeadChanged"
ENTERED_TOP = "EnteredTop"
LEFT_TOP = "LeftTop"

ID_CHARACTERS = 32
_DETAIL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class StandingEvent:
    """One event; `kind` is its detail-type on the bus."""

    kind: str
    detail: dict[str, Any]

    def entry(self, bus_name: str) -> dict[str, Any]:
        """The entry for PutEvents: at most a few KB, so that ten fit into a call; a BoardClosed goes alone."""
        return {
            "Source": SOURCE,
            "DetailType": self.kind,
            "Detail": _DETAIL.encode(self.detail),
            "Time": epoch_seconds(self.detail["at"]),
            "EventBusName": bus_name,
        }


def events_of(snapshot: Snapshot) -> Iterator[StandingEvent]:
    """Return the events that announce the pending top: participants that left, those that entered, a new leader."""
    old, new = snapshot.top, snapshot.pending or ()
    before, after = ranks_of(old), ranks_of(new)
    for kind, entry in _transitions(old, new):
        hints: Hints = {}
        detail = {
            "schema": SCHEMA,
            "id": _id(kind, entry, snapshot),
            "hackathonName": snapshot.board,
            "participant": _participant(entry, "participant", hints),
            "rank": after.get(entry.id),
            "previousRank": before.get(entry.id),
            "top": snapshot.size,
            "sequence": snapshot.version,
            "at": snapshot.at,
        }
        if kind == LEAD_CHANGED and old:
            led = next((other for other in new if other.id == old[0].id), old[0])
            detail["previousLeader"] = _participant(led, "previousLeader", hints) | {"rank": after.get(led.id)}
        yield StandingEvent(kind, detail | ({"types": hints} if hints else {}))


def ranks_of(top: Sequence[TopEntry]) -> dict[str, int]:
    """Return the competition rank of each participant: 1, 2, 2, 4."""
    ranks: dict[str, int] = {}
    rank, shared = 0, None
    for position, entry in enumerate(top, start=1):
        if (Decimal(entry.score), entry.columns) != shared:
            rank, shared = position, (Decimal(entry.score), entry.columns)
        ranks[entry.id] = rank
    return ranks


def _transitions(old: Top, new: Top) -> Iterator[tuple[str, TopEntry]]:
    before, after = {entry.id for entry in old}, {entry.id for entry in new}
    yield from ((LEFT_TOP, entry) for entry in old if entry.id not in after)
    yield from ((ENTERED_TOP, entry) for entry in new if entry.id not in before)
    if new and (not old or new[0].id != old[0].id):
        yield LEAD_CHANGED, new[0]


def _participant(entry: TopEntry, name: str, hints: Hints) -> dict[str, Any]:
    named = {} if entry.name is None else {"userName": entry.name}
    return {"id": entry.id} | named | {"projectScore": plain_number(entry.score, f"/{name}", "projectScore", hints)}


def _id(kind: str, entry: TopEntry, snapshot: Snapshot) -> str:
    about = json.dumps([snapshot.board, snapshot.version, kind, entry.id])
    return hashlib.sha256(about.encode()).hexdigest()[:ID_CHARACTERS]

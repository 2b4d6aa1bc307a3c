"""Standing event: who leads a board, who entered its top, who left it. Pure.

The public contract (schema `scorecast.standing/1`, docs/standing-events.md). The events of a snapshot follow from it
alone, so that they are the same, ids included, however often they are published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scorecast.changes.change import Hints, epoch_seconds, plain_number
from scorecast.standings.announce.top import Place, Snapshot, Top

SOURCE = "standings.scorecast"
SCHEMA = "scorecast.standing/1"

LEAD_CHANGED = "LeadChanged"
ENTERED_TOP = "EnteredTop"
LEFT_TOP = "LeftTop"

_ID_CHARACTERS = 32
_DETAIL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class StandingEvent:
    """One event: its kind is the bus's detail-type."""

    kind: str
    detail: dict[str, Any]

    def entry(self, bus_name: str) -> dict[str, Any]:
        """The entry for PutEvents: a few KB at most, so that ten go into a call."""
        return {
            "Source": SOURCE,
            "DetailType": self.kind,
            "Detail": _DETAIL.encode(self.detail),
            "Time": epoch_seconds(self.detail["at"]),
            "EventBusName": bus_name,
        }


def events_of(snapshot: Snapshot) -> Iterator[StandingEvent]:
    """Return the events that announce what is coming: who left, who entered, who leads now."""
    old, new = snapshot.top, snapshot.coming or ()
    before, after = ranks_of(old), ranks_of(new)
    for kind, place in _transitions(old, new):
        hints: Hints = {}
        detail = {
            "schema": SCHEMA,
            "id": _id(kind, place, snapshot),
            "hackathonName": snapshot.board,
            "participant": _participant(place, "participant", hints),
            "rank": after.get(place.id),
            "previousRank": before.get(place.id),
            "top": snapshot.places,
            "sequence": snapshot.version,
            "at": snapshot.at,
        }
        if kind == LEAD_CHANGED and old:
            led = next((other for other in new if other.id == old[0].id), old[0])
            detail["previousLeader"] = _participant(led, "previousLeader", hints) | {"rank": after.get(led.id)}
        yield StandingEvent(kind, detail | ({"types": hints} if hints else {}))


def ranks_of(top: Top) -> dict[str, int]:
    """Return everybody's competition rank: 1, 2, 2, 4."""
    ranks: dict[str, int] = {}
    rank, score = 0, None
    for position, place in enumerate(top, start=1):
        if Decimal(place.score) != score:
            rank, score = position, Decimal(place.score)
        ranks[place.id] = rank
    return ranks


def _transitions(old: Top, new: Top) -> Iterator[tuple[str, Place]]:
    before, after = {place.id for place in old}, {place.id for place in new}
    yield from ((LEFT_TOP, place) for place in old if place.id not in after)
    yield from ((ENTERED_TOP, place) for place in new if place.id not in before)
    if new and (not old or new[0].id != old[0].id):
        yield LEAD_CHANGED, new[0]


def _participant(place: Place, name: str, hints: Hints) -> dict[str, Any]:
    named = {} if place.name is None else {"userName": place.name}
    return {"id": place.id} | named | {"projectScore": plain_number(place.score, f"/{name}", "projectScore", hints)}


def _id(kind: str, place: Place, snapshot: Snapshot) -> str:
    about = json.dumps([snapshot.board, snapshot.version, kind, place.id])
    return hashlib.sha256(about.encode()).hexdigest()[:_ID_CHARACTERS]

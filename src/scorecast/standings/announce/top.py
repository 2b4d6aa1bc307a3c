"""Top: the first places of a board, what was announced of them, and what a batch may have changed there. Pure.

The snapshot of a board says which top was announced, and which one is being announced: as long as the second is there,
its events may or may not be on the bus, and are published (again) before anything else is announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from scorecast.leaderboard.policy import Order
from scorecast.standings.entry import Entry

# The collections of the board table that hold snapshots begin like this.
SNAPSHOT = "snapshot/"
# What a place keeps of a name: two tops of 50 places, with ids of 2,048 bytes, must fit into an item of 400 KB.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-items
NAME_CHARACTERS = 128

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """An entry in the top; the score is DynamoDB's text of it, the name as far as NAME_CHARACTERS."""

    id: str
    score: str
    name: str | None = None


Top = tuple[Place, ...]
"""The first places of a board, best first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was announced of a board: `top`; and what is being announced, if anything: `coming`.

    `places` is how many a top has, `at` when the newest change happened that led to it. `version` is greater with every
    save of the board; 0 where nothing was saved yet.
    """

    board: str
    version: int = 0
    top: Top = ()
    coming: Top | None = None
    places: int = 0
    at: str = ""

    @property
    def ids(self) -> set[str]:
        """Who is in the top, or will be."""
        return {place.id for place in (*self.top, *(self.coming or ()))}

    def announcing(self, top: Top, places: int, at: str, now_ms: int) -> Snapshot:
        """What to save before a new top is announced; or at once, where there is nothing to tell of it."""
        following = replace(self, version=self._next_version(now_ms), coming=top, places=places, at=at)
        is_told = [place.id for place in top[:1]] == [place.id for place in self.top[:1]]
        if is_told and {place.id for place in top} == self.ids:
            return replace(following, top=top, coming=None)
        return following

    def announced(self, now_ms: int) -> Snapshot:
        """What to save after the new top was announced."""
        return replace(self, version=self._next_version(now_ms), top=self.coming or (), coming=None)

    def _next_version(self, now_ms: int) -> int:
        # Milliseconds, so that versions go on growing where the board's snapshot was lost and begun anew.
        return max(self.version + 1, now_ms)

    def concerns(self, entries: Iterable[Entry], places: int, order: Order) -> bool:
        """Whether writing these entries of the board can have changed its top; of a large board seldom."""
        if self.coming is not None or len(self.top) > places:
            return True
        ids = self.ids
        last = self.top[-1].score if len(self.top) == places else None
        return any(entry.id in ids or is_ahead(entry.score, last, order) for entry in entries)


def best(places: Iterable[Place], before: Top, count: int, order: Order) -> Top:
    """Return the first `count` places; of equal scores, those stay ahead that were in the top before, as they were."""
    position = {place.id: at for at, place in enumerate(before)}
    ranked = sorted(
        places, key=lambda place: (sort_key(place.score, order), position.get(place.id, len(before)), place.id)
    )
    return tuple(ranked[:count])


def best_entries(entries: Iterable[Entry], last: str | None, count: int, order: Order) -> list[Entry]:
    """Return the `count` best of the entries that are ahead of the `last` score."""
    ahead = (entry for entry in entries if is_ahead(entry.score, last, order))
    return sorted(ahead, key=lambda entry: (sort_key(str(entry.score), order), entry.id))[:count]


def is_ahead(score: str | None, last: str | None, order: Order) -> bool:
    """Whether there is a score, and it is better than the last one of those that there are places for, if that is."""
    return score is not None and (last is None or sort_key(score, order) < sort_key(last, order))


def sort_key(score: str, order: Order) -> Decimal:
    """Return what is smaller for a better score, of DynamoDB's text of it."""
    return order.sort_key(Decimal(score))


def place_of(entry: Mapping[str, Any]) -> Place:
    """Make the place of an item of the leaderboard table that has a score."""
    name = entry.get("userName", {}).get("S")
    return Place(entry["id"]["S"], entry["projectScore"]["N"], name[:NAME_CHARACTERS] if name else None)


def snapshot_key(board: str) -> Item:
    """The key of a board's snapshot in the board table."""
    # The board in it spreads boards over partitions.
    return {"collection": {"S": f"{SNAPSHOT}{board}"}, "name": {"S": board}}


def snapshot_item(snapshot: Snapshot) -> Item:
    """The item that keeps a snapshot."""
    item = snapshot_key(snapshot.board) | {
        "version": {"N": str(snapshot.version)},
        "top": _top_value(snapshot.top),
        "places": {"N": str(snapshot.places)},
        "at": {"S": snapshot.at},
    }
    return item if snapshot.coming is None else item | {"coming": _top_value(snapshot.coming)}


def read_snapshot(item: Mapping[str, Any]) -> Snapshot:
    """Read a snapshot from its item."""
    return Snapshot(
        board=item["name"]["S"],
        version=int(item["version"]["N"]),
        top=_top(item["top"]),
        coming=_top(item["coming"]) if "coming" in item else None,
        places=int(item["places"]["N"]),
        at=item["at"]["S"],
    )


def _top_value(top: Top) -> dict[str, Any]:
    return {"L": [{"M": _place_value(place)} for place in top]}


def _place_value(place: Place) -> Item:
    value = {"id": {"S": place.id}, "projectScore": {"N": place.score}}
    return value if place.name is None else value | {"userName": {"S": place.name}}


def _top(value: Mapping[str, Any]) -> Top:
    return tuple(place_of(one["M"]) for one in value["L"])

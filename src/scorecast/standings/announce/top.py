"""Top: the first entries of a board, what was announced of them, and whether a batch may have changed them. Pure.

A board's snapshot holds the top that was announced and, while it is being announced, the pending one. The events of a
pending top may or may not be on the bus; they are published (again) before any other top of the board is announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from scorecast.leaderboard.columns import rank_prefix, shared_prefix
from scorecast.leaderboard.item import Item, StoredEntry, cut_name
from scorecast.leaderboard.policy import BoardPolicy, Order
from scorecast.standings.entry import Entry

# The prefix of the collections of the board table that hold snapshots.
SNAPSHOT = "snapshot/"


@dataclass(frozen=True, slots=True)
class TopEntry:
    """An entry in the top; `score` is DynamoDB's text of the number, `name` has at most NAME_CHARACTERS.

    `columns` is a text that ranks equal scores by the board's columns; empty if it has none.
    """

    id: str
    score: str
    name: str | None = None
    columns: str = ""


Rank = tuple[Decimal, str]
"""The score and the columns: smaller for a better rank, and equal for a shared one."""
Top = tuple[TopEntry, ...]
"""The first entries of a board, best first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A board's announced top (`top`), and the top that is being announced (`pending`).

    `size` is the number of entries in a full top; `at` is the time of the newest change that led to the pending one.
    `version` grows with every save of the board; 0 means that nothing has been saved.
    """

    board: str
    version: int = 0
    top: Top = ()
    pending: Top | None = None
    size: int = 0
    at: str = ""

    @property
    def ids(self) -> set[str]:
        """The ids of the participants in the top or in the pending one."""
        return {entry.id for entry in (*self.top, *(self.pending or ()))}

    def announcing(self, top: Top, size: int, at: str, now_ms: int) -> Snapshot:
        """Return the snapshot to save before announcing a new top, which is pending unless it needs no event."""
        following = replace(self, version=self._next_version(now_ms), pending=top, size=size, at=at)
        has_same_leader = [entry.id for entry in top[:1]] == [entry.id for entry in self.top[:1]]
        if has_same_leader and {entry.id for entry in top} == self.ids:
            return replace(following, top=top, pending=None)
        return following

    def announced(self, now_ms: int) -> Snapshot:
        """Return the snapshot to save after announcing the pending top."""
        return replace(self, version=self._next_version(now_ms), top=self.pending or (), pending=None)

    def without(self, participant: str, now_ms: int) -> Snapshot:
        """Return the snapshot without a participant, to be saved without announcing that the participant left."""
        pending = None if self.pending is None else _without(self.pending, participant)
        return replace(self, version=self._next_version(now_ms), top=_without(self.top, participant), pending=pending)

    def _next_version(self, now_ms: int) -> int:
        # Milliseconds, so that versions keep growing even if the board's snapshot was lost.
        return max(self.version + 1, now_ms)

    def may_change_top(self, entries: Iterable[Entry], size: int, policy: BoardPolicy) -> bool:
        """Whether writing these entries can have changed the board's top; on a large board it rarely can."""
        if self.pending is not None or len(self.top) > size:
            return True
        ids = self.ids
        last = rank_in_top(self.top[-1], policy.order) if len(self.top) == size else None
        return any(entry.id in ids or is_ahead(entry, last, policy) for entry in entries)


def best(entries: Iterable[TopEntry], before: Top, count: int, order: Order) -> Top:
    """Return the best `count` entries; among tied ones, those in the previous top come first, in its order."""
    position = {entry.id: at for at, entry in enumerate(before)}
    ranked = sorted(
        entries, key=lambda entry: (rank_in_top(entry, order), position.get(entry.id, len(before)), entry.id)
    )
    return tuple(ranked[:count])


def best_entries(entries: Iterable[Entry], last: Rank | None, count: int, policy: BoardPolicy) -> list[Entry]:
    """Return the best `count` of the entries that rank before `last`; a `last` of None is worse than any rank."""
    ahead = (entry for entry in entries if is_ahead(entry, last, policy))
    return sorted(ahead, key=lambda entry: (_rank(entry, policy), entry.id))[:count]


def is_ahead(entry: Entry, last: Rank | None, policy: BoardPolicy) -> bool:
    """Whether an entry would enter a top whose last rank is `last`, which is None if the top is not full."""
    return entry.score is not None and (last is None or _rank(entry, policy) < last)


def rank_in_top(entry: TopEntry, order: Order) -> Rank:
    """Return the rank key of an entry in the top."""
    return order.sort_key(Decimal(entry.score)), entry.columns


def top_entry_of(entry: StoredEntry, policy: BoardPolicy) -> TopEntry:
    """Turn an entry of the leaderboard table into an entry of the top."""
    columns = _columns(shared_prefix(entry.tie_order, entry.number, policy)) if policy.then_by else ""
    return TopEntry(entry.id, str(entry.score), cut_name(entry.name) or None, columns)


def _rank(entry: Entry, policy: BoardPolicy) -> Rank:
    score = Decimal(str(entry.score))
    columns = _columns(rank_prefix(score, entry.columns, policy)) if policy.then_by else ""
    return policy.order.sort_key(score), columns


def _columns(prefix: str) -> str:
    """The part of a rank's prefix that follows the score."""
    return prefix.partition("/")[2]


def snapshot_key(board: str) -> Item:
    """The key of a board's snapshot in the board table."""
    # The board in the partition key spreads boards over partitions.
    return {"collection": {"S": f"{SNAPSHOT}{board}"}, "name": {"S": board}}


def snapshot_item(snapshot: Snapshot) -> Item:
    """The item that stores a snapshot."""
    item = snapshot_key(snapshot.board) | {
        "version": {"N": str(snapshot.version)},
        "top": _top_value(snapshot.top),
        "size": {"N": str(snapshot.size)},
        "at": {"S": snapshot.at},
    }
    return item if snapshot.pending is None else item | {"pending": _top_value(snapshot.pending)}


def read_snapshot(item: Mapping[str, Any]) -> Snapshot:
    """Read a snapshot from its item."""
    return Snapshot(
        board=item["name"]["S"],
        version=int(item["version"]["N"]),
        top=_top(item["top"]),
        pending=_top(item["pending"]) if "pending" in item else None,
        size=int(item["size"]["N"]),
        at=item["at"]["S"],
    )


def _without(top: Top, participant: str) -> Top:
    return tuple(entry for entry in top if entry.id != participant)


def _top_value(top: Top) -> dict[str, Any]:
    return {"L": [{"M": _entry_value(entry)} for entry in top]}


def _entry_value(entry: TopEntry) -> Item:
    value = {"id": {"S": entry.id}, "score": {"N": entry.score}}
    value |= {"columns": {"S": entry.columns}} if entry.columns else {}
    return value if entry.name is None else value | {"name": {"S": entry.name}}


def _top(value: Mapping[str, Any]) -> Top:
    return tuple(_top_entry(one["M"]) for one in value["L"])


def _top_entry(value: Mapping[str, Any]) -> TopEntry:
    name, columns = (value.get(one, {}).get("S") for one in ("name", "columns"))
    return TopEntry(value["id"]["S"], value["score"]["N"], name, columns or "")

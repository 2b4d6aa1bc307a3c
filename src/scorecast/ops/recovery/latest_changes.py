"""Latest changes: find the latest change of each item in a backup, up to a point in time.

The changes come in any order. They are kept in a SQLite file, so a backup can be larger than memory. Of two changes of
one stream, the one with the greater sequence is later; every change of a newer stream is later than all changes of an
older one. A READ's sequence says only what a leaderboard knew. So a READ wins if its time is later than the latest
other change's, by more than clocks may differ.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from scorecast.changes.change import Change, from_event
from scorecast.changes.claim import read_kept
from scorecast.errors import CannotRead, NotAcknowledged, UserError
from scorecast.ops.stack.moments import read_time

# The times of a stream are whole seconds, and clocks differ.
_SKEW = timedelta(seconds=5)

_SCHEMA = """
CREATE TABLE newest (
    "table" TEXT, item TEXT, is_read INTEGER, version TEXT, at TEXT, event TEXT,
    PRIMARY KEY ("table", item, is_read)
) WITHOUT ROWID
"""
_KEEP_NEWER = """
INSERT INTO newest VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET version = excluded.version, at = excluded.at, event = excluded.event
WHERE excluded.version > version
"""
_BY_ITEM = 'SELECT item, is_read, at, event FROM newest WHERE "table" = ? ORDER BY item, is_read'


@dataclass(slots=True)
class LatestChanges:
    """Collects events in any order, repeated ones included; `changes` yields the latest change of each item.

    `resolve` returns an event together with the images that its claim names.
    """

    path: Path
    resolve: Callable[[dict[str, Any]], dict[str, Any]]
    until: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)
    first_unresolved: str | None = None
    _connection: sqlite3.Connection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = sqlite3.connect(self.path)
        self._connection.execute("PRAGMA synchronous = OFF")  # the file is useless after a crash anyway
        self._connection.execute(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, events: Iterable[dict[str, Any]]) -> None:
        """Add the events of one object; events that are not changes, and those after `until`, are only counted."""
        rows = [row for row in map(self._row, events) if row]
        with self._connection:
            self._connection.executemany(_KEEP_NEWER, rows)

    def tables(self) -> list[str]:
        """Return the names of the tables that have changes."""
        return [name for (name,) in self._connection.execute('SELECT DISTINCT "table" FROM newest ORDER BY 1')]

    def items(self, table: str) -> int:
        """Return how many items have changes, including removed items."""
        query = 'SELECT COUNT(DISTINCT item) FROM newest WHERE "table" = ?'
        return int(self._connection.execute(query, (table,)).fetchone()[0])

    def changes(self, table: str) -> Iterator[Change]:
        """Yield the latest change of each item; if it has no new image, the item was removed.

        The images of a claim are fetched here. If they are unavailable, the item is skipped and counted, and
        `first_unresolved` has the first error.
        """
        for event in self._newest(table):
            try:
                change = from_event(self.resolve(event))
            except (CannotRead, NotAcknowledged) as error:
                self.counts["unresolved"] += 1
                self.first_unresolved = self.first_unresolved or str(error)
                continue
            yield change

    def _newest(self, table: str) -> Iterator[dict[str, Any]]:
        held: tuple[str, str, str] | None = None
        for item, is_read, at, event in self._connection.execute(_BY_ITEM, (table,)):
            if held and held[0] != item:
                yield json.loads(held[2])
                held = None
            if held is None or (is_read and read_time(at) > read_time(held[1]) + _SKEW):
                held = (item, at, event)
        if held:
            yield json.loads(held[2])

    def _row(self, event: dict[str, Any]) -> tuple[Any, ...] | None:
        self.counts["events"] += 1
        try:
            change = read_kept(event)
            at = read_time(change.at)
        except (CannotRead, ValueError):
            self.counts["unreadable"] += 1
            return None
        if self.until is not None and at > self.until:
            self.counts["later"] += 1
            return None
        item = json.dumps(change.keys, sort_keys=True)
        kept = {"resources": event["resources"], "detail": event["detail"]}
        text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
        return change.table, item, change.operation == "READ", _version(change), change.at, text


def choose_table(latest: LatestChanges, named: str | None, usual: str | None = None) -> str:
    """Choose the table to restore: the named one, or the usual one, or the only one."""
    tables = latest.tables()
    wanted = named or usual
    if wanted in tables:
        return str(wanted)
    if not tables:
        raise UserError("The backup holds no change up to that time.")
    if named is None and len(tables) == 1:
        return tables[0]
    asked = f"no changes of the table {named!r}" if named else "changes of several tables"
    raise UserError(f"The backup holds {asked}: choose one of {', '.join(tables)} with --source-table.")


def _version(change: Change) -> str:
    """Return a text that sorts the changes of an item, or its READs, by age."""
    if change.operation == "READ":
        return read_time(change.at).isoformat(timespec="microseconds")
    return " ".join(change.position)

"""Journal: keeps the engine's state in a file; changes that belong together are written together or not at all.

It is a SQLite database. A row is one item, message or document, so the cost of writing depends on what changed, not on
the whole state.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

FILE = "journal.sqlite"

# WAL with FULL: a commit is on the disk when it returns, and a killed process leaves none of it half-written.
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS rows (
    number INTEGER PRIMARY KEY, owner TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, UNIQUE (owner, key)
);
CREATE TABLE IF NOT EXISTS cut (number INTEGER NOT NULL, moment REAL NOT NULL);
"""
_PUT = "INSERT INTO rows (owner, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_REMOVE = "DELETE FROM rows WHERE owner = ? AND key = ?"
_REMOVE_ALL = "DELETE FROM rows WHERE owner = ?"
_REMOVE_BEFORE = (
    "DELETE FROM rows WHERE owner = ?1 AND number < (SELECT number FROM rows WHERE owner = ?1 AND key = ?2)"
)


class Put(NamedTuple):
    """A row that is new or has a new value; a new row comes after all rows of its owner."""

    owner: str
    key: str
    value: bytes


class Remove(NamedTuple):
    """A row that is gone; without a key all rows of the owner are."""

    owner: str
    key: str | None = None


class RemoveBefore(NamedTuple):
    """All rows of an owner that were put before a given one are gone."""

    owner: str
    key: str


Change = Put | Remove | RemoveBefore


class Cut(NamedTuple):
    """One moment of the engine; the journal holds its whole state."""

    number: int
    # Seconds since 1970.
    moment: float


class Journal:
    """The rows of a file; one thread at a time may use it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = _open(path)

    def last_cut(self) -> Cut | None:
        """Return the newest cut; None if nothing was ever written."""
        row = self._database.execute("SELECT number, moment FROM cut").fetchone()
        return Cut(*row) if row else None

    def write(self, cut: Cut, changes: Iterable[Change], *, is_whole: bool = False) -> None:
        """Write a cut; a whole one replaces all rows. If it raises sqlite3.Error, nothing was written."""
        with self._database:
            self._database.execute("BEGIN")
            if is_whole:
                self._database.execute("DELETE FROM rows")
            for change in changes:
                _apply(self._database, change)
            self._database.execute("DELETE FROM cut")
            self._database.execute("INSERT INTO cut VALUES (?, ?)", cut)

    def rows(self, owner: str) -> Iterator[tuple[str, bytes]]:
        """Yield key and value of an owner's rows, in the order in which they were first put."""
        yield from self._database.execute("SELECT key, value FROM rows WHERE owner = ? ORDER BY number", [owner])

    def value(self, owner: str, key: str) -> bytes | None:
        row = self._database.execute("SELECT value FROM rows WHERE owner = ? AND key = ?", [owner, key]).fetchone()
        return row[0] if row else None

    def owners(self) -> list[str]:
        return [owner for (owner,) in self._database.execute("SELECT DISTINCT owner FROM rows")]

    def close(self) -> None:
        self._database.close()


def _open(path: Path) -> sqlite3.Connection:
    # The engine's loop and the thread that writes take turns.
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.executescript(_SCHEMA)
    return database


def _apply(database: sqlite3.Connection, change: Change) -> None:
    if isinstance(change, Put):
        database.execute(_PUT, change)
    elif isinstance(change, RemoveBefore):
        database.execute(_REMOVE_BEFORE, change)
    elif change.key is None:
        database.execute(_REMOVE_ALL, [change.owner])
    else:
        database.execute(_REMOVE, change)


def last_cut(path: Path) -> Cut | None:
    """Return the newest cut of a file that no engine uses; None if there is none."""
    if not path.exists():
        return None
    with closing(Journal(path)) as journal:
        return journal.last_cut()

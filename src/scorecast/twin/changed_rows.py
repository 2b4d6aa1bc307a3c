"""What changed since the last cut, for each kind of state that the engine has.

Each class compares a part of the engine's memory with what it last returned. A value is serialized at once, because the
engine continues to change it.
"""

import json
import pickle
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Protocol

from scorecast.twin.journal import Change, Put, Remove, RemoveBefore

Json = dict[str, Any]
Marks = dict[str, Hashable]
# An owner, the marks of its rows by key, and a function that returns a row's value.
Compared = tuple[str, Marks, Callable[[str], Any]]
# A document's name, its mark, and a function that makes its text, if it has one.
Document = tuple[str, bytes, Callable[[], str | None]]


class Rows(Protocol):
    """A part of the engine's state."""

    def changes(self) -> Iterator[Change]:
        """Yield what changed since the last call, or since `adopt`."""

    def adopt(self) -> None:
        """Assume that the journal has the current state."""


def name_owner(*parts: str) -> str:
    return json.dumps(parts)


def parts_of(owner: str) -> list[str]:
    parts: list[str] = json.loads(owner)
    return parts


def dump(value: Any) -> bytes:
    # Texts, numbers, lists and dictionaries only; three times as fast as JSON, and it keeps tuples and bytes.
    return pickle.dumps(value, protocol=5)


def load(value: bytes) -> Any:
    return pickle.loads(value)


_NEW = object()


class ComparedRows:
    """Rows whose mark changes when they do; all marks are compared, which takes 0.1 us per row."""

    def __init__(self, rows: Callable[[], Iterable[Compared]]) -> None:
        self._rows = rows
        self._marks: dict[str, Marks] = {}

    def adopt(self) -> None:
        self._marks = {owner: marks for owner, marks, _ in self._rows()}

    def changes(self) -> Iterator[Change]:
        before, self._marks = self._marks, {}
        for owner, marks, value_of in self._rows():
            self._marks[owner] = marks
            saved = before.pop(owner, {})
            changed = [key for key, mark in marks.items() if saved.get(key, _NEW) != mark]
            yield from [Put(owner, key, dump(value_of(key))) for key in changed]
            yield from (Remove(owner, key) for key in saved.keys() - marks.keys())
        yield from map(Remove, before)


class AppendedRows:
    """Lists that grow at their end and lose entries at their front only."""

    def __init__(self, lists: Callable[[], Iterable[tuple[str, list[Json]]]], key_of: Callable[[Json], str]) -> None:
        self._lists = lists
        self._key_of = key_of
        # The first and the last entry of each list.
        self._ends: dict[str, tuple[Json, Json]] = {}

    def adopt(self) -> None:
        self._ends = {owner: (entries[0], entries[-1]) for owner, entries in self._lists() if entries}

    def changes(self) -> Iterator[Change]:
        before, self._ends = self._ends, {}
        for owner, entries in self._lists():
            first, last = before.get(owner, (None, None))
            new = _entries_after(last, entries)
            # Another thread may remove what is at the front meanwhile.
            ends = entries[:1] + (new or entries[-1:])
            if ends:
                self._ends[owner] = ends[0], ends[-1]
                yield from [Put(owner, self._key_of(entry), dump(entry)) for entry in new]
                if first is not None and ends[0] is not first:
                    yield RemoveBefore(owner, self._key_of(ends[0]))
        yield from (Remove(owner) for owner in before.keys() - self._ends.keys())


def _entries_after(last: Json | None, entries: list[Json]) -> list[Json]:
    """Return the entries after `last`, or all if it is not among them; takes time in proportion to their number."""
    count = 64
    while True:
        tail = entries[-count:]
        for place in range(len(tail), 0, -1):
            if tail[place - 1] is last:
                return tail[place:]
        if len(tail) < count:
            return tail
        count *= 4


class MarkedRows:
    """The items of tables; each write marks its item."""

    def __init__(self, tables: Callable[[], Iterable[tuple[str, Json]]]) -> None:
        """`tables` lists owners and tables; a table's `items` has the items by partition and sort key."""
        self._tables = tables
        # The tables whose items are in the journal, with these items, because replacing all items marks none.
        self._known: dict[str, tuple[Json, Any]] = {}
        self._marked: dict[tuple[int, str, str], None] = {}

    def mark(self, table: Json, pk: str, sk: str) -> None:
        """Note that an item was written or removed."""
        self._marked[id(table), pk, sk] = None

    @property
    def is_marked(self) -> bool:
        return bool(self._marked)

    def adopt(self) -> None:
        self._known = {owner: (table, table["items"]) for owner, table in self._tables()}
        self._marked.clear()

    def changes(self) -> Iterator[Change]:
        before, owners = self._known, dict[int, tuple[str, Json]]()
        self._known = {owner: (table, table["items"]) for owner, table in self._tables()}
        for owner, (table, items) in self._known.items():
            known = before.get(owner)
            if known and known[0] is table and known[1] is items:
                owners[id(table)] = owner, items
            else:
                yield from _all_items(owner, items)
        yield from self._marked_items(owners)
        for owner in before.keys() - self._known.keys():
            yield Remove(owner)

    def _marked_items(self, owners: dict[int, tuple[str, Json]]) -> Iterator[Change]:
        while self._marked:
            (table, pk, sk), _ = self._marked.popitem()
            if table in owners:
                owner, items = owners[table]
                item = items.get(pk, {}).get(sk)
                yield Remove(owner, _item_key(pk, sk)) if item is None else Put(owner, _item_key(pk, sk), dump(item))


def _all_items(owner: str, items: Json) -> Iterator[Change]:
    yield Remove(owner)
    for pk, partition in list(items.items()):
        for sk, item in list(partition.items()):
            yield Put(owner, _item_key(pk, sk), dump(item))


def _item_key(pk: str, sk: str) -> str:
    return json.dumps([pk, sk])


def items_of(rows: Iterable[tuple[str, bytes]]) -> dict[str, dict[str, Json]]:
    """Return a table's items as they were written."""
    items: dict[str, dict[str, Json]] = {}
    for key, value in rows:
        pk, sk = json.loads(key)
        items.setdefault(pk, {})[sk] = load(value)
    return items


class ReplacedRows:
    """An owner's rows, all of which are written again if one of them changed."""

    def __init__(self, owner: str, rows: Callable[[], Iterable[tuple[Hashable, Any]]]) -> None:
        """`rows` lists the mark and the value of every row."""
        self._owner = owner
        self._rows = rows
        self._marks: list[Hashable] | None = None

    def adopt(self) -> None:
        """Do nothing, so that the first cut replaces what is in the journal."""

    def changes(self) -> Iterator[Change]:
        rows = list(self._rows())
        marks = [mark for mark, _ in rows]
        if marks != self._marks:
            self._marks = marks
            yield Remove(self._owner)
            for number, (_, value) in enumerate(rows):
                yield Put(self._owner, str(number), dump(value))


class DocumentRows:
    """Small states that are written whole, as texts; a mark, which costs less, tells whether one may have changed."""

    def __init__(self, owner: str, documents: Callable[[], Iterable[Document]]) -> None:
        self._owner = owner
        self._documents = documents
        self._marks: dict[str, int] = {}
        self._texts: dict[str, int] = {}

    def adopt(self) -> None:
        self._marks = {name: hash(mark) for name, mark, _ in self._documents()}

    def changes(self) -> Iterator[Change]:
        for name, mark, make_text in self._documents():
            if self._marks.get(name) != hash(mark):
                self._marks[name] = hash(mark)
                text = make_text()
                if text is not None and self._texts.get(name) != hash(text):
                    self._texts[name] = hash(text)
                    yield Put(self._owner, name, text.encode())

"""The shapes of boards as a writer knows them: read once, and again when an update shows that they have changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.index.shape import FIRST, Shape
from scorecast.leaderboard.index.table import MIXED, ROOT, IndexTable
from scorecast.leaderboard.item import StoredEntry

# A process that knows this many boards forgets all of them and starts again. A small board takes a hundred bytes, one
# of a million entries a hundred kilobytes.
KNOWN_BOARDS = 1000
# If a board is cut more often than this while its shapes are read, it is left to another delivery.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class KnownShapes:
    """The shapes of one board's nodes; `ties` is as in Node (table.py)."""

    root: Shape
    ties: str
    pages: dict[str, Shape] = field(default_factory=dict)

    def key_of(self, entry: StoredEntry) -> str:
        """Return the order key by which an entry is counted."""
        return entry.order_key(ties=bool(self.ties))

    @property
    def nodes(self) -> dict[str, Shape]:
        """The shape of each node."""
        return {ROOT: self.root} | self.pages

    def mixes(self, key_order: str) -> bool:
        """Whether keys with this order would be the first that do not follow the order by which the board was cut."""
        return self.ties not in ("", MIXED, key_order)

    def node_at(self, key: str) -> tuple[str, Shape]:
        """Return the node that counts a key, and its shape."""
        if not self.root.is_inner:
            return ROOT, self.root
        page = self.root.id_at(key)
        return page, self.pages[page]

    def version_of(self, node: str) -> int | None:
        """Return the version of a node's shape; None for a node whose counts no change of a shape affects."""
        if node != ROOT:
            return self.pages[node].version
        return None if self.root.is_inner else self.root.version

    def placed(self, entry: StoredEntry) -> StoredEntry:
        """Return the entry with the range of its key; an entry that is not shown keeps none."""
        if not entry.is_shown:
            return entry
        key = self.key_of(entry)
        one = self.node_at(key)[1].id_at(key)
        return replace(entry, range="" if one == FIRST else one)

    def knows(self, entry: StoredEntry) -> bool:
        """Whether an entry names a range that exists."""
        if not entry.is_shown:
            return True
        shape = self.node_at(self.key_of(entry))[1]
        return (entry.range or FIRST) in shape.known

    def holds(self, entry: StoredEntry) -> bool:
        """Whether an entry is in the range that it names."""
        key = self.key_of(entry)
        return self.node_at(key)[1].counts_in(key, entry.range or FIRST)

    def changes(self, current: StoredEntry | None, made: StoredEntry) -> dict[str, dict[str, int]]:
        """Return what replacing an entry adds to the counts: by node, then by range (or by page, at the root).

        An entry that names no existing range was never counted: somebody wrote it by hand.
        """
        found: dict[str, dict[str, int]] = {}
        for entry, delta in ((current, -1), (made, 1)):
            if entry is None or not entry.is_shown or not self.knows(entry):
                continue
            node, _ = self.node_at(self.key_of(entry))
            counted = {node: entry.range or FIRST} | ({ROOT: node} if node != ROOT else {})
            for where, one in counted.items():
                counts = found.setdefault(where, {})
                counts[one] = counts.get(one, 0) + delta
        return found


@dataclass(frozen=True, slots=True)
class ShapeTable:
    """The shapes of all boards, with the cache of one process."""

    index: IndexTable
    _known: dict[str, KnownShapes] = field(default_factory=dict)

    def learn(self, boards: Iterable[str]) -> None:
        """Read the roots of boards that are not known yet, in one call: a read unit each, more for a large one.

        NotAcknowledged if the only one cannot be read; one among several is left out, so that it does not hold up the
        others.
        """
        if len(self._known) >= KNOWN_BOARDS:
            self._known.clear()
        missing = [(board, ROOT) for board in dict.fromkeys(boards) if board not in self._known]
        try:
            roots = self.index.read_shapes(missing) if missing else {}
        except NotAcknowledged:
            if len(missing) == 1:
                raise
            for board, _ in missing:
                with suppress(NotAcknowledged):
                    self.learn([board])
            return
        self._known.update({board: KnownShapes(root.shape, root.ties) for (board, _), root in roots.items()})

    def of(self, board: str, entries: Collection[StoredEntry]) -> KnownShapes:
        """Return a board's shapes, including the pages that the entries are on; a read unit for each new one.

        NotAcknowledged if the board keeps being cut meanwhile.
        """
        for _ in range(_ATTEMPTS):
            self.learn([board])
            known = self._known[board]
            if not known.root.is_inner or self._learn_pages(board, known, {known.key_of(entry) for entry in entries}):
                return known
            self.forget(board)
        raise NotAcknowledged("The index of a board changes too often to be read.")

    def forget(self, board: str) -> None:
        """Forget a board's shapes, so that the next use reads them again."""
        self._known.pop(board, None)

    def _learn_pages(self, board: str, known: KnownShapes, keys: Collection[str]) -> bool:
        """Read the pages that hold these keys; return whether they match the root.

        Checks each key against its page, which may have been cut since the root was read.
        """
        pages = {key: known.root.id_at(key) for key in keys}
        missing = [(board, page) for page in {*pages.values()} - known.pages.keys()]
        read = self.index.read_shapes(missing) if missing else {}
        known.pages.update({page: node.shape for (_, page), node in read.items()})
        return all(known.pages[page].version and known.pages[page].holds(key) for key, page in pages.items())

"""Verification: compare every entry with its item, in both directions, page by page, so tables can have any size.

Memory holds a page of each table and the keys that differ, never a whole table. A changed item takes a moment to reach
the leaderboard, so keys that differ are examined again until they agree or the time to settle is over. It reads both
tables once, each item and entry once more by its key, and queries the items of each participant whose entry differs.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain
from typing import Any, Literal

from scorecast.changes.values import Image
from scorecast.errors import CannotApply
from scorecast.leaderboard.batch_get import read_items
from scorecast.leaderboard.columns import values_in
from scorecast.leaderboard.derived_board import attribute_policies
from scorecast.leaderboard.expiry import has_expired
from scorecast.leaderboard.item import ENTRIES_ONLY, Item, Key, item_key, read_item
from scorecast.ops.recovery.comparison import (
    EXAMPLES,
    STRICT,
    Agreement,
    Comparison,
    Difference,
    ScoreAndName,
    agreement_of,
)
from scorecast.ops.stack.main_table import MainTable, main_table_of
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.pages import read_all
from scorecast.standings.entry import with_columns

PAGE_KEYS = 100
# How many suspects are examined together.
CHUNK = 1000

Kind = Literal["missing", "extra", "stale"]
OnProgress = Callable[[int, int], None]
"""Receives the numbers of further items and of further entries that were read."""
OnComparison = Callable[[Comparison], None]


def kind_of(difference: Difference) -> Kind:
    """Name a difference: no entry for an item, no item for an entry, or an entry that says something else."""
    if difference.leaderboard is None:
        return "missing"
    return "extra" if difference.main is None else "stale"


@dataclass(slots=True)
class Verifier:
    """Compares a leaderboard with its main table, on some boards or (None) on all."""

    table: MainTable
    dynamodb: Any
    leaderboard: str
    settle_s: float = 10.0
    on_progress: OnProgress = lambda _items, _entries: None
    clock: Clock = CLOCK
    agreement: Agreement = STRICT
    boards: Container[str] | None = None
    _expected_counts: Counter[str] = field(default_factory=Counter, init=False)
    _shown_counts: Counter[str] = field(default_factory=Counter, init=False)
    _waited_s: float = field(default=0.0, init=False)

    @property
    def loose(self) -> int:
        """The number of entries read that may differ from their items by their boards' policies."""
        return self._shown_counts["loose"]

    def find(self) -> Iterator[Difference]:
        """Yield every entry that is still missing, extra or stale after the time to settle."""
        for difference in self._confirmed_all(self._unlike_their_items()):
            if kind_of(difference) != "extra":
                yield difference
        for difference in self._confirmed_all(self._without_an_item()):
            if kind_of(difference) == "extra":
                yield difference

    def wait_until_equal(self, timeout_s: float, on_comparison: OnComparison, newest: Sequence[Key] = ()) -> Comparison:
        """Read both tables, and wait for differing entries until there are none or the time is over.

        The tables are first read once the `newest` entries agree. `on_comparison` receives each comparison, which only
        counts the differences; the last comparison also names some. Memory holds the keys of all entries that differ.
        """
        differing, began_s = list(newest), 0.0
        for elapsed_s in poll_until(timeout_s, pause_s=0.5, longest_pause_s=1, clock=self.clock):
            differing = self._still_differing(differing)
            if not differing:
                began_s = elapsed_s
                differing = self._suspects()
                if not any(map(self.examine, differing)):
                    differing = []
            comparison = self._comparison(len(differing), began_s)
            on_comparison(comparison)
            if comparison.is_equal:
                return comparison
        found = [difference for difference in map(self.examine, self._suspects()) if difference]
        return self._comparison(len(found), began_s, tuple(found[:EXAMPLES]))

    def _still_differing(self, keys: list[Key]) -> list[Key]:
        """Check some of the keys and return those that still differ; empty if both tables must be read again."""
        for _ in range(0, len(keys), CHUNK):
            some, rest = keys[:CHUNK], keys[CHUNK:]
            late = [key for page in cut_batches(some, PAGE_KEYS) for key in self._unlike(page)]
            if late and not self.examine(late[0]):
                return []  # items with different keys make these entries
            keys = rest + late
            if len(late) > len(some) // 2:
                break
        return keys

    def _unlike(self, keys: Sequence[Key]) -> list[Key]:
        """Return the keys whose entry differs from what the item with the same key makes."""
        shown = self._shown(keys)
        made = dict(chain.from_iterable(self.expected(item).items() for item in self._items_at(keys)))
        return [key for key in keys if not self.agreement.holds(key[1], made.get(key), shown.get(key))]

    def examine(self, key: Key) -> Difference | None:
        """Compare one entry with all items of its participant; return None if they agree."""
        shown = self._shown([key]).get(key)
        expected = {made[key] for made in map(self.expected, self.items_of(key[0])) if key in made}
        # Several items can make the same entry; only the stream knows which was written last, so the entry may show
        # any.
        allowed: set[ScoreAndName | None] = {*expected} or {None}
        if any(self.agreement.holds(key[1], made, shown) for made in allowed):
            return None
        return Difference(*key, next(iter(allowed)), shown)

    def _comparison(self, differing: int, began_s: float, examples: tuple[Difference, ...] = ()) -> Comparison:
        counts = self._expected_counts
        return Comparison(counts["entries"], differing, examples, counts["loose"], began_s)

    # ------------------------------------------------------------ suspects

    def _suspects(self) -> list[Key]:
        """Read both tables; return the keys whose entries may differ, without duplicates."""
        self._expected_counts.clear()
        self._shown_counts.clear()
        return list(dict.fromkeys(chain(self._unlike_their_items(), self._without_an_item())))

    def _unlike_their_items(self) -> Iterator[Key]:
        """Yield the key of each item whose entry differs from it."""
        for page in cut_batches(self.table.scan(self.agreement.values), PAGE_KEYS):
            made = [one for expected in map(self.expected, page) for one in expected.items() if self._is_meant(one[0])]
            shown = self._shown([key for key, _ in made])
            self._count(self._expected_counts, dict(made))
            holds = self.agreement.holds
            yield from (key for key, expected in made if not holds(key[1], expected, shown.get(key)))
            self.on_progress(len(page), 0)

    def _without_an_item(self) -> Iterator[Key]:
        """Yield the key of each entry that is not made by the item with the same key."""
        for page in cut_batches(self._entries(), PAGE_KEYS):
            entries = {key: shown for key, shown in page if self._is_meant(key)}
            made = {key for expected in map(self.expected, self._items_at(entries)) for key in expected}
            self._count(self._shown_counts, entries)
            holds = self.agreement.holds
            yield from (key for key, shown in entries.items() if key not in made and not holds(key[1], None, shown))
            self.on_progress(0, len(page))

    def _is_meant(self, key: Key) -> bool:
        return self.boards is None or key[1] in self.boards

    def _count(self, counts: Counter[str], keys: Collection[Key]) -> None:
        counts.update(entries=len(keys), loose=sum(self.agreement.is_loose(board) for _, board in keys))

    def _confirmed_all(self, suspects: Iterator[Key]) -> Iterator[Difference]:
        for chunk in cut_batches(suspects, CHUNK):
            yield from self._confirmed(list(dict.fromkeys(chunk)))

    def _confirmed(self, keys: Sequence[Key]) -> list[Difference]:
        """Examine suspects until all agree or the time to settle, which all calls share, is over."""
        found: list[Difference] = []
        start = self.clock.now()
        for _ in poll_until(max(self.settle_s - self._waited_s, 0), 0.2, 2, self.clock):
            found = [difference for difference in map(self.examine, keys) if difference]
            keys = [(one.participant, one.board) for one in found]
            if not keys:
                break
        self._waited_s += self.clock.now() - start
        return found

    # ------------------------------------------------------------ reading

    def expected(self, image: Image) -> dict[Key, ScoreAndName]:
        """Return the entries that an item makes, except those of periods.

        Empty if it has no score, or one that cannot be applied.
        """
        try:
            entry = self.table.entry_of(image)
        except CannotApply:
            return {}  # it is in the dead-letter queue, with the reason
        if entry is None or entry.score is None:
            return {}
        policy = self.agreement.policy_of(entry.board)
        derived = attribute_policies(entry.board, policy, image)
        columns = with_columns(entry, policy).columns
        shown = ScoreAndName(Decimal(entry.score), entry.name, entry.attributes, columns)
        return {(entry.id, board): shown for board in (entry.board, *derived)}

    def _shown(self, keys: Iterable[Key]) -> dict[Key, ScoreAndName]:
        """Read the leaderboard's entries at some keys, including hidden ones, whose scores are kept up to date."""
        asked = [item_key(*key) for key in dict.fromkeys(keys)]
        items = read_items(self.dynamodb, self.leaderboard, asked, consistent=True)
        return dict(self._entry_in(item) for item in items if read_item(item).score is not None)

    def _entries(self) -> Iterator[tuple[Key, ScoreAndName]]:
        """Read every entry of the leaderboard, page by page, except tombstones and entries of expired boards."""
        request = {"TableName": self.leaderboard, "ConsistentRead": True, **ENTRIES_ONLY}
        items = read_all(self.dynamodb.scan, request)
        return (self._entry_in(item) for item in items if not has_expired(item, time.time()))

    def _entry_in(self, item: Item) -> tuple[Key, ScoreAndName]:
        entry = read_item(item)
        columns = values_in(entry.tie_order, self.agreement.policy_of(entry.board))
        return entry.key, ScoreAndName(entry.number, entry.name, entry.attributes, columns)

    def _items_at(self, keys: Iterable[Key]) -> Iterator[Item]:
        """Read the items of the main table with the same keys as these entries."""
        if self.table.key_types[self.table.attributes.metadata] == "S":
            based = {(participant, self.agreement.policy_of(board).base or board) for participant, board in keys}
            asked = [self.table.key(*key) for key in sorted(based)]
            yield from read_items(self.dynamodb, self.table.name, asked, consistent=True)

    def items_of(self, participant: str) -> Iterator[Item]:
        """Read all items of a participant."""
        name = self.table.attributes.id
        request: dict[str, Any] = {
            "TableName": self.table.name,
            "ConsistentRead": True,
            "KeyConditionExpression": "#id = :id",
            "ExpressionAttributeNames": {"#id": name},
            "ExpressionAttributeValues": {":id": {self.table.key_types[name]: participant}},
        }
        return read_all(self.dynamodb.query, request)


def verifier_of(
    stack: Stack,
    settle_s: float,
    on_progress: OnProgress,
    clock: Clock = CLOCK,
    boards: Container[str] | None = None,
) -> Verifier:
    """Make the verifier of a stack."""
    dynamodb = stack.json_client("dynamodb")
    return Verifier(
        replace(main_table_of(stack), dynamodb=dynamodb),
        dynamodb,
        stack.output("LeaderboardTableName"),
        settle_s,
        on_progress,
        clock,
        agreement_of(stack),
        boards,
    )


def wait_until_equal(
    stack: Stack,
    boards: Container[str] | None,
    timeout_s: float,
    on_comparison: OnComparison,
    newest: Sequence[Key] = (),
    clock: Clock = CLOCK,
) -> Comparison:
    """Wait until some boards of a stack, or (None) all, agree with the main table: see Verifier.wait_until_equal."""
    verifier = verifier_of(stack, 0, lambda _items, _entries: None, clock, boards)
    return verifier.wait_until_equal(timeout_s, on_comparison, newest)

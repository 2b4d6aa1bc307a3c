"""Verification: every entry against its item, in both directions and in pages, so that size does not matter.

Memory holds a page of each table and what was found, never a table. What differs is looked at again until it agrees or
the time to settle is over: changes that are under way are no fault. Costs a read of both tables, one more read of each
item and entry, and a query for each entry whose item has other keys than the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

from scorecast.changes.change import Image
from scorecast.errors import CannotApply
from scorecast.leaderboard.batch_get import Item, read_items
from scorecast.ops.recovery.comparison import (
    STRICT,
    Agreement,
    Difference,
    Key,
    ScoreAndName,
    agreement_of,
    leaderboard_of,
)
from scorecast.ops.stack.main_table import MainTable, main_table_of
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.pages import read_all

PAGE_KEYS = 100
# How many suspects are looked at again together.
CHUNK = 1000

Kind = Literal["missing", "extra", "stale"]
OnProgress = Callable[[int, int], None]
"""Hears how many more items of the main table and how many more entries were looked at."""


def kind_of(difference: Difference) -> Kind:
    """Name a difference: no entry for an item, no item for an entry, or an entry that says something else."""
    if difference.leaderboard is None:
        return "missing"
    return "extra" if difference.main is None else "stale"


@dataclass(slots=True)
class Verifier:
    """Compares a leaderboard with its main table; `loose` counts the entries that need not equal their items."""

    table: MainTable
    dynamodb: Any
    leaderboard: str
    settle_s: float = 10.0
    on_progress: OnProgress = lambda _items, _entries: None
    clock: Clock = CLOCK
    agreement: Agreement = STRICT
    loose: int = field(default=0, init=False)
    _waited_s: float = field(default=0.0, init=False)

    def find(self) -> Iterator[Difference]:
        """Yield every entry that is missing, extra or stale, and stays so."""
        for difference in self._confirmed_all(self._unlike_their_items()):
            if kind_of(difference) != "extra":
                yield difference
        for difference in self._confirmed_all(self._without_an_item()):
            if kind_of(difference) == "extra":
                yield difference

    def examine(self, key: Key) -> Difference | None:
        """Compare one entry with all items of its participant; None where they agree."""
        shown = self._shown([key]).get(key)
        expected = {item for item in map(self._expected, self.items_of(key[0])) if item and item[0] == key}
        allowed: set[ScoreAndName | None] = {made for _, made in expected} or {None}
        if any(self.agreement.holds(key[1], made, shown) for made in allowed):
            return None
        return Difference(*key, next(iter(allowed)), shown)

    # ------------------------------------------------------------ suspects

    def _unlike_their_items(self) -> Iterator[Key]:
        """Keys whose entry is not as an item of the main table has it."""
        for page in _pages(self.table.scan()):
            made = [expected for expected in map(self._expected, page) if expected]
            shown = self._shown([key for key, _ in made])
            holds = self.agreement.holds
            yield from (key for key, expected in made if not holds(key[1], expected, shown.get(key)))
            self.on_progress(len(page), 0)

    def _without_an_item(self) -> Iterator[Key]:
        """Keys of entries that the item of the same keys does not make."""
        for page in _pages(leaderboard_of(self.dynamodb, self.leaderboard)):
            keys = [key for key, _ in page]
            made = {expected[0] for expected in map(self._expected, self._items_at(keys)) if expected}
            self.loose += sum(self.agreement.is_loose(board) for _, board in keys)
            holds = self.agreement.holds
            yield from (key for key, shown in page if key not in made and not holds(key[1], None, shown))
            self.on_progress(0, len(page))

    def _confirmed_all(self, suspects: Iterator[Key]) -> Iterator[Difference]:
        while chunk := list(islice(suspects, CHUNK)):
            yield from self._confirmed(list(dict.fromkeys(chunk)))

    def _confirmed(self, keys: Sequence[Key]) -> list[Difference]:
        """Look again at suspects until each agrees, or the time to settle, which all share, is over."""
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

    def _expected(self, image: Image) -> tuple[Key, ScoreAndName] | None:
        """The entry that an item makes; None where it makes none, or can make none."""
        try:
            entry = self.table.entry_of(image)
        except CannotApply:
            return None  # it is in the dead-letter queue, with the reason
        if entry is None or entry.score is None:
            return None
        return entry.key, ScoreAndName(Decimal(entry.score), entry.name)

    def _shown(self, keys: Iterable[Key]) -> dict[Key, ScoreAndName]:
        """Read the entries that the leaderboard has at some keys."""
        asked = [{"id": {"S": key[0]}, "metadata": {"S": key[1]}} for key in dict.fromkeys(keys)]
        items = read_items(self.dynamodb, self.leaderboard, asked, consistent=True)
        return dict(_entry_of(item) for item in items if "projectScore" in item)

    def _items_at(self, keys: Iterable[Key]) -> Iterator[Item]:
        """The items of the main table whose keys are those of entries."""
        if self.table.key_types[self.table.attributes.metadata] == "S":
            asked = [self.table.key(*key) for key in keys]
            yield from read_items(self.dynamodb, self.table.name, asked, consistent=True)

    def items_of(self, participant: str) -> Iterator[Item]:
        """All items of a participant."""
        name = self.table.attributes.id
        request: dict[str, Any] = {
            "TableName": self.table.name,
            "ConsistentRead": True,
            "KeyConditionExpression": "#id = :id",
            "ExpressionAttributeNames": {"#id": name},
            "ExpressionAttributeValues": {":id": {self.table.key_types[name]: participant}},
        }
        return read_all(self.dynamodb.query, request)


def verifier_of(stack: Stack, settle_s: float, on_progress: OnProgress, clock: Clock = CLOCK) -> Verifier:
    """The verifier of a stack."""
    return Verifier(
        main_table_of(stack),
        stack.client("dynamodb"),
        stack.output("LeaderboardTableName"),
        settle_s,
        on_progress,
        clock,
        agreement_of(stack),
    )


def _entry_of(item: Item) -> tuple[Key, ScoreAndName]:
    key = (item["id"]["S"], item["metadata"]["S"])
    return key, ScoreAndName(Decimal(item["projectScore"]["N"]), item.get("userName", {}).get("S"))


def _pages(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while page := list(islice(rows, PAGE_KEYS)):
        yield page

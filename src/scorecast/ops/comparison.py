"""Comparison: every entry of the leaderboard against the item of the main table that it was made from.

Both tables are read page by page; of the main table only what makes an entry is kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from scorecast.errors import CannotApply
from scorecast.ops.deadline import CLOCK, Clock, attempts
from scorecast.ops.main_table import MainTable, main_table_of
from scorecast.ops.stack import Stack

Key = tuple[str, str]
"""An entry's participant and board."""

EXAMPLES = 5
"""How many differences a message names."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an entry says: the score and the name."""

    score: Decimal
    name: str | None

    def __str__(self) -> str:
        return f"{self.score}" if self.name is None else f"{self.score} ({self.name})"


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry that is not as the main table has it; None stands for no item or no entry."""

    participant: str
    board: str
    main: Standing | None
    leaderboard: Standing | None

    def __str__(self) -> str:
        shown = f"shows {self.leaderboard}" if self.leaderboard else "has no entry"
        expected = f"the main table says {self.main}" if self.main else "the main table has no such item"
        return f"{self.board}/{self.participant} {shown}, {expected}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two tables agree: entries that should be there, how many are right, and some that are not."""

    entries: int
    differing: int
    examples: tuple[Difference, ...]

    @property
    def is_equal(self) -> bool:
        """Whether every entry is as the main table has it, and none is there besides."""
        return self.differing == 0

    def __str__(self) -> str:
        if self.is_equal:
            return f"all {self.entries:,} entries are as in the main table"
        examples = "; ".join(map(str, self.examples))
        more = f"; and {self.differing - len(self.examples):,} more" if self.differing > len(self.examples) else ""
        return f"{self.differing:,} of {self.entries:,} entries differ: {examples}{more}"


def compare(stack: Stack, boards: Container[str] | None = None) -> Comparison:
    """Compare all entries, or those of some boards, with the main table: reads both tables whole."""
    expected = expected_of(main_table_of(stack))
    shown = leaderboard_of(stack.client("dynamodb"), stack.output("LeaderboardTableName"))
    if boards is not None:
        expected = {key: standings for key, standings in expected.items() if key[1] in boards}
        shown = (pair for pair in shown if pair[0][1] in boards)
    return summary(len(expected), differences(expected, shown))


def wait_until_equal(
    stack: Stack,
    boards: Container[str] | None,
    deadline_s: float,
    on_progress: Callable[[Comparison], None],
    clock: Clock = CLOCK,
) -> Comparison:
    """Compare until all entries are equal or the deadline is over; return the last comparison."""
    for _ in attempts(deadline_s, pause_s=0.5, longest_pause_s=5, clock=clock):
        comparison = compare(stack, boards)
        on_progress(comparison)
        if comparison.is_equal:
            break
    return comparison


def expected_of(table: MainTable) -> dict[Key, set[Standing]]:
    """The entries that the main table's items make.

    More than one standing at a key where several items make the same entry (a board named by an attribute): the
    one written last counts, which only the stream knows.
    """
    expected: dict[Key, set[Standing]] = {}
    for image in table.scan():
        try:
            entry = table.entry_of(image)
        except CannotApply:
            continue  # it is in the dead-letter queue, with the reason
        if entry and entry.score is not None:
            expected.setdefault(entry.key, set()).add(Standing(Decimal(entry.score), entry.name))
    return expected


def leaderboard_of(dynamodb: Any, table: str) -> Iterator[tuple[Key, Standing]]:
    """Every entry of the leaderboard table, page by page; tombstones are none."""
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "FilterExpression": "attribute_exists(projectScore)",
    }
    while True:
        page = dynamodb.scan(**request)
        for item in page["Items"]:
            standing = Standing(Decimal(item["projectScore"]["N"]), item.get("userName", {}).get("S"))
            yield (item["id"]["S"], item["metadata"]["S"]), standing
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def differences(expected: dict[Key, set[Standing]], shown: Iterable[tuple[Key, Standing]]) -> Iterator[Difference]:
    """Every entry that is wrong, is missing, or should not be there."""
    missing = set(expected)
    for key, standing in shown:
        missing.discard(key)
        standings = expected.get(key, set())
        if standing not in standings:
            yield Difference(*key, next(iter(standings), None), standing)
    for key in sorted(missing):
        yield Difference(*key, next(iter(expected[key])), None)


def summary(entries: int, found: Iterator[Difference]) -> Comparison:
    """Count the differences, and keep the first few."""
    examples = tuple(islice(found, EXAMPLES))
    return Comparison(entries, len(examples) + sum(1 for _ in found), examples)

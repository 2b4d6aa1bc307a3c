"""Comparison: every entry of the leaderboard against the item of the main table that it was made from, as far as the
policy of its board lets an entry be told from an item.

Both tables are read page by page; of the main table only what makes an entry is kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import Any

from scorecast.changes.change import iso_now
from scorecast.errors import CannotApply
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Keep
from scorecast.ops.boards.policies import policies_of
from scorecast.ops.stack.main_table import MainTable, main_table_of
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.pages import read_all

Key = tuple[str, str]
"""An entry's participant and board."""

EXAMPLES = 5
"""How many differences a message names."""


@dataclass(frozen=True, slots=True)
class ScoreAndName:
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
    main: ScoreAndName | None
    leaderboard: ScoreAndName | None

    def __str__(self) -> str:
        shown = f"shows {self.leaderboard}" if self.leaderboard else "has no entry"
        expected = f"the main table says {self.main}" if self.main else "the main table has no such item"
        return f"{self.board}/{self.participant} {shown}, {expected}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """When an entry is as its item and the policy of its board have it, as far as these can tell.

    An item knows its score of now. So a best score can only be checked not to be worse, a first one to be there, and of
    a closed board nothing.
    """

    policies: Mapping[str, BoardPolicy] = field(default_factory=dict)
    now: Callable[[], str] = iso_now

    def holds(self, board: str, main: ScoreAndName | None, leaderboard: ScoreAndName | None) -> bool:
        """Whether an entry can be what became of an item; None stands for no item or no entry."""
        policy = self.policies.get(board, DEFAULT)
        if not policy.is_open(self.now()):
            return True
        if main is None or leaderboard is None or policy.keep == Keep.LATEST:
            return main == leaderboard
        is_worse = policy.keep == Keep.BEST and policy.order.is_better(main.score, leaderboard.score)
        return main.name == leaderboard.name and not is_worse

    def is_loose(self, board: str) -> bool:
        """Whether an entry of the board may be other than its item."""
        policy = self.policies.get(board, DEFAULT)
        return policy.keep != Keep.LATEST or not policy.is_open(self.now())


STRICT = Agreement()
"""No board has a policy: an entry is what its item says."""


def agreement_of(stack: Stack) -> Agreement:
    """What the policies of a stack's boards have its entries be."""
    return Agreement(policies_of(stack).all())


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two tables agree: entries that should be there, how many are right, and some that are not.

    Of `loose` ones the policy of their board has them be other than their items.
    """

    entries: int
    differing: int
    examples: tuple[Difference, ...]
    loose: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether every entry is as the main table has it, and none is there besides."""
        return self.differing == 0

    def __str__(self) -> str:
        if self.is_equal:
            loosely = (
                f", {self.loose:,} of them as far as their boards' policies let that be seen" if self.loose else ""
            )
            return f"all {self.entries:,} entries are as in the main table{loosely}"
        examples = "; ".join(map(str, self.examples))
        more = f"; and {self.differing - len(self.examples):,} more" if self.differing > len(self.examples) else ""
        return f"{self.differing:,} of {self.entries:,} entries differ: {examples}{more}"


def compare(stack: Stack, boards: Container[str] | None = None) -> Comparison:
    """Compare all entries, or those of some boards, with the main table: reads both tables whole."""
    agreement, expected = agreement_of(stack), expected_of(main_table_of(stack))
    shown = leaderboard_of(stack.client("dynamodb"), stack.output("LeaderboardTableName"))
    if boards is not None:
        expected = {key: standings for key, standings in expected.items() if key[1] in boards}
        shown = (pair for pair in shown if pair[0][1] in boards)
    loose = sum(agreement.is_loose(board) for _, board in expected)
    return replace(summary(len(expected), differences(expected, shown, agreement)), loose=loose)


def wait_until_equal(
    stack: Stack,
    boards: Container[str] | None,
    deadline_s: float,
    on_progress: Callable[[Comparison], None],
    clock: Clock = CLOCK,
) -> Comparison:
    """Compare until all entries are equal or the deadline is over; return the last comparison."""
    for _ in poll_until(deadline_s, pause_s=0.5, longest_pause_s=5, clock=clock):
        comparison = compare(stack, boards)
        on_progress(comparison)
        if comparison.is_equal:
            break
    return comparison


def expected_of(table: MainTable) -> dict[Key, set[ScoreAndName]]:
    """The entries that the main table's items make.

    More than one standing at a key where several items make the same entry (a board named by an attribute): the
    one written last counts, which only the stream knows.
    """
    expected: dict[Key, set[ScoreAndName]] = {}
    for image in table.scan():
        try:
            entry = table.entry_of(image)
        except CannotApply:
            continue  # it is in the dead-letter queue, with the reason
        if entry and entry.score is not None:
            expected.setdefault(entry.key, set()).add(ScoreAndName(Decimal(entry.score), entry.name))
    return expected


def leaderboard_of(dynamodb: Any, table: str) -> Iterator[tuple[Key, ScoreAndName]]:
    """Every entry of the leaderboard table, page by page; tombstones are none."""
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "FilterExpression": "attribute_exists(projectScore)",
    }
    for item in read_all(dynamodb.scan, request):
        shown = ScoreAndName(Decimal(item["projectScore"]["N"]), item.get("userName", {}).get("S"))
        yield (item["id"]["S"], item["metadata"]["S"]), shown


def differences(
    expected: dict[Key, set[ScoreAndName]], shown: Iterable[tuple[Key, ScoreAndName]], agreement: Agreement = STRICT
) -> Iterator[Difference]:
    """Every entry that is wrong, is missing, or should not be there."""
    missing = set(expected)
    for key, standing in shown:
        missing.discard(key)
        standings = expected.get(key, {None})
        if not any(agreement.holds(key[1], one, standing) for one in standings):
            yield Difference(*key, next(iter(standings)), standing)
    for key in sorted(missing):
        main = next(iter(expected[key]))
        if not agreement.holds(key[1], main, None):
            yield Difference(*key, main, None)


def summary(entries: int, found: Iterator[Difference]) -> Comparison:
    """Count the differences, and keep the first few."""
    examples = tuple(islice(found, EXAMPLES))
    return Comparison(entries, len(examples) + sum(1 for _ in found), examples)

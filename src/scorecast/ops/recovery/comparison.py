"""Comparison: what an entry on the leaderboard and its item in the main table say, and whether they agree.

The board's policy decides how much an item tells about its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from scorecast.changes.change import iso_now
from scorecast.leaderboard.columns import Values, rank_prefix
from scorecast.leaderboard.derived_board import policy_by_name
from scorecast.leaderboard.display import Attributes
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Keep
from scorecast.ops.boards.policies import policies_of
from scorecast.ops.stack.stack import Stack

EXAMPLES = 5
"""How many differences a message lists."""


@dataclass(frozen=True, slots=True)
class ScoreAndName:
    """What an entry shows: the score, the name, the attributes, and the columns of its board's policy."""

    score: Decimal
    name: str | None
    attributes: Attributes = ()
    columns: Values = ()

    def __str__(self) -> str:
        attributes = [f"{name} {value}" for name, value in self.attributes]
        beside = ", ".join(([] if self.name is None else [self.name]) + attributes)
        then = ", ".join([f"{self.score}", *(value or "-" for value in self.columns)])
        return f"{then} ({beside})" if beside else then


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry that differs from its item; `main` is None without an item, `leaderboard` without an entry."""

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
    """Decides whether an entry agrees with its item, under the policy of its board.

    An item holds only its current score, not when it was set. So a best score is only checked not to be worse, and a
    first score or a gain only to exist; the name is compared in any case. Entries of closed boards, of periods and of
    copies are not checked.
    """

    policies: Mapping[str, BoardPolicy] = field(default_factory=dict)
    now: Callable[[], str] = iso_now

    def holds(self, board: str, main: ScoreAndName | None, leaderboard: ScoreAndName | None) -> bool:
        """Whether an entry can come from an item; None means no item or no entry."""
        policy = self.policy_of(board)
        if not self._is_checked(policy):
            return True
        if main is None or leaderboard is None or policy.keep == Keep.LATEST:
            return main == leaderboard
        best, shown = (rank_prefix(one.score, one.columns, policy) for one in (main, leaderboard))
        is_worse = policy.keep == Keep.BEST and best < shown
        return (main.name, main.attributes) == (leaderboard.name, leaderboard.attributes) and not is_worse

    def is_loose(self, board: str) -> bool:
        """Whether an entry of the board may differ from its item."""
        policy = self.policy_of(board)
        return policy.keep != Keep.LATEST or not self._is_checked(policy)

    def policy_of(self, board: str) -> BoardPolicy:
        """Return a board's policy; from its base's, if it is a derived board that began after policies were read."""
        return self.policies.get(board) or policy_by_name(board, self.policies) or DEFAULT

    @property
    def values(self) -> tuple[str, ...]:
        """The attributes that policies name: those whose values make derived boards, and columns."""
        policies = self.policies.values()
        return tuple(sorted({one for policy in policies for one in (*policy.by, *(c.name for c in policy.columns))}))

    def _is_checked(self, policy: BoardPolicy) -> bool:
        return not policy.starts_at and not policy.copy_of and policy.is_open(self.now())


STRICT = Agreement()
"""No board has a policy: every entry equals its item."""


def agreement_of(stack: Stack) -> Agreement:
    """Read the policies of a stack's boards."""
    return Agreement(policies_of(stack).all())


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many entries the main table makes, how many differ, and some that do.

    `loose` is the number of entries that may differ from their items by their boards' policies. `began_s` is when the
    reading behind this result began, in seconds since the wait began.
    """

    entries: int
    differing: int
    examples: tuple[Difference, ...]
    loose: int = 0
    began_s: float = field(default=0.0, compare=False)

    @property
    def is_equal(self) -> bool:
        """Whether all entries agree with the main table, with none missing or extra."""
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

"""A board's policy: which scores are better, which of them counts, the order of ties, the end, corrections. Pure.

A policy is declared for one board and stored as an item of the board table. By default the highest score is best, the
latest score counts, ties have no order, and a board never closes. Once closed, it takes no corrections. Raises
CannotRead for any other value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from scorecast.errors import CannotRead

# The prefix of the collections of the board table that hold a policy. The board in the partition key spreads boards
# over partitions, for every consumer and every list of boards reads policies.
POLICY = "policy/"
# The collection that names the boards with a policy, for commands that list them; the functions do not read it.
POLICIES = "policies"

Item = dict[str, Any]
_Choice = TypeVar("_Choice", bound=StrEnum)
# Scores, and the buckets of the counting index, which are in the order of the scores.
_Ordered = TypeVar("_Ordered", int, Decimal, tuple[int, int])


class Order(StrEnum):
    """Which scores are better: the highest, or the lowest (golf, times)."""

    DESCENDING = "descending"
    ASCENDING = "ascending"

    def is_better(self, one: _Ordered, other: _Ordered) -> bool:
        """Whether one score, or bucket, is better than the other."""
        return one > other if self is Order.DESCENDING else one < other

    def sort_key(self, score: Decimal) -> Decimal:
        """Return a number that is smaller for a better score."""
        return score if self is Order.ASCENDING else score.copy_negate()

    def best_first(self, values: Iterable[_Ordered]) -> list[_Ordered]:
        """Sort scores, or buckets with or without their counts, best first."""
        return sorted(values, reverse=self is Order.DESCENDING)


class Keep(StrEnum):
    """Which of a participant's scores on the board counts."""

    LATEST = "latest"
    BEST = "best"
    FIRST = "first"


class Ties(StrEnum):
    """The order of entries with the same score, which share a rank: none, or the earliest first."""

    UNORDERED = "unordered"
    EARLIEST = "earliest"


class Corrections(StrEnum):
    """Whether a removal or a name counts if it happens after the board closed; a score never does."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class BoardPolicy:
    """The policy of one board; scores after `closes_at` (ISO 8601, UTC) do not count."""

    order: Order = Order.DESCENDING
    keep: Keep = Keep.LATEST
    ties: Ties = Ties.UNORDERED
    closes_at: str | None = None
    corrections: Corrections = Corrections.CLOSED

    def is_open(self, at: str) -> bool:
        """Whether a score of this time (its change's `at`) counts; CannotRead if that is not a time."""
        return self.closes_at is None or _moment("at", at) <= _moment("closes_at", self.closes_at)


DEFAULT = BoardPolicy()

_NAMES = {
    "order": "order",
    "keep": "keep",
    "ties": "ties",
    "closes_at": "closesAt",
    "corrections": "corrections",
}


def policy_key(board: str) -> Item:
    """The key of a board's policy in the board table."""
    return {"collection": {"S": f"{POLICY}{board}"}, "name": {"S": board}}


def is_policy(item: Mapping[str, Any]) -> bool:
    """Whether an item of the board table is a policy."""
    return str(item["collection"]["S"]).startswith(POLICY)


def listed_key(board: str) -> Item:
    """The item that names a board with a policy in the list of them; it has nothing but its key."""
    return {"collection": {"S": POLICIES}, "name": {"S": board}}


def policy_item(board: str, policy: BoardPolicy) -> Item:
    """The item that stores a policy; default values are omitted."""
    declared = {
        _NAMES[one.name]: {"S": str(getattr(policy, one.name))}
        for one in fields(policy)
        if getattr(policy, one.name) != getattr(DEFAULT, one.name)
    }
    return policy_key(board) | declared


def read_policy(item: Mapping[str, Any] | None) -> BoardPolicy:
    """Read a board's policy from its item; the default without one. CannotRead names an invalid value."""
    if not item:
        return DEFAULT
    values = {name: _text(item[attribute]) for name, attribute in _NAMES.items() if attribute in item}
    try:
        return make_policy(**values)
    except CannotRead as error:
        raise CannotRead(f"The policy of the board {item['name']['S']!r} is not usable: {error}") from None


def make_policy(
    order: str = DEFAULT.order,
    keep: str = DEFAULT.keep,
    ties: str = DEFAULT.ties,
    closes_at: str | None = None,
    corrections: str = DEFAULT.corrections,
) -> BoardPolicy:
    """Make a policy from texts; raises CannotRead for an invalid value."""
    return BoardPolicy(
        order=_choice(Order, "order", order),
        keep=_choice(Keep, "keep", keep),
        ties=_choice(Ties, "ties", ties),
        closes_at=None if closes_at is None else _moment("closes_at", closes_at).isoformat().replace("+00:00", "Z"),
        corrections=_choice(Corrections, "corrections", corrections),
    )


def _text(value: Mapping[str, Any]) -> str:
    """The text of a value; one of another type as it stands, which `make_policy` then refuses."""
    return str(value.get("S", value))


def _choice(choices: type[_Choice], name: str, text: str) -> _Choice:
    try:
        return choices(text)
    except ValueError:
        raise CannotRead(f"{name} is {text!r}; it must be one of {', '.join(choices)}.") from None


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CannotRead(f"{name} is {text!r}; it must be a time such as 2026-12-01T18:00:00Z.") from None
    if moment.tzinfo is None:
        raise CannotRead(f"{name} is {text!r}; it must say its time zone, such as 2026-12-01T18:00:00Z.")
    return moment

"""A board's policy: which scores are better, which of them counts, the order of ties, the end, derived boards. Pure.

A policy is declared for one board and stored as an item of the board table. By default the highest score is best, the
latest score counts, ties have no order, a board never closes, and no boards derive from it. Once closed, it takes no
corrections. A derived board (derived_board.py) has a policy of its own, which names its base. Raises CannotRead for an
invalid value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from scorecast.errors import CannotRead
from scorecast.leaderboard.batch_get import BOARD_BYTES
from scorecast.leaderboard.expiry import expiry

# The prefix of the board table's collections that hold a policy. The board is in the partition key to spread boards
# over partitions, because every consumer and every list of boards reads policies.
POLICY = "policy/"
# The collection that names the boards with a policy. Commands list them; the functions do not read it.
POLICIES = "policies"
# The most attributes by which boards can derive from a board; each costs as much as a board of its own.
BY_MAX = 5
# The policy of an expiring board outlives its other items, which DynamoDB deletes within days. So it still decides
# about late changes, whatever the base declares meanwhile.
_POLICY_OUTLIVES_S = 30 * 24 * 3600
_KEEP_PERIODS_MAX = 1000

# Each column makes order keys longer, and with them the cuts of the counting index: a look-up reads a page of 130 cuts.
COLUMNS_MAX = 3
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-attributes
_ATTRIBUTE_BYTES = 255

_PATH = re.compile(r"(?<=:role)/(.*/)?")
_READER = re.compile(r"[a-z0-9]{1,64}|arn:[a-z-]+:iam::[0-9]{12}:(user|role)/[\w+=,.@/-]+")

Item = dict[str, Any]
_Choice = TypeVar("_Choice", bound=StrEnum)
# Scores, and buckets of scores, which sort like scores.
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
    """Which of a participant's scores on the board counts; or the gain counts."""

    LATEST = "latest"
    BEST = "best"
    FIRST = "first"
    GAIN = "gain"

    @property
    def words(self) -> str:
        """What such a board keeps, in words."""
        return "the gain" if self is Keep.GAIN else f"the {self} score"


class Ties(StrEnum):
    """The order of entries that share a score and so a rank: unordered, or the earliest first."""

    UNORDERED = "unordered"
    EARLIEST = "earliest"


class Every(StrEnum):
    """The length of a period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Corrections(StrEnum):
    """Whether a removal or a new name counts after the board has closed; a score never does."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute of items that ranks entries with equal scores, and which of its values are better."""

    name: str
    order: Order


@dataclass(frozen=True, slots=True)
class BoardPolicy:
    """The policy of one board; scores after `closes_at` (ISO 8601, UTC) do not count.

    If `every` gives the length of periods, a board derives from it for each period; so does a board for each value of
    the attributes `by`. Periods begin at midnight in `time_zone`, an IANA name. A derived board has a `base`, and
    either the time at which its period `starts_at` or the `attribute` whose value it is for.

    If `keep_periods` is declared, a period's board is `kept_until` that many further periods have ended; then it
    expires, and nothing counts on it.

    `then_by` has the columns that rank equal scores, as text: `penalty:ascending,lastSolvedAt:ascending`.

    From `freezes_at` on, the API answers with a copy of the board, which takes no later changes. The copy's policy
    names the board in `copy_of`.

    If `readers` are declared, the API shows the board only to them: ids of API keys and ARNs of IAM users and roles,
    separated by commas. Boards that derive from it have the same readers.
    """

    order: Order = Order.DESCENDING
    keep: Keep = Keep.LATEST
    ties: Ties = Ties.UNORDERED
    closes_at: str | None = None
    corrections: Corrections = Corrections.CLOSED
    every: Every | None = None
    time_zone: str = "UTC"
    by: tuple[str, ...] = ()
    base: str | None = None
    starts_at: str | None = None
    attribute: str | None = None
    then_by: str = ""
    freezes_at: str | None = None
    copy_of: str | None = None
    keep_periods: int | None = None
    kept_until: str | None = None
    readers: str = ""

    def may_read(self, caller: str | None) -> bool:
        """Whether the API shows the board to a caller: the id of a key, or an ARN; None for an anonymous caller.

        A caller's role ARN has no path, but a role's name is unique in an account.
        """
        return not self.readers or caller in [_PATH.sub("/", one) for one in self.listed_readers]

    @property
    def listed_readers(self) -> list[str]:
        """The readers as a list; empty means everybody."""
        return self.readers.split(",") if self.readers else []

    @property
    def expires_at(self) -> int | None:
        """When the items of the board expire, in epoch seconds; None if they do not."""
        return int(read_time("kept_until", self.kept_until).timestamp()) if self.kept_until else None

    def has_expired(self, now: str) -> bool:
        """Whether the board has expired at a time."""
        return bool(self.kept_until and read_time("now", now) >= read_time("kept_until", self.kept_until))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns by which equal scores are ranked."""
        return _columns(self.then_by)

    @property
    def orders_ties(self) -> bool:
        """Whether entries with equal scores have an order; a board with columns always orders the remaining ties."""
        return self.ties is Ties.EARLIEST or bool(self.then_by)

    @property
    def key_order(self) -> str:
        """What the order keys of the board's entries sort by, as text: the order of the scores, then the columns."""
        return f"{self.order},{self.then_by}" if self.then_by else str(self.order)

    def is_open(self, at: str) -> bool:
        """Whether a score set at a time (its change's `at`) counts; CannotRead if `at` is not a time."""
        ends = {"closes_at": self.closes_at, "freezes_at": self.freezes_at if self.copy_of else None}
        return all(read_time("at", at) <= read_time(name, text) for name, text in ends.items() if text)

    def is_frozen(self, now: str) -> bool:
        """Whether the API answers with the board's copy at a time."""
        if not self.freezes_at or self.copy_of:
            return False
        return read_time("now", now) >= read_time("freezes_at", self.freezes_at)


DEFAULT = BoardPolicy()

_NAMES = {
    "order": "order",
    "keep": "keep",
    "ties": "ties",
    "closes_at": "closesAt",
    "corrections": "corrections",
    "every": "every",
    "time_zone": "timeZone",
    "by": "by",
    "base": "base",
    "starts_at": "startsAt",
    "attribute": "attribute",
    "then_by": "thenBy",
    "freezes_at": "freezesAt",
    "copy_of": "copyOf",
    "keep_periods": "keepPeriods",
    "kept_until": "keptUntil",
    "readers": "readers",
}


def policy_key(board: str) -> Item:
    """The key of a board's policy in the board table."""
    return {"collection": {"S": f"{POLICY}{board}"}, "name": {"S": board}}


def is_policy(item: Mapping[str, Any]) -> bool:
    """Whether an item of the board table is a policy."""
    return str(item["collection"]["S"]).startswith(POLICY)


def listed_key(board: str) -> Item:
    """The key of the item that names a board in the list of boards with a policy."""
    return {"collection": {"S": POLICIES}, "name": {"S": board}}


def listed_item(board: str, policy: BoardPolicy) -> Item:
    """The item that names a board in the list of boards with a policy; it has only its key and its expiry."""
    return listed_key(board) | _late_expiry(policy)


def policy_item(board: str, policy: BoardPolicy) -> Item:
    """The item that stores a policy; default values are omitted."""
    declared = {
        _NAMES[one.name]: {"S": _stored(getattr(policy, one.name))}
        for one in fields(policy)
        if getattr(policy, one.name) != getattr(DEFAULT, one.name)
    }
    return policy_key(board) | declared | _late_expiry(policy)


def _late_expiry(policy: BoardPolicy) -> Item:
    return expiry(policy.expires_at and policy.expires_at + _POLICY_OUTLIVES_S)


def _stored(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def read_policy(item: Mapping[str, Any] | None) -> BoardPolicy:
    """Read a board's policy from its item; the default without an item. CannotRead names an invalid value."""
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
    every: str | None = None,
    time_zone: str = DEFAULT.time_zone,
    by: str = "",
    base: str | None = None,
    starts_at: str | None = None,
    attribute: str | None = None,
    then_by: str = DEFAULT.then_by,
    freezes_at: str | None = None,
    copy_of: str | None = None,
    keep_periods: str | None = None,
    kept_until: str | None = None,
    readers: str = DEFAULT.readers,
) -> BoardPolicy:
    """Make a policy from texts; in `by`, commas separate the attributes. CannotRead for an invalid value."""
    return BoardPolicy(
        order=_choice(Order, "order", order),
        keep=_choice(Keep, "keep", keep),
        ties=_choice(Ties, "ties", ties),
        closes_at=None if closes_at is None else utc_text(read_time("closes_at", closes_at)),
        corrections=_choice(Corrections, "corrections", corrections),
        every=None if every is None else _choice(Every, "every", every),
        time_zone=_known_zone(time_zone),
        by=_attributes(by),
        base=base,
        starts_at=starts_at,
        attribute=attribute,
        then_by=_checked_columns(then_by),
        freezes_at=None if freezes_at is None else utc_text(read_time("freezes_at", freezes_at)),
        copy_of=copy_of,
        keep_periods=None if keep_periods is None else _number_of_periods(keep_periods),
        kept_until=None if kept_until is None else utc_text(read_time("kept_until", kept_until)),
        readers=_checked_readers(readers),
    )


def _checked_readers(text: str) -> str:
    wrong = next((one for one in text.split(",") if text and not _READER.fullmatch(one)), None)
    if wrong is not None:
        raise CannotRead(f"readers is {wrong[:100]!r}; it must be ids of API keys, or ARNs of IAM users or roles.")
    return text


@cache
def zone_of(time_zone: str) -> tzinfo:
    """Return a time zone by its IANA name; CannotRead if it does not exist."""
    if time_zone == DEFAULT.time_zone:
        return UTC
    from zoneinfo import ZoneInfo  # few boards need it, and it would slow down every cold start

    try:
        return ZoneInfo(time_zone)
    except (KeyError, OSError, ValueError):  # an unknown name, one of a folder such as "Europe", and a path
        raise CannotRead(f"time_zone is {time_zone!r}; it must be an IANA name such as Asia/Shanghai.") from None


def utc_text(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC.

    >>> utc_text(read_time("at", "2026-12-01T18:00:00+08:00"))
    '2026-12-01T10:00:00Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _number_of_periods(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,3}", text) or int(text) > _KEEP_PERIODS_MAX:
        allowed = f"a whole number from 1 to {_KEEP_PERIODS_MAX:,}"
        raise CannotRead(f"keep_periods is {text!r}; it must be {allowed}.")
    return int(text)


def _known_zone(time_zone: str) -> str:
    zone_of(time_zone)
    return time_zone


def _attributes(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(","))) if text else ()
    if len(names) > BY_MAX or not all(0 < len(name.encode()) <= BOARD_BYTES for name in names):
        raise CannotRead(f"by is {text[:200]!r}; it must be the names of at most {BY_MAX} attributes.")
    return names


@cache
def _columns(text: str) -> tuple[Column, ...]:
    named = (one.rpartition(":") for one in text.split(",") if one)
    return tuple(Column(name, Order(order)) for name, _, order in named)


def _checked_columns(text: str) -> str:
    """Check the text of `then_by` and return it; CannotRead if it is not usable."""
    columns = [one.rpartition(":") for one in text.split(",")] if text else []
    for name, colon, order in columns:
        if order not in [*Order] or not 1 <= len(name.encode()) <= _ATTRIBUTE_BYTES:
            allowed = "the name of an attribute and an order, such as penalty:ascending or solvedAt:descending"
            raise CannotRead(f"then_by has {name + colon + order!r}; it must be {allowed}, without commas.")
    names = {name for name, _, _ in columns}
    if len(names) < len(columns) or len(columns) > COLUMNS_MAX:
        raise CannotRead(f"then_by is {text!r}; it may have {COLUMNS_MAX} columns, and each attribute once.")
    return text


def _text(value: Mapping[str, Any]) -> str:
    """The text of a value; for another type the text of the whole value, which `make_policy` then refuses."""
    return str(value.get("S", value))


def _choice(choices: type[_Choice], name: str, text: str) -> _Choice:
    try:
        return choices(text)
    except ValueError:
        raise CannotRead(f"{name} is {text!r}; it must be one of {', '.join(choices)}.") from None


def read_time(name: str, text: str) -> datetime:
    """Read a time that has a zone; CannotRead, with `name`, for any other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CannotRead(f"{name} is {text!r}; it must be a time such as 2026-12-01T18:00:00Z.") from None
    if moment.tzinfo is None:
        raise CannotRead(f"{name} is {text!r}; it must say its time zone, such as 2026-12-01T18:00:00Z.")
    return moment

"""Tie-break columns: attributes of items that rank entries with equal scores. Pure.

The value of a column is a number or a time. A value that is missing, or is neither, ranks last. Values are kept as
text: a number or a time (UTC), each in one canonical form, or an empty text. An entry's order key holds them between
the score and the time, and ends with a tag of the policy, so that keys made under another policy are recognized.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from scorecast.leaderboard.order_key import lowest_score, score_order, tag_of, tie_order
from scorecast.leaderboard.policy import BoardPolicy, Order, utc_text
from scorecast.runtime.numbers import NUMBER_DIGITS

Values = tuple[str, ...]
"""The values of an entry's columns, in the order of the policy."""

# Sorts after the keys of all numbers.
_MISSING = "3"
# Follows the key of a number that stands for a time (the seconds since 1970).
_TIME = "t"
# No time and no number has a longer text.
_VALUE_CHARACTERS = 150
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = 6
_NUMBERS = Context(prec=NUMBER_DIGITS)


def values_of(image: Mapping[str, Any], policy: BoardPolicy) -> Values:
    """Return the values that an item has in the columns of a board.

    >>> values_of({"penalty": {"N": "1E+1"}, "at": {"S": "2026-01-01T11:00+01:00"}}, BoardPolicy(
    ...     then_by="penalty:ascending,at:ascending,more:descending"))
    ('10', '2026-01-01T10:00:00Z', '')
    """
    return tuple(_value(image.get(column.name, {})) for column in policy.columns)


def short_values(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers and short texts of an item, including its columns, so that a batch keeps no large images."""
    return {
        name: value
        for name, value in image.items()
        if any(kind in ("N", "S") and len(inner) <= _VALUE_CHARACTERS for kind, inner in value.items())
    }


def rank_prefix(score: Decimal, values: Values, policy: BoardPolicy) -> str:
    """Return the text that begins the keys of all entries with the same rank; keys of better entries sort before it."""
    padded = (*values, *("" for _ in policy.columns))
    parts = (_part(value, column.order) for value, column in zip(padded, policy.columns, strict=False))
    return "/".join((score_order(score, policy.order), *parts, ""))


def shared_prefix(key: str, score: Decimal, policy: BoardPolicy) -> str:
    """Return the rank_prefix of the entry with this key; the last one with its score if another policy made the key."""
    return prefix_in(key, policy) if _is_of(key, policy) else rank_prefix(score, (), policy)


def prefix_in(key: str, policy: BoardPolicy) -> str:
    """Return the rank_prefix that begins a key or a cut between keys; empty if the text is too short to have one."""
    *parts, rest = key.split("/", 1 + len(policy.columns))
    return key.removesuffix(rest) if len(parts) == 1 + len(policy.columns) else ""


def tie_key(score: Decimal, values: Values, policy: BoardPolicy, at: str, sequence: str) -> str:
    """Return an entry's order key under a policy that orders ties; `at` and `sequence` are as in tie_order."""
    key = tie_order(score, policy.order, at, sequence)
    if not policy.then_by:
        return key
    return f"{rank_prefix(score, values, policy)}{key.partition('/')[2]}/{tag_of(policy.key_order)}"


def values_in(key: str, policy: BoardPolicy) -> Values:
    """Return the values that an order key holds; empty if another policy made the key."""
    if not policy.then_by or not _is_of(key, policy):
        return ()
    parts = key.split("/")[1:]
    return tuple(_read(part, column.order) for part, column in zip(parts, policy.columns, strict=False))


def shown_values(values: Sequence[str], policy: BoardPolicy) -> dict[str, Decimal | str | None]:
    """Return the values by column: a number, a time as text, or None for a missing value.

    >>> shown_values(("10", ""), BoardPolicy(then_by="penalty:ascending,at:ascending"))
    {'penalty': Decimal('10'), 'at': None}
    """
    return {column.name: _shown(value) for column, value in zip(policy.columns, values, strict=False)}


def _is_of(key: str, policy: BoardPolicy) -> bool:
    return key.endswith(f"/{tag_of(policy.key_order)}")


def _shown(value: str) -> Decimal | str | None:
    return (value if _is_time(value) else Decimal(value)) if value else None


def _value(value: Mapping[str, Any]) -> str:
    for kind, inner in value.items():
        if kind == "N":
            return _number_text(Decimal(inner))
        if kind == "S":
            return _time_text(inner)
    return ""


def _number_text(number: Decimal) -> str:
    """Write a number in its canonical form, without an exponent where that is short."""
    if not number:
        return "0"
    number = number.normalize(_NUMBERS)
    return format(number, "f") if 0 <= number.adjusted() < NUMBER_DIGITS else str(number)


def _time_text(text: str) -> str:
    """Write a time (ISO 8601; UTC if it has no zone) in its canonical form; empty for a text that is not a time."""
    try:
        moment = datetime.fromisoformat(text)
        return utc_text(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)
    except (ValueError, OverflowError):
        return ""


def _is_time(value: str) -> bool:
    return value.endswith("Z")


def _part(value: str, order: Order) -> str:
    """Return a value's part of a key; better values sort first."""
    if not value:
        return _MISSING
    if not _is_time(value):
        return score_order(Decimal(value), order)
    microseconds = (datetime.fromisoformat(value) - _EPOCH) // timedelta(microseconds=1)
    return score_order(Decimal(microseconds).scaleb(-_MICROSECONDS), order) + _TIME


def _read(part: str, order: Order) -> str:
    """Read the value from its part of a key."""
    if part == _MISSING:
        return ""
    number = order.sort_key(lowest_score(part.removesuffix(_TIME)))
    if not part.endswith(_TIME):
        return _number_text(number)
    return _time_text((_EPOCH + timedelta(microseconds=int(number.scaleb(_MICROSECONDS)))).isoformat())

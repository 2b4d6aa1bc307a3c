"""Order keys: texts that sort a board's entries by score and then by who reached it first. Pure.

DynamoDB and Python sort such a text alike, by its bytes. It can express any DynamoDB number (38 digits, 1E-130 to
9.99E+125, either sign, zero) and any time in years of four digits. The counting index cuts a board's keys into ranges;
a range may end at any text, not only at a whole key.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Context, Decimal

from scorecast.leaderboard.policy import Order
from scorecast.runtime.numbers import LARGEST_MAGNITUDE, NUMBER_DIGITS, SMALLEST_MAGNITUDE

LOWEST = ""
"""Before every key."""
HIGHEST = "~"
"""After every key. A key with it appended is after all keys that begin with that key, and before any other."""

_MAGNITUDE_DIGITS = 3
# Among scores that sort before zero, larger magnitudes and larger digits come first.
_REVERSED = str.maketrans("0123456789", "9876543210")
# The time of an entry that was added by hand and has none.
_EARLIEST = "1970-01-01T00:00:00Z"
# The number of slashes in a key without columns, which are around the time.
_PLAIN_SLASHES = 2
_TAG_CHARACTERS = 8
_NUMBERS = Context(prec=NUMBER_DIGITS)
_CEILING = Context(prec=NUMBER_DIGITS, rounding=ROUND_CEILING)
# Matches a key of a score, the beginning of one, or the text after all keys that begin with one.
_SCORE_END = re.compile(
    rf"[012]\d{{0,{_MAGNITUDE_DIGITS + NUMBER_DIGITS}}}|[012]\d{{{_MAGNITUDE_DIGITS + NUMBER_DIGITS}}}{HIGHEST}"
)
_SMALLEST = Decimal((0, (1,), SMALLEST_MAGNITUDE))
LARGEST = Decimal((0, (9,) * NUMBER_DIGITS, LARGEST_MAGNITUDE - NUMBER_DIGITS + 1))
"""The highest score."""


def tie_order(score: Decimal, order: Order, at: str, sequence: str) -> str:
    """Return an entry's key where ties have an order: its score, then `at` (ISO 8601) and `sequence` of a change.

    An entry without a time, such as one added by hand, comes first among those with its score.

    >>> from decimal import Decimal
    >>> first = tie_order(Decimal(90), Order.DESCENDING, "2026-01-01T10:00:00Z", "7")
    >>> second = tie_order(Decimal(90), Order.DESCENDING, "2026-01-01T10:00:01Z", "6")
    >>> worse = tie_order(Decimal("89.5"), Order.DESCENDING, "2026-01-01T09:00:00Z", "5")
    >>> first < second < worse
    True
    """
    moment = datetime.fromisoformat(at or _EARLIEST).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{score_order(score, order)}/{moment}/{sequence}"


def tag_of(key_order: str) -> str:
    """Return the suffix of keys on boards with columns; it identifies the policy (its key_order) that made them."""
    return hashlib.sha256(key_order.encode()).hexdigest()[:_TAG_CHARACTERS]


def follows(key: str, score: Decimal, key_order: str) -> bool:
    """Whether a policy with this key_order made the key of an entry with this score."""
    order, _, columns = key_order.partition(",")
    is_made_so = key.endswith(f"/{tag_of(key_order)}") if columns else key.count("/") == _PLAIN_SLASHES
    return is_made_so and key.startswith(f"{score_order(score, Order(order))}/")


def score_order(score: Decimal, order: Order = Order.ASCENDING) -> str:
    """Return the key of a score: the keys of all its entries begin with it, and keys of better scores come first.

    >>> score_order(Decimal(-5)) < score_order(Decimal(0)) < score_order(Decimal("59.75")) < score_order(Decimal(60))
    True
    """
    if not score:
        return f"1{'0' * (_MAGNITUDE_DIGITS + NUMBER_DIGITS)}"
    digits = "".join(str(digit) for digit in score.as_tuple().digits).strip("0").ljust(NUMBER_DIGITS, "0")
    magnitude = f"{score.adjusted() - SMALLEST_MAGNITUDE:03}{digits}"
    return f"2{magnitude}" if order.sort_key(score) > 0 else f"0{magnitude.translate(_REVERSED)}"


def lowest_score(key: str) -> Decimal:
    """Return the lowest score whose ascending key is not before `key`, a non-empty text that begins like a key.

    >>> str(lowest_score("21315975")), lowest_score(score_order(Decimal(90)) + HIGHEST) > 90
    ('59.750000000000000000000000000000000000', True)
    """
    if key.endswith(HIGHEST):
        return next_score(lowest_score(key.removesuffix(HIGHEST)))
    sign, text = key[0], key[1:].ljust(_MAGNITUDE_DIGITS + NUMBER_DIGITS, "0")
    if sign == "1":
        return Decimal(0)
    text = text if sign == "2" else text.translate(_REVERSED)
    magnitude, digits = int(text[:_MAGNITUDE_DIGITS]) + SMALLEST_MAGNITUDE, text[_MAGNITUDE_DIGITS:]
    if magnitude > LARGEST_MAGNITUDE:
        magnitude, digits = LARGEST_MAGNITUDE, "9" * NUMBER_DIGITS
    digits = digits if digits.strip("0") else "1".ljust(NUMBER_DIGITS, "0")
    return Decimal((int(sign == "0"), tuple(map(int, digits)), magnitude - NUMBER_DIGITS + 1))


def score_part(key: str) -> str:
    """Return the part of an order key that is its score's key."""
    return key[: 1 + _MAGNITUDE_DIGITS + NUMBER_DIGITS]


def least_score(number: Decimal) -> Decimal:
    """Return the lowest DynamoDB number that is not below the given number, which may have any length.

    >>> str(least_score(Decimal("0." + "9" * 39))), least_score(Decimal("-1E-140"))
    ('1.0000000000000000000000000000000000000', Decimal('0'))
    """
    if number and number.adjusted() < SMALLEST_MAGNITUDE:
        return _SMALLEST if number > 0 else Decimal(0)
    return _CEILING.plus(number)


def difference(score: Decimal, other: Decimal) -> Decimal:
    """Return the difference of two numbers as a DynamoDB number: 38 digits, rounded half to even, within its range.

    >>> difference(Decimal(60), Decimal("59.75")), difference(Decimal("1.5E-130"), Decimal("1E-130"))
    (Decimal('0.25'), Decimal('0'))
    """
    found = _NUMBERS.subtract(score, other).normalize(_NUMBERS)
    if found.adjusted() < SMALLEST_MAGNITUDE:
        return Decimal(0)
    return min(LARGEST, max(LARGEST.copy_negate(), found))


def is_score_end(text: str) -> bool:
    """Whether a text can be an end of a range of scores.

    >>> is_score_end("2132"), is_score_end(score_order(Decimal(90)) + HIGHEST), is_score_end("high")
    (True, True, False)
    """
    return text in (LOWEST, HIGHEST) or bool(_SCORE_END.fullmatch(text))


def next_score(score: Decimal) -> Decimal:
    """Return the next higher DynamoDB number."""
    return _SMALLEST if not score else Decimal(0) if score == -_SMALLEST else score.next_plus(_NUMBERS)


def previous_score(score: Decimal) -> Decimal:
    """Return the next lower DynamoDB number."""
    return next_score(score.copy_negate()).copy_negate()


def last_before(key: str) -> str:
    """Return a text that is before `key`, and not before any other key that is before it; `key` is not empty.

    >>> "90/a" < "90/z" <= last_before("91") < "91"
    True
    """
    return f"{key[:-1]}{chr(ord(key[-1]) - 1)}{HIGHEST}"


def just_after(key: str) -> str:
    """Return a text that is after an entry's key, and before every other key that is after it.

    >>> "90/a/7" < just_after("90/a/7") < "90/a/70"
    True
    """
    return f"{key}!"


def separator(one: str, other: str) -> str:
    """Return the shortest text that is after `one` and not after `other`, which must be the greater of the two.

    >>> separator("2131900", "2131910")
    '213191'
    """
    shared = next((at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), len(one))
    return other[: shared + 1]

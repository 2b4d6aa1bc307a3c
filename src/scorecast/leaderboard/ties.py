"""The sort key of entries on a board that orders ties: by score, best first, then by who reached it first. Pure.

The key is text, because DynamoDB sorts text by its bytes and a number cannot hold both a score and a time. It works for
any DynamoDB number and any time in years of four digits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from scorecast.leaderboard.index.digits import SCORE_DIGITS, SMALLEST_MAGNITUDE
from scorecast.leaderboard.policy import Order

# For scores that come before zero, larger magnitudes and larger digits come first.
_REVERSED = str.maketrans("0123456789", "9876543210")
# The time of an entry that was added by hand and has none.
_EARLIEST = "1970-01-01T00:00:00Z"


def tie_order(score: Decimal, order: Order, at: str, sequence: str) -> str:
    """Return the sort key of an entry: its score, then `at` (ISO 8601) and `sequence` of the change that set it.

    Without a time, as an entry that was added by hand, it is the first of those with its score.

    >>> from decimal import Decimal
    >>> first = tie_order(Decimal(90), Order.DESCENDING, "2026-01-01T10:00:00Z", "7")
    >>> second = tie_order(Decimal(90), Order.DESCENDING, "2026-01-01T10:00:01Z", "6")
    >>> worse = tie_order(Decimal("89.5"), Order.DESCENDING, "2026-01-01T09:00:00Z", "5")
    >>> first < second < worse
    True
    """
    moment = datetime.fromisoformat(at or _EARLIEST).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{score_order(score, order)}/{moment}/{sequence}"


def score_order(score: Decimal, order: Order) -> str:
    """Return the prefix of the keys of all entries with a score; the prefixes of better scores come first."""
    if not score:
        return f"1{'0' * (3 + SCORE_DIGITS)}"
    digits = "".join(str(digit) for digit in score.as_tuple().digits).strip("0").ljust(SCORE_DIGITS, "0")
    magnitude = f"{score.adjusted() - SMALLEST_MAGNITUDE:03}{digits}"
    return f"2{magnitude}" if order.sort_key(score) > 0 else f"0{magnitude.translate(_REVERSED)}"

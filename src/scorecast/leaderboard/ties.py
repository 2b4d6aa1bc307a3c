"""The text by which the entries of a board stand where ties are declared: by score, and who reached it first. Pure.

Text order is the board's order, best first: DynamoDB sorts an index by the bytes of a text, and a number cannot hold a
score and a moment both. For any DynamoDB number, and any moment of years that have four digits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from scorecast.leaderboard.index.digits import SCORE_DIGITS, SMALLEST_MAGNITUDE
from scorecast.leaderboard.policy import Order

# Below zero the larger magnitude, and of it the larger digits, come first.
_REVERSED = str.maketrans("0123456789", "9876543210")


def tie_order(score: Decimal, order: Order, at: str, sequence: str) -> str:
    """Return the text of an entry: its score, and the change that brought it, `at` (ISO 8601) and `sequence`."""
    moment = datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{score_order(score, order)}/{moment}/{sequence}"


def score_order(score: Decimal, order: Order) -> str:
    """Return what the texts of all entries of a score begin with; better scores come first."""
    if not score:
        return f"1{'0' * (3 + SCORE_DIGITS)}"
    digits = "".join(str(digit) for digit in score.as_tuple().digits).lstrip("0").ljust(SCORE_DIGITS, "0")
    magnitude = f"{score.adjusted() - SMALLEST_MAGNITUDE:03}{digits}"
    return f"2{magnitude}" if order.sort_key(score) > 0 else f"0{magnitude.translate(_REVERSED)}"

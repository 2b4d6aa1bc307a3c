"""How the counting index sees a score: a bucket at each level of the trie, and the range of the last one. Pure.

Any DynamoDB number (38 digits, 1E-130 to 9.99E+125, either sign, zero) is a magnitude and a mantissa: 59.75 is
5.975E+1. The levels take the magnitude, then two digits of the mantissa each:

    level 0, node ""          the magnitude        bucket  132     (0 for zero, negative for a negative score)
    level 1, node "132"       digits 1 and 2       bucket   59
    level 2, node "132.59"    digits 3 and 4       bucket   75

Buckets are whole numbers in the order of the scores; a bucket counts the entries whose scores begin with its digits.
All scores of the last bucket lie in one range, whose ends are scores themselves, so that one BETWEEN covers it exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from scorecast.leaderboard.policy import Order

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html#HowItWorks.DataTypes.Number
SCORE_DIGITS = 38
SMALLEST_MAGNITUDE = -130
LARGEST_MAGNITUDE = 125

LEVELS = 3
DIGITS_PER_LEVEL = 2
_PREFIX_DIGITS = (LEVELS - 1) * DIGITS_PER_LEVEL

# Wide enough for the exact sum of any two scores next to each other.
_EXACT = Context(prec=80)


@dataclass(frozen=True, slots=True)
class NodeBucket:
    """A bucket in a node: `node` is the path above it, `bucket` its number, in the order of the scores."""

    node: str
    bucket: int


def path_of(score: Decimal) -> tuple[NodeBucket, ...]:
    """Return the bucket of a score at each level, from the top; zero has one at level 0 only. O(1).

    >>> [(step.node, step.bucket) for step in path_of(Decimal("59.75"))]
    [('', 132), ('132', 59), ('132.59', 75)]
    """
    if not score:
        return (NodeBucket("", 0),)
    sign = -1 if score < 0 else 1
    digits = _mantissa(score)
    pairs = (digits[at : at + DIGITS_PER_LEVEL] for at in range(0, _PREFIX_DIGITS, DIGITS_PER_LEVEL))
    buckets = [sign * (score.adjusted() - SMALLEST_MAGNITUDE + 1), *(sign * int(pair) for pair in pairs)]
    nodes = [".".join(str(bucket) for bucket in buckets[:level]) for level in range(LEVELS)]
    return tuple(NodeBucket(node, bucket) for node, bucket in zip(nodes, buckets, strict=True))


def score_at(path: Sequence[NodeBucket]) -> Decimal:
    """Return the score that begins with this path and has zeros for its further digits. O(1).

    >>> score_at(path_of(Decimal("59.754"))) == Decimal("59.75")
    True
    """
    magnitude, *pairs = (step.bucket for step in path)
    if not magnitude:
        return Decimal(0)
    digits = "".join(str(abs(pair)).zfill(DIGITS_PER_LEVEL) for pair in pairs)
    return _of_digits(int(magnitude < 0), digits.ljust(SCORE_DIGITS, "0"), abs(magnitude) - 1 + SMALLEST_MAGNITUDE)


def above_in_range(score: Decimal, order: Order) -> tuple[Decimal, Decimal] | None:
    """Return the lowest and the highest of the better scores in this one's last range; None if there are none. O(1)."""
    if not score:
        return None
    lowest, highest = range_of(score)
    if order is Order.DESCENDING:
        lowest = _EXACT.add(score, _step(score))
    else:
        highest = _EXACT.subtract(score, _step(score))
    return (lowest, highest) if lowest <= highest else None


def range_of(score: Decimal) -> tuple[Decimal, Decimal]:
    """Return the lowest and the highest score that have the same path as this one. O(1).

    >>> low, high = range_of(Decimal("59.754"))
    >>> low == Decimal("59.75"), str(high)
    (True, '59.759999999999999999999999999999999999')
    """
    if not score:
        return score, score
    sign, digits = int(score < 0), _mantissa(score)[:_PREFIX_DIGITS]
    ends = [_of_digits(sign, digits + filler * (SCORE_DIGITS - _PREFIX_DIGITS), score.adjusted()) for filler in "09"]
    return min(ends), max(ends)


def _mantissa(score: Decimal) -> str:
    digits = "".join(str(digit) for digit in score.as_tuple().digits).lstrip("0")
    return digits.ljust(_PREFIX_DIGITS, "0")


def _step(score: Decimal) -> Decimal:
    """The distance between this score and the next: one unit of the 38th digit."""
    return Decimal((0, (1,), score.adjusted() - SCORE_DIGITS + 1))


def _of_digits(sign: int, digits: str, magnitude: int) -> Decimal:
    return Decimal((sign, tuple(int(digit) for digit in digits), magnitude - SCORE_DIGITS + 1))

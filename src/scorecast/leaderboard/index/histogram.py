"""The distribution of a board's scores, in bars of one width, from a few nodes of the counting index. Pure.

The width is one, two or five times a power of ten, so that every bucket lies in one bar. Scores that are smaller than
the largest score by two magnitudes all lie in the bar at zero; their nodes are not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import count as powers

from scorecast.leaderboard.index.counters import ROOT, Node, ReadNodes
from scorecast.leaderboard.index.digits import DIGITS_PER_LEVEL, SMALLEST_MAGNITUDE

MOST_BARS = 50
# Fewer bars than this do not show the shape: the scores are then read one level deeper.
FEWEST_BARS = 8

_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Bar:
    """The number of entries from `low` (inclusive) to `high` (exclusive); below zero the other way round."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A range of scores that begins at `low` and holds `count` entries."""

    low: Decimal
    count: int


def histogram(read: ReadNodes) -> list[Bar]:
    """Return all bars from the lowest that holds an entry to the highest, in the order of the scores."""
    root = {bucket: count for bucket, count in read([ROOT]).get(ROOT, {}).items() if count}
    if not root:
        return []
    largest = max(abs(bucket) for bucket in root)
    step = _magnitude(largest, DIGITS_PER_LEVEL - 1)
    if not step:
        return [Bar(Decimal(0), Decimal(0), root[0])]
    fine = [bucket for bucket in root if abs(bucket) in (largest, largest - 1) and bucket]
    nodes = read([str(bucket) for bucket in fine])
    buckets = list(_first_level(root, {bucket: nodes.get(str(bucket), {}) for bucket in fine}))
    if len(buckets) < FEWEST_BARS and all(abs(bucket) == largest for bucket in root):
        paths = [f"{bucket}.{digits}" for bucket in root for digits, count in nodes[str(bucket)].items() if count]
        buckets = list(_second_level(read(paths)))
        step = _magnitude(largest, 2 * DIGITS_PER_LEVEL - 1)
    return _bars(buckets, step)


def _first_level(root: Node, nodes: dict[int, Node]) -> Iterator[_Bucket]:
    for bucket, count in root.items():
        if bucket in nodes:
            step = _magnitude(abs(bucket), DIGITS_PER_LEVEL - 1)
            yield from (_Bucket(_low(digits, bucket, step), inner) for digits, inner in nodes[bucket].items() if inner)
        else:
            yield _Bucket(Decimal(0) if bucket >= 0 else _magnitude(abs(bucket), 0).copy_negate(), count)


def _second_level(nodes: Mapping[str, Node]) -> Iterator[_Bucket]:
    for path, node in nodes.items():
        magnitude, digits = (int(part) for part in path.split("."))
        step = _magnitude(abs(magnitude), 2 * DIGITS_PER_LEVEL - 1)
        sign = -1 if magnitude < 0 else 1
        for inner, count in node.items():
            if count:
                yield _Bucket(_low(sign * (abs(digits) * 10**DIGITS_PER_LEVEL + abs(inner)), magnitude, step), count)


def _low(digits: int, magnitude: int, step: Decimal) -> Decimal:
    """The lower end of the range of scores that begin with the digits; below zero it is one step lower."""
    return _EXACT.multiply(Decimal(digits - (1 if magnitude < 0 else 0)), step)


def _magnitude(bucket: int, digits_below: int) -> Decimal:
    """One unit of the digit that is `digits_below` the first, in the magnitude that a bucket of the root stands for."""
    return Decimal((0, (1,), bucket - 1 + SMALLEST_MAGNITUDE - digits_below)) if bucket else Decimal(0)


def _bars(buckets: list[_Bucket], step: Decimal) -> list[Bar]:
    low, high = min(bucket.low for bucket in buckets), max(bucket.low for bucket in buckets)
    widths = (step * many * 10**power for power in powers() for many in (1, 2, 5))
    width = next(width for width in widths if (high - low) / width < MOST_BARS - 1)
    counts: Counter[int] = Counter()
    for bucket in buckets:
        counts[int((bucket.low / width).to_integral_value("ROUND_FLOOR"))] += bucket.count
    return [Bar(at * width, (at + 1) * width, counts[at]) for at in range(min(counts), max(counts) + 1)]

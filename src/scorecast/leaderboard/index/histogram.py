"""How the scores of a board are spread, in bars of one width, from a few nodes of the counting index. Pure.

The width is a power of ten, or two or five of them, so that every slot that is read lies in one bar. What is smaller by
two magnitudes than the largest score lies in the bar at zero altogether, and is not read any finer.
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
# With fewer bars than this the shape would not show, and the scores are read one level finer.
FEWEST_BARS = 8

_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Bar:
    """How many entries score from `low` (belongs to it) to `high` (belongs to the next one); below zero reversed."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class _Slot:
    """A range of scores as it is counted: from `low`, `count` entries."""

    low: Decimal
    count: int


def histogram(read: ReadNodes) -> list[Bar]:
    """Return the bars in the order of the scores, from the lowest that holds an entry to the highest, none left out."""
    root = {slot: count for slot, count in read([ROOT]).get(ROOT, {}).items() if count}
    if not root:
        return []
    largest = max(abs(slot) for slot in root)
    step = _magnitude(largest, DIGITS_PER_LEVEL - 1)
    if not step:
        return [Bar(Decimal(0), Decimal(0), root[0])]
    fine = [slot for slot in root if abs(slot) in (largest, largest - 1) and slot]
    nodes = read([str(slot) for slot in fine])
    slots = list(_first_level(root, {slot: nodes.get(str(slot), {}) for slot in fine}))
    if len(slots) < FEWEST_BARS and all(abs(slot) == largest for slot in root):
        paths = [f"{slot}.{digits}" for slot in root for digits, count in nodes[str(slot)].items() if count]
        slots = list(_second_level(read(paths)))
        step = _magnitude(largest, 2 * DIGITS_PER_LEVEL - 1)
    return _bars(slots, step)


def _first_level(root: Node, nodes: dict[int, Node]) -> Iterator[_Slot]:
    for slot, count in root.items():
        if slot in nodes:
            step = _magnitude(abs(slot), DIGITS_PER_LEVEL - 1)
            yield from (_Slot(_low(digits, slot, step), inner) for digits, inner in nodes[slot].items() if inner)
        else:
            yield _Slot(Decimal(0) if slot >= 0 else _magnitude(abs(slot), 0).copy_negate(), count)


def _second_level(nodes: Mapping[str, Node]) -> Iterator[_Slot]:
    for path, node in nodes.items():
        magnitude, digits = (int(part) for part in path.split("."))
        step = _magnitude(abs(magnitude), 2 * DIGITS_PER_LEVEL - 1)
        sign = -1 if magnitude < 0 else 1
        for inner, count in node.items():
            if count:
                yield _Slot(_low(sign * (abs(digits) * 10**DIGITS_PER_LEVEL + abs(inner)), magnitude, step), count)


def _low(digits: int, magnitude: int, step: Decimal) -> Decimal:
    """The lower end of the range of scores that begin with the digits; below zero it lies one step further down."""
    return _EXACT.multiply(Decimal(digits - (1 if magnitude < 0 else 0)), step)


def _magnitude(slot: int, digits_below: int) -> Decimal:
    """The value of one unit so many digits below the first one of the magnitude that a slot stands for."""
    return Decimal((0, (1,), slot - 1 + SMALLEST_MAGNITUDE - digits_below)) if slot else Decimal(0)


def _bars(slots: list[_Slot], step: Decimal) -> list[Bar]:
    low, high = min(slot.low for slot in slots), max(slot.low for slot in slots)
    widths = (step * many * 10**power for power in powers() for many in (1, 2, 5))
    width = next(width for width in widths if (high - low) / width < MOST_BARS - 1)
    counts: Counter[int] = Counter()
    for slot in slots:
        counts[int((slot.low / width).to_integral_value("ROUND_FLOOR"))] += slot.count
    return [Bar(at * width, (at + 1) * width, counts[at]) for at in range(min(counts), max(counts) + 1)]

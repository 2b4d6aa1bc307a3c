"""What calls cost: the read and write units that DynamoDB Local reports, corrected where it is known to be wrong.

DynamoDB Local 1.25 is wrong in three ways (docs/ranks.md has the sources of what DynamoDB does):
- BatchGetItem charges nothing for a key without an item; DynamoDB charges half a unit, or one if consistent.
- A Query that finds nothing is charged nothing; DynamoDB charges half a unit.
- TransactWriteItems charges four times the sum of the *different* sizes among its items; DynamoDB charges twice the
  plain price of each item, and the plain price for an index. `PlainWriter` runs the actions one by one to count that.

Round trips are those in sequence: calls that a caller makes together take one. `one_by_one` has such calls made one
after another, each of them begun, by the meter's count of trips, when the first one was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from bench.rig.tables import LEADERBOARD
from scorecast.runtime import together
from scorecast.twin.consumed_capacity import TRANSACTED

_READS = ("Query", "GetItem", "BatchGetItem", "Scan")
# The price of an eventually consistent read of nothing; queries and reads of one item are never consistent here.
_LEAST = 0.5
_OPERATIONS = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}

Action = dict[str, Any]


@dataclass
class Meter:
    """Counts the units that were read and written, the calls that read, and the round trips that they took."""

    units: float = 0.0
    write_units: float = 0.0
    calls: int = 0
    trips: int = 0
    _asked: dict[str, Any] = field(default_factory=dict)

    def watch(self, dynamodb: Any) -> None:
        """Make the client ask for consumed capacity at every read, and count it."""
        for operation in _READS:
            dynamodb.meta.events.register(f"provide-client-params.dynamodb.{operation}", self._ask)
            dynamodb.meta.events.register(f"after-call.dynamodb.{operation}", self._count)

    def reset(self) -> None:
        """Start counting from zero."""
        self.units, self.write_units, self.calls, self.trips = 0.0, 0.0, 0, 0

    def read(self, units: float) -> None:
        """Count a call that read."""
        self.units, self.calls, self.trips = self.units + units, self.calls + 1, self.trips + 1

    def _ask(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        self._asked = params
        return params | {"ReturnConsumedCapacity": "TOTAL"}

    def _count(self, parsed: dict[str, Any], **_: Any) -> None:
        if "ConsumedCapacity" not in parsed:  # an error
            return
        consumed = parsed["ConsumedCapacity"]
        if isinstance(consumed, list):
            self.read(sum(one["CapacityUnits"] for one in consumed) + _of_missing(self._asked, parsed))
        else:
            self.read(consumed["CapacityUnits"] or _LEAST)


def _of_missing(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Return what BatchGetItem costs for keys without an item."""
    units = 0.0
    for table, request in asked.get("RequestItems", {}).items():
        missing = len(request["Keys"]) - len(answer["Responses"].get(table, []))
        units += missing * (2 * _LEAST if request.get("ConsistentRead") else _LEAST)
    return units


@dataclass
class _Done:
    """The result of a call that was made, and the trips after which it was there."""

    meter: Meter
    value: Any
    trips: int

    def cancel(self) -> bool:
        """Say that the call was made."""
        return False

    def result(self) -> Any:
        """Wait for the result."""
        self.meter.trips = max(self.meter.trips, self.trips)
        return self.value


@dataclass(frozen=True)
class _OneByOne:
    """An executor that makes calls at once."""

    meter: Meter

    def submit(self, call: Callable[[], Any]) -> _Done:
        """Make a call; the time it took passes only for the one who asks for its result."""
        began = self.meter.trips
        done = _Done(self.meter, call(), self.meter.trips)
        self.meter.trips = began
        return done


@contextmanager
def one_by_one(meter: Meter) -> Iterator[None]:
    """Have calls that are made together made by one thread, so that they can be metered."""
    with patch.object(together, "_threads", lambda: _OneByOne(meter)):
        yield


@dataclass
class PlainWriter:
    """A DynamoDB client of one writer that runs transactions as plain writes, each metered.

    `entry_units` is what the entries cost as plain writes, in table and index. `extra_units` is what the counting index
    adds: the price of the transaction for the entries, the nodes, and all that upkeep writes.
    """

    dynamodb: Any
    entry_units: float = 0.0
    extra_units: float = 0.0
    nodes: int = 0
    transactions: int = 0

    def batch_get_item(self, **request: Any) -> Any:
        """Read as usual."""
        return self.dynamodb.batch_get_item(**request)

    def query(self, **request: Any) -> Any:
        """Read as usual."""
        return self.dynamodb.query(**request)

    def put_item(self, **request: Any) -> Any:
        """List a board, which a process does once."""
        return self.dynamodb.put_item(**request)

    def update_item(self, **request: Any) -> Any:
        """Change an item of the index outside of a transaction."""
        answer = self.dynamodb.update_item(**request, ReturnConsumedCapacity="INDEXES")
        self.extra_units += answer["ConsumedCapacity"]["CapacityUnits"]
        return answer

    def transact_write_items(self, *, TransactItems: list[Action]) -> dict[str, Any]:
        """Run the actions one after another. No condition fails, because there is only one writer."""
        self.transactions += 1
        for action in TransactItems:
            [(kind, request)] = action.items()
            run = getattr(self.dynamodb, _OPERATIONS[kind])
            consumed = run(**request, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
            plain, in_table = consumed["CapacityUnits"], consumed["Table"]["CapacityUnits"]
            if kind == "Put" and request["TableName"] == LEADERBOARD:
                self.entry_units += plain
                self.extra_units += (TRANSACTED - 1) * in_table
            else:
                self.nodes += 1
                self.extra_units += plain + (TRANSACTED - 1) * in_table
        return {}

"""What calls cost: the read and write units that DynamoDB Local reports, corrected where it is known to be wrong.

DynamoDB Local 1.25 is wrong in three ways (docs/ranks.md has the sources of what DynamoDB does):
- BatchGetItem charges nothing for a key without an item; DynamoDB charges half a unit, or one if consistent.
- A Query that finds nothing is charged nothing; DynamoDB charges half a unit.
- TransactWriteItems charges four times the sum of the *different* sizes among its items; DynamoDB charges twice the
  plain price of each item, and the plain price for an index. `PlainWriter` runs the actions one by one to count that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_READS = ("Query", "GetItem", "BatchGetItem", "Scan")
_TRANSACTED = 2
# The price of an eventually consistent read of nothing; the consistent reads here always find something.
_LEAST = 0.5


@dataclass
class Meter:
    """Counts the reads of a client that one thread uses."""

    units: float = 0.0
    calls: int = 0
    _asked: dict[str, Any] = field(default_factory=dict)

    def watch(self, dynamodb: Any) -> None:
        """Make the client ask for consumed capacity at every read, and count it."""
        for operation in _READS:
            dynamodb.meta.events.register(f"provide-client-params.dynamodb.{operation}", self._ask)
            dynamodb.meta.events.register(f"after-call.dynamodb.{operation}", self._count)

    def reset(self) -> None:
        """Start counting from zero."""
        self.units, self.calls = 0.0, 0

    def _ask(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        self._asked = params
        return params | {"ReturnConsumedCapacity": "TOTAL"}

    def _count(self, parsed: dict[str, Any], **_: Any) -> None:
        consumed = parsed["ConsumedCapacity"]
        if isinstance(consumed, list):
            self.units += sum(one["CapacityUnits"] for one in consumed) + _of_missing(self._asked, parsed)
        else:
            self.units += consumed["CapacityUnits"] or _LEAST
        self.calls += 1


def _of_missing(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Return what BatchGetItem costs for keys without an item."""
    units = 0.0
    for table, request in asked.get("RequestItems", {}).items():
        missing = len(request["Keys"]) - len(answer["Responses"].get(table, []))
        units += missing * (2 * _LEAST if request.get("ConsistentRead") else _LEAST)
    return units


@dataclass
class PlainWriter:
    """A DynamoDB client of one writer that runs transactions as plain writes, each metered.

    `entry_units` is what the entries cost as plain writes, in table and index. `extra_units` is what the counting index
    adds: the price of the transaction for the entries, and the nodes.
    """

    dynamodb: Any
    entry_units: float = 0.0
    extra_units: float = 0.0
    nodes: int = 0
    transactions: int = 0

    def batch_get_item(self, **request: Any) -> Any:
        """Read as usual."""
        return self.dynamodb.batch_get_item(**request)

    def put_item(self, **request: Any) -> Any:
        """List a board, which a process does once."""
        return self.dynamodb.put_item(**request)

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        """Run the actions one after another. No condition fails, because there is only one writer."""
        self.transactions += 1
        for action in TransactItems:
            [(kind, request)] = action.items()
            if kind == "Put":
                self._count_entry(self.dynamodb.put_item(**request, ReturnConsumedCapacity="INDEXES"))
            else:
                self._count_node(self.dynamodb.update_item(**request, ReturnConsumedCapacity="INDEXES"))
        return {}

    def _count_entry(self, answer: Mapping[str, Any]) -> None:
        consumed = answer["ConsumedCapacity"]
        self.entry_units += consumed["CapacityUnits"]
        self.extra_units += (_TRANSACTED - 1) * consumed["Table"]["CapacityUnits"]

    def _count_node(self, answer: Mapping[str, Any]) -> None:
        self.nodes += 1
        self.extra_units += _TRANSACTED * answer["ConsumedCapacity"]["CapacityUnits"]

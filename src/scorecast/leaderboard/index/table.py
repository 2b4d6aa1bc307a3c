"""The counting index at home in DynamoDB: nodes in the board table, each spread over shards.

A shard is a copy of every node that some of the writers add to; a node's counts are the sums over the shards. Writers
pick a shard by chance, so that the root, which every change touches, is no bottleneck. In one shard a count may be
negative: who left may have been counted in another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.index.counters import ROOT, Node
from scorecast.leaderboard.policy import DEFAULT, POLICIES, BoardPolicy, policy_key, read_policy

# A lookup pays half a unit a shard for each of its three nodes; a writer tries again where another one is in its shard.
# One board's entries lie in one partition of the index by score, whose 1,000 write units a second are 500 changes, or
# some 20 transactions of 20 ms to 50 ms: one in flight at a time, seldom two. Measured for 8 writers without a pause,
# and for other numbers of shards: docs/ranks.md.
SHARDS = 3

# The collections of the board table that hold nodes begin like this.
COUNTERS = "counters/"
_PREFIX = "slot"


@dataclass(slots=True)
class Reading:
    """What was read of a board: its nodes, and when its entries last changed (ISO 8601, UTC)."""

    nodes: dict[str, Node]
    updated_at: str = ""

    def add(self, item: Mapping[str, Any]) -> None:
        """Add what one shard has counted."""
        node = self.nodes[item["node"]["S"]]
        self.updated_at = max(self.updated_at, item["at"]["S"])
        for name, value in item.items():
            if name.startswith(_PREFIX):
                slot = int(name.removeprefix(_PREFIX))
                node[slot] = node.get(slot, 0) + int(value["N"])


@dataclass(frozen=True, slots=True)
class Root:
    """What is read of a board before anything else: its policy, and how many entries it has and where."""

    policy: BoardPolicy
    counts: Node
    updated_at: str


@dataclass(frozen=True, slots=True)
class CounterTable:
    """The nodes of all boards."""

    dynamodb: BatchGetItem
    table: str

    def read(self, board: str, nodes: Sequence[str]) -> Reading:
        """Read nodes of a board in one round trip (up to 33 of them): SHARDS / 2 read units each."""
        reading = Reading({node: {} for node in nodes})
        keys = [key for node in nodes for key in _shards(board, node)]
        for item in read_items(self.dynamodb, self.table, keys, consistent=False):
            reading.add(item)
        return reading

    def read_roots(self, boards: Sequence[str]) -> dict[str, Root]:
        """Read the roots of boards and their policies together, up to 25 in a round trip: (SHARDS + 1) / 2 units each.

        CannotRead where a policy is not usable.
        """
        readings = {board: Reading({ROOT: {}}) for board in boards}
        policies = dict.fromkeys(boards, DEFAULT)
        keys = [key for board in boards for key in (policy_key(board), *_shards(board, ROOT))]
        for item in read_items(self.dynamodb, self.table, keys, consistent=False):
            if item["collection"]["S"] == POLICIES:
                policies[item["name"]["S"]] = read_policy(item)
            else:
                readings[item["name"]["S"]].add(item)
        return {board: Root(policies[board], one.nodes[ROOT], one.updated_at) for board, one in readings.items()}

    def items(self, board: str, nodes: Mapping[str, Node], at: str) -> list[dict[str, Any]]:
        """Return the items that hold these nodes in one shard, to be put when there is nothing in the others."""
        counts = {
            node: {f"{_PREFIX}{slot}": {"N": str(count)} for slot, count in slots.items()}
            for node, slots in nodes.items()
        }
        return [_key(board, node, 0) | {"node": {"S": node}, "at": {"S": at}} | slots for node, slots in counts.items()]

    def additions(self, board: str, changes: Mapping[str, Node], shard: int, at: str) -> list[dict[str, Any]]:
        """Return the actions of a transaction that add the changes: one action, and two write units, a node.

        The root is among them also where its counts stay: it says when the board's entries last changed.
        """
        touched = {ROOT: {}, **changes}
        return [
            {"Update": self._addition(_key(board, node, shard), node, slots, at)} for node, slots in touched.items()
        ]

    def _addition(self, key: dict[str, Any], node: str, slots: Node, at: str) -> dict[str, Any]:
        names = {f"#{number}": f"{_PREFIX}{slot}" for number, slot in enumerate(slots)}
        values = {f":{number}": {"N": str(delta)} for number, delta in enumerate(slots.values())}
        additions = ", ".join(f"#{number} :{number}" for number in range(len(slots)))
        add = f" ADD {additions}" if slots else ""
        return {
            "TableName": self.table,
            "Key": key,
            "UpdateExpression": f"SET #node = :node, #at = :at{add}",
            "ExpressionAttributeNames": names | {"#node": "node", "#at": "at"},
            "ExpressionAttributeValues": values | {":node": {"S": node}, ":at": {"S": at}},
        }


def _shards(board: str, node: str) -> list[dict[str, Any]]:
    """The keys of a node in all shards."""
    return [_key(board, node, shard) for shard in range(SHARDS)]


def _key(board: str, node: str, shard: int) -> dict[str, Any]:
    # The shard and the node hold no slash, so no two keys are alike; the board in it spreads boards over partitions.
    return {"collection": {"S": f"{COUNTERS}{shard}/{node}/{board}"}, "name": {"S": board}}

"""The counting index in DynamoDB: nodes in the board table, each spread over shards.

Every node has a copy in each shard; its counts are the sums over the shards. A writer picks a shard at random, so that
the root, which every change updates, is no bottleneck. A count may be negative in one shard: an entry may be added in
one shard and removed in another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.index.counters import ROOT, Node
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, is_policy, policy_key, read_policy

# A lookup pays half a unit a shard for each of its three nodes; a writer retries when another one uses its shard.
# One board's entries lie in one partition of the index by score, whose 1,000 write units a second are 500 changes, or
# some 20 transactions of 20 ms to 50 ms: one in flight at a time, seldom two. docs/ranks.md has the measurements for
# 8 writers without a pause, and for other numbers of shards.
SHARDS = 3

# The prefix of the collections of the board table that hold nodes.
COUNTERS = "counters/"
# Short: DynamoDB charges for the names of attributes too.
_PREFIX = "b"


@dataclass(slots=True)
class NodeCounts:
    """The counts of some nodes of a board, and when its entries last changed (ISO 8601, UTC)."""

    nodes: dict[str, Node]
    updated_at: str = ""

    def add(self, item: Mapping[str, Any]) -> None:
        """Add the counts of one shard."""
        node = self.nodes[item["node"]["S"]]
        self.updated_at = max(self.updated_at, item["at"]["S"])
        for name, value in item.items():
            if name.startswith(_PREFIX):
                bucket = int(name.removeprefix(_PREFIX))
                node[bucket] = node.get(bucket, 0) + int(value["N"])


@dataclass(frozen=True, slots=True)
class Root:
    """A board's policy and the counts of its root node, read before anything else of it."""

    policy: BoardPolicy
    counts: Node
    updated_at: str


@dataclass(frozen=True, slots=True)
class CounterTable:
    """The nodes of all boards."""

    dynamodb: BatchGetItem
    table: str

    def read(self, board: str, nodes: Sequence[str]) -> NodeCounts:
        """Read nodes of a board in one round trip (up to 33 of them): SHARDS / 2 read units each."""
        counts = NodeCounts({node: {} for node in nodes})
        for item in read_items(self.dynamodb, self.table, node_keys(board, nodes), consistent=False):
            counts.add(item)
        return counts

    def read_roots(self, boards: Sequence[str]) -> dict[str, Root]:
        """Read the roots of boards and their policies together, up to 25 in a round trip: (SHARDS + 1) / 2 units each.

        CannotRead if a policy is not usable.
        """
        counts = {board: NodeCounts({ROOT: {}}) for board in boards}
        policies = dict.fromkeys(boards, DEFAULT)
        keys = [key for board in boards for key in (policy_key(board), *_shards(board, ROOT))]
        for item in read_items(self.dynamodb, self.table, keys, consistent=False):
            if is_policy(item):
                policies[item["name"]["S"]] = read_policy(item)
            else:
                counts[item["name"]["S"]].add(item)
        return {board: Root(policies[board], one.nodes[ROOT], one.updated_at) for board, one in counts.items()}

    def items(self, board: str, nodes: Mapping[str, Node], at: str) -> list[dict[str, Any]]:
        """Return the items that hold these nodes in the first shard, for a caller that empties the others."""
        counts = {
            node: {f"{_PREFIX}{bucket}": {"N": str(count)} for bucket, count in buckets.items()}
            for node, buckets in nodes.items()
        }
        return [
            _key(board, node, 0) | {"node": {"S": node}, "at": {"S": at}} | buckets for node, buckets in counts.items()
        ]

    def increment_actions(self, board: str, changes: Mapping[str, Node], shard: int, at: str) -> list[dict[str, Any]]:
        """Return the actions of a transaction that add the changes: one action, and two write units, a node.

        The root is always among them, even if its counts stay the same: it says when the board's entries last changed.
        """
        touched = {ROOT: {}, **changes}
        return [
            {"Update": self._increment(_key(board, node, shard), node, buckets, at)}
            for node, buckets in touched.items()
        ]

    def _increment(self, key: dict[str, Any], node: str, buckets: Node, at: str) -> dict[str, Any]:
        names = {f"#{number}": f"{_PREFIX}{bucket}" for number, bucket in enumerate(buckets)}
        values = {f":{number}": {"N": str(delta)} for number, delta in enumerate(buckets.values())}
        increments = ", ".join(f"#{number} :{number}" for number in range(len(buckets)))
        add = f" ADD {increments}" if buckets else ""
        return {
            "TableName": self.table,
            "Key": key,
            "UpdateExpression": f"SET #node = :node, #at = :at{add}",
            "ExpressionAttributeNames": names | {"#node": "node", "#at": "at"},
            "ExpressionAttributeValues": values | {":node": {"S": node}, ":at": {"S": at}},
        }


def node_keys(board: str, nodes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the keys of all items of some nodes."""
    return [key for node in nodes for key in _shards(board, node)]


def _shards(board: str, node: str) -> list[dict[str, Any]]:
    """The keys of a node's items, one a shard."""
    return [_key(board, node, shard) for shard in range(SHARDS)]


def _key(board: str, node: str, shard: int) -> dict[str, Any]:
    # Shard and node contain no slash, so keys are unique; the board in the key spreads boards over partitions.
    return {"collection": {"S": f"{COUNTERS}{shard}/{node}/{board}"}, "name": {"S": board}}

"""The counting index in DynamoDB: each node of a board has a shape, and its counts in a few shards.

Writers use different shards, so the root, which every change updates, is not a bottleneck. A count in one shard may be
negative, because an entry may be added in one shard and removed in another.

The **fence** of a shard is the newest version of the shape that writers must know: a writer's update has the condition
that the fence is not newer than its shape. Shards also count their updates, so a process that has read all of them can
replace them on the condition that nothing has changed since.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.expiry import expiring, expiry, has_expired
from scorecast.leaderboard.index.shape import Counts, Move, Shape
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Order, is_policy, policy_key, read_policy

# A look-up pays half a unit per shard for each of its nodes; a writer retries when another one uses its shard. One
# board's entries lie in one partition of the index by score, whose 1,000 write units a second allow 500 changes, or
# about 20 transactions of 20 ms to 50 ms: one in flight at a time, seldom two. docs/ranks.md compares other numbers of
# shards.
SHARDS = 3

# The number of boards whose heads one call reads, five items each.
HEADS = 20

# The prefixes of the board table's collections that hold shards and shapes.
COUNTERS = "counters/"
SHAPE = "shape/"
MIXED = "mixed"
ROOT = ""
"""The node that covers all keys of a board."""

# Short, because DynamoDB also charges for the names of attributes. Ids are in capitals, so none equals one of these.
_FENCE, _UPDATES, _AT = "f", "n", "at"

_MALFORMED = (KeyError, ValueError, TypeError, AttributeError)

Item = dict[str, Any]
Action = dict[str, Any]


@dataclass(slots=True)
class Shard:
    """One shard of a node: counts by id, its fence, the number of updates, and the last one's time (ISO 8601, UTC)."""

    counts: dict[str, int] = field(default_factory=dict)
    fence: int = 0
    updates: int = 0
    at: str = ""


@dataclass(slots=True)
class Node:
    """A node as it was read. Without a shape in the table, it is the root of a board that has never been cut.

    `ties` is empty if the board was cut by score. If it was cut by an order of ties, `ties` names that order (a
    policy's key_order), or is MIXED if the keys follow several.
    """

    shape: Shape = field(default_factory=Shape)
    ties: str = ""
    shards: list[Shard] = field(default_factory=lambda: [Shard() for _ in range(SHARDS)])

    @property
    def counts(self) -> Counter[str]:
        """The counts, summed over the shards."""
        total: Counter[str] = Counter()
        for shard in self.shards:
            total.update(shard.counts)
        return total

    @property
    def total(self) -> int:
        """The number of entries."""
        return sum(self.counts.values())

    @property
    def at(self) -> str:
        """When its entries last changed (ISO 8601, UTC); empty if they never did."""
        return max(shard.at for shard in self.shards)

    @property
    def is_newer(self) -> bool:
        """Whether the counts belong to a newer shape than the one that was read, or to an unrelated one."""
        strange = any(count for one, count in self.counts.items() if one not in self.shape.known)
        return strange or any(shard.fence > self.shape.version for shard in self.shards)

    @property
    def is_older(self) -> bool:
        """Whether the counts may belong to an older shape than the one that was read."""
        if self.shape.is_inner:
            return not self.counts.keys() >= set(self.shape.ids)
        return not self.shape.move and any(shard.fence < self.shape.version for shard in self.shards)

    def take(self, kind: str, item: Mapping[str, Any]) -> None:
        """Read an item of the node, its shape or a shard, into it; `kind` is what the item's key begins with.

        NotAcknowledged if it is malformed, which only happens if somebody edits it by hand.
        """
        try:
            if kind == SHAPE:
                self.shape, self.ties = _read_shape(item), _read_ties(item)
            else:
                self.shards[int(kind)] = _read_shard(item)
        except _MALFORMED:
            raise NotAcknowledged("A board's index cannot be read: run `scorecast verify --repair`.") from None


@dataclass(frozen=True, slots=True)
class Head:
    """What is read of a board before anything else: its policy, and its root, with the shape if requested."""

    policy: BoardPolicy
    root: Node


@dataclass(frozen=True, slots=True)
class IndexTable:
    """The nodes of all boards; items that are written expire at `expires_at`, which is that of the board's policy."""

    dynamodb: BatchGetItem
    table: str
    expires_at: int | None = None
    clock: Callable[[], float] = time.time

    def read(self, board: str, nodes: Sequence[str], *, consistent: bool = False) -> dict[str, Node]:
        """Read up to 25 nodes of a board in one round trip: half a unit for each shard, and for 4 KB of the shape."""
        keys = [key for node in nodes for key in (shape_key(board, node), *shard_keys(board, node))]
        found = self._read(keys, consistent=consistent)
        return {node: found[board, node] for node in nodes}

    def read_shape(self, board: str, node: str) -> Node:
        """Read the shape of a node consistently, without its counts; a unit for 4 KB."""
        return self.read_shapes([(board, node)])[board, node]

    def read_shapes(self, nodes: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Node]:
        """Read the shapes of nodes, given as (board, node), consistently and without their counts; a unit for 4 KB."""
        found = self._read([shape_key(board, node) for board, node in nodes], consistent=True)
        return {key: found[key] for key in nodes}

    def read_root(self, board: str, *, shards_of: str | None) -> tuple[Node, list[Shard]]:
        """Read the root's shape and, in the same round trip, the shards of a node, consistently; a unit each."""
        others = shard_keys(board, shards_of) if shards_of is not None else []
        found = self._read([shape_key(board, ROOT), *others], consistent=True)
        return found[board, ROOT], found[board, shards_of or ROOT].shards

    def read_shards(self, board: str, node: str) -> list[Shard]:
        """Read the shards of a node consistently, without its shape; a unit each."""
        return self._read(shard_keys(board, node), consistent=True)[board, node].shards

    def _read(self, keys: Sequence[Item], *, consistent: bool) -> defaultdict[tuple[str, str], Node]:
        """Read items of nodes, and assemble them by (board, node)."""
        found: defaultdict[tuple[str, str], Node] = defaultdict(Node)
        for item in read_items(self.dynamodb, self.table, keys, consistent=consistent):
            kind, node = parse_key(item)
            found[item["name"]["S"], node].take(kind, item)
        return found

    def read_heads(self, boards: Sequence[str], *, shapes: bool) -> dict[str, Head]:
        """Read the roots and policies of boards together, HEADS boards in a round trip: half a unit for each item.

        Expired items are skipped, so their board is empty. CannotRead if a policy is not usable.
        """
        roots = {board: Node() for board in boards}
        policies = dict.fromkeys(boards, DEFAULT)
        keys = [key for board in boards for key in (policy_key(board), *shard_keys(board, ROOT))]
        keys += [shape_key(board, ROOT) for board in boards if shapes]
        now = self.clock()
        for item in read_items(self.dynamodb, self.table, keys, consistent=False):
            if has_expired(item, now):
                continue
            if is_policy(item):
                policies[item["name"]["S"]] = read_policy(item)
            else:
                roots[item["name"]["S"]].take(parse_key(item)[0], item)
        return {board: Head(policies[board], roots[board]) for board in boards}

    def count_action(self, board: str, node: str, changes: Counts, shard: int, at: str, version: int | None) -> Action:
        """Return the transaction's action that adds to a node's counts: two write units up to 1 KB.

        It fails if the node's fence is newer than `version`, the version of the shape that the writer knows, or if the
        page is gone. Pass None for counts that no change of a shape can make wrong.
        """
        names = {"#at": _AT, "#n": _UPDATES} | {f"#{number}": one for number, one in enumerate(changes)}
        values: Item = {":at": {"S": at}, ":1": {"N": "1"}}
        values |= {f":d{number}": {"N": str(delta)} for number, delta in enumerate(changes.values())}
        added = ", ".join(["#n :1", *(f"#{number} :d{number}" for number in range(len(changes)))])
        update = {
            "TableName": self.table,
            "Key": shard_key(board, node, shard),
            "UpdateExpression": f"SET #at = :at ADD {added}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        if version is not None:
            names["#f"], values[":f"] = _FENCE, {"N": str(version)}
            update["ConditionExpression"] = "#f <= :f" if node else "attribute_not_exists(#f) OR #f <= :f"
        return {"Update": expiring(update, self.expires_at)}

    def fence_update(self, board: str, node: str, shard: int, version: int) -> Item:
        """Return the update that raises the fence of a shard."""
        return self._behind_fence(board, node, shard, version, "SET #f = :f", {})

    def removal_actions(self, board: str, node: str, version: int, ids: Iterable[str]) -> list[Action]:
        """Return the actions that raise all fences and remove counts; they go together because only the sum is zero."""
        names = {f"#{number}": one for number, one in enumerate(ids)}
        expression = f"SET #f = :f REMOVE {', '.join(names)}"
        return [
            {"Update": self._behind_fence(board, node, shard, version, expression, names)} for shard in range(SHARDS)
        ]

    def _behind_fence(self, board: str, node: str, shard: int, version: int, expression: str, names: Item) -> Item:
        """Return an update of a shard whose fence is not newer than a version."""
        update = {
            "TableName": self.table,
            "Key": shard_key(board, node, shard),
            "UpdateExpression": expression,
            "ConditionExpression": "attribute_not_exists(#f) OR #f <= :f",
            "ExpressionAttributeNames": names | {"#f": _FENCE},
            "ExpressionAttributeValues": {":f": {"N": str(version)}},
        }
        return expiring(update, self.expires_at)

    def fold_action(self, board: str, shard: int, one: str, other: str) -> Action:
        """Return the action that adds the count of `other` in a shard of the root to `one`'s, and removes `other`."""
        update = {
            "TableName": self.table,
            "Key": shard_key(board, ROOT, shard),
            "UpdateExpression": "SET #one = if_not_exists(#one, :0) + if_not_exists(#other, :0) REMOVE #other",
            "ExpressionAttributeNames": {"#one": one, "#other": other},
            "ExpressionAttributeValues": {":0": {"N": "0"}},
        }
        return {"Update": expiring(update, self.expires_at)}

    def shape_update(self, board: str, node: str, shape: Shape, *, ties: str) -> Item:
        """Return the update that replaces the previous version; only the first one says how the board is cut."""
        names, is_first = {"#v": "version"}, shape.version <= 1
        values: Item = {} if is_first else {":before": {"N": str(shape.version - 1)}}
        item = _shape_attributes(shape, ties=ties if is_first else "")
        names |= {f"#{number}": name for number, name in enumerate(item)}
        values |= {f":{number}": value for number, value in enumerate(item.values())}
        sets = ", ".join(f"#{number} = :{number}" for number in range(len(item)))
        removed = " REMOVE #move" if not shape.move else ""
        names |= {"#move": "move"} if removed else {}
        update = {
            "TableName": self.table,
            "Key": shape_key(board, node),
            "UpdateExpression": f"SET {sets}{removed}",
            # A board that has never been cut has no shape, though its item may already have handed out ids.
            "ConditionExpression": "attribute_not_exists(#v)" if is_first else "#v = :before",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        return expiring(update, self.expires_at)

    def mixed_update(self, board: str) -> Item:
        """Return the update that marks a board that was cut by an order of ties: its keys follow several orders."""
        return {
            "TableName": self.table,
            "Key": shape_key(board, ROOT),
            "UpdateExpression": "SET #ties = :mixed",
            "ConditionExpression": "attribute_exists(#ties)",
            "ExpressionAttributeNames": {"#ties": "ties"},
            "ExpressionAttributeValues": {":mixed": {"S": MIXED}},
        }

    def ids_update(self, board: str, many: int) -> Item:
        """Return the update that allocates ids of a board; its answer has the number of the last one as `next`."""
        update = {
            "TableName": self.table,
            "Key": shape_key(board, ROOT),
            "UpdateExpression": "ADD #next :many",
            "ExpressionAttributeNames": {"#next": "next"},
            "ExpressionAttributeValues": {":many": {"N": str(many)}},
            "ReturnValues": "UPDATED_NEW",
        }
        return expiring(update, self.expires_at)

    def delete_actions(self, board: str, node: str, read: Node) -> list[Action]:
        """Return the actions that delete a page, if it has not changed since it was read."""
        condition, values = "#v = :v", {":v": {"N": str(read.shape.version)}}
        actions: list[Action] = [self._delete(shape_key(board, node), condition, {"#v": "version"}, values)]
        for number, shard in enumerate(read.shards):
            values = {":n": {"N": str(shard.updates)}}
            actions.append(self._delete(shard_key(board, node, number), "#n = :n", {"#n": _UPDATES}, values))
        return actions

    def _delete(self, key: Item, condition: str, names: Item, values: Item) -> Action:
        about = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        return {"Delete": {"TableName": self.table, "Key": key, "ConditionExpression": condition} | about}

    def shard_put(self, board: str, node: str, number: int, shard: Shard, replaced: Shard) -> Action:
        """Return the action that writes a shard in place of the one that was read, if that has not changed since."""
        put: Item = {"TableName": self.table, "Item": shard_item(board, node, number, shard) | expiry(self.expires_at)}
        names = {"ExpressionAttributeNames": {"#n": _UPDATES}}
        if not replaced.updates:
            return {"Put": put | {"ConditionExpression": "attribute_not_exists(#n)"} | names}
        values = {"ExpressionAttributeValues": {":n": {"N": str(replaced.updates)}}}
        return {"Put": put | {"ConditionExpression": "#n = :n"} | names | values}


def shard_item(board: str, node: str, number: int, shard: Shard) -> Item:
    """Return the item of a shard."""
    counts = {one: {"N": str(count)} for one, count in shard.counts.items()}
    about = {_FENCE: {"N": str(shard.fence)}, _UPDATES: {"N": str(shard.updates)}, _AT: {"S": shard.at}}
    return shard_key(board, node, number) | about | counts


def shape_item(board: str, node: str, shape: Shape, *, ties: str) -> Item:
    """Return the item of a shape."""
    return shape_key(board, node) | _shape_attributes(shape, ties=ties)


def shape_key(board: str, node: str) -> Item:
    """Return the key of a node's shape."""
    return {"collection": {"S": f"{SHAPE}{node}/{board}"}, "name": {"S": board}}


def shard_key(board: str, node: str, shard: int) -> Item:
    """Return the key of a shard of a node."""
    # Shard and node contain no slash, so keys are unique; the board in the key spreads boards over partitions.
    return {"collection": {"S": f"{COUNTERS}{shard}/{node}/{board}"}, "name": {"S": board}}


def shard_keys(board: str, node: str) -> list[Item]:
    """Return the keys of all shards of a node."""
    return [shard_key(board, node, shard) for shard in range(SHARDS)]


def parse_key(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return what an item of the index is (SHAPE, or the number of a shard), and its node."""
    collection = item["collection"]["S"].removesuffix(f"/{item['name']['S']}")
    if collection.startswith(SHAPE):
        return SHAPE, collection.removeprefix(SHAPE)
    shard, node = collection.removeprefix(COUNTERS).split("/")
    return shard, node


def id_text(number: int) -> str:
    """Return an id as text: base 36, in capitals.

    >>> [id_text(number) for number in (0, 35, 36)]
    ['0', 'Z', '10']
    """
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return (id_text(number // 36) if number >= 36 else "") + digits[number % 36]


def _read_shard(item: Mapping[str, Any]) -> Shard:
    counts = {name: int(value["N"]) for name, value in item.items() if not name[0].islower()}
    fence, updates = (int(item.get(name, {"N": "0"})["N"]) for name in (_FENCE, _UPDATES))
    return Shard(counts, fence, updates, item.get(_AT, {"S": ""})["S"])


def _read_shape(item: Mapping[str, Any]) -> Shape:
    if "version" not in item:
        return Shape()
    move = item.get("move", {}).get("L")
    low, high, old = (one["S"] for one in move) if move else ("", "", "")
    shape = Shape(
        int(item["version"]["N"]),
        tuple(item["starts"]["S"].split(" ")),
        tuple(item["ids"]["S"].split(" ")),
        item["high"]["S"],
        Move(low, high, tuple(old.split(" "))) if move else None,
        "pages" in item,
    )
    if not shape.is_sound:
        raise ValueError
    return shape


def _read_ties(item: Mapping[str, Any]) -> str:
    ties = str(item["ties"]["S"]) if "ties" in item else ""
    if ties not in ("", MIXED):
        Order(ties.partition(",")[0])
    return ties


def _shape_attributes(shape: Shape, *, ties: str) -> Item:
    item: Item = {
        "version": {"N": str(shape.version)},
        "starts": {"S": " ".join(shape.starts)},
        "ids": {"S": " ".join(shape.ids)},
        "high": {"S": shape.high},
    }
    if shape.move:
        move = (shape.move.low, shape.move.high, " ".join(shape.move.old))
        item["move"] = {"L": [{"S": text} for text in move]}
    item |= {"pages": {"BOOL": True}} if shape.is_inner else {}
    return item | ({"ties": {"S": ties}} if ties else {})

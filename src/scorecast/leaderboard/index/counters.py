"""The counting index as a structure: the counters that a change updates, and the ranks that follow from them. Pure.

A trie of three levels over the digits of the scores (digits.py). A node maps each bucket to the number of entries in
it; the sum of a node is its bucket's count in the node above. So an entry's rank is one, plus the better buckets in the
three nodes on its path, plus the better entries of its last range (those are counted in the table itself). The board's
order says whether higher or lower buckets are better; the counts are the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from scorecast.leaderboard.index.digits import LEVELS, NodeBucket, path_of, score_at
from scorecast.leaderboard.policy import Order

Node = dict[int, int]
"""Bucket to count; the buckets are in the order of the scores."""
ReadNodes = Callable[[Sequence[str]], Mapping[str, Node]]
"""Reads nodes by their paths in one round trip; a missing node is empty."""

ROOT = ""


def deltas(replacements: Iterable[tuple[Decimal | None, Decimal | None]]) -> dict[str, Node]:
    """Return how replacing scores (old or None, new or None) changes the counts: node to bucket to delta, no zeros.

    O(replacements); 2 x LEVELS counters each, fewer where scores share their first digits.
    """
    changes: dict[str, Node] = defaultdict(lambda: defaultdict(int))
    for old, new in replacements:
        for score, delta in ((old, -1), (new, 1)):
            for step in path_of(score) if score is not None else ():
                changes[step.node][step.bucket] += delta
    pruned = {node: {bucket: delta for bucket, delta in buckets.items() if delta} for node, buckets in changes.items()}
    return {node: buckets for node, buckets in pruned.items() if buckets}


def path_nodes(score: Decimal) -> list[str]:
    """Name the nodes on a score's path, from the root; at most LEVELS."""
    return [step.node for step in path_of(score)]


def total(nodes: Mapping[str, Node]) -> int:
    """Count all entries; needs the root."""
    return sum(nodes.get(ROOT, {}).values())


def above_outside_range(nodes: Mapping[str, Node], score: Decimal, order: Order) -> int:
    """Count the entries that score better and do not share the score's last range; needs the nodes on its path."""
    return sum(_above(nodes.get(step.node, {}), step.bucket, order) for step in path_of(score))


def _above(node: Node, bucket: int, order: Order) -> int:
    return sum(count for other, count in node.items() if order.is_better(other, bucket))


@dataclass(frozen=True, slots=True)
class Located:
    """The last range that holds an entry: a score in it, and the number of the board's entries above the range."""

    score: Decimal
    above: int


def locate(read: ReadNodes, position: int, order: Order) -> Located | None:
    """Find the range of the entry at a position (1 is the best); None past the end. LEVELS reads, one after another."""
    node, above, path = ROOT, 0, []
    for _ in range(LEVELS):
        found = _bucket_at(read([node]).get(node, {}), position - above, order)
        if found is None:
            return None
        bucket, above_in_node = found
        above += above_in_node
        path.append(NodeBucket(node, bucket))
        if bucket == 0 and node == ROOT:  # zero has no digits below
            break
        node = f"{node}.{bucket}".lstrip(".")
    return Located(score_at(path), above)


def _bucket_at(node: Node, position: int, order: Order) -> tuple[int, int] | None:
    """Return the bucket that holds a position (best first), and how many of the node's entries are above it."""
    above = 0
    for bucket, count in order.best_first(node.items()):
        if above + count >= position:
            return bucket, above
        above += count
    return None


class Counters:
    """The index in memory: the oracle for the index in DynamoDB, and the counts that a rebuild collects.

    `replace` is O(LEVELS); `above` and `locate` are O(buckets of LEVELS nodes), at most 100 or so each.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def replace(self, old: Decimal | None, new: Decimal | None) -> None:
        """Count a new score instead of an old one; None for no entry."""
        for name, buckets in deltas([(old, new)]).items():
            counted = Counter(self.nodes.get(name, {}))
            counted.update(buckets)
            self.nodes[name] = {bucket: count for bucket, count in counted.items() if count}

    def read(self, names: Sequence[str]) -> dict[str, Node]:
        """Read nodes, as the table does."""
        return {name: self.nodes.get(name, {}) for name in names}

    def _check(self) -> None:
        """Assert every invariant: counts are positive, and a node sums up to its bucket in the node above."""
        for name, node in self.nodes.items():
            assert all(count > 0 for count in node.values()), f"node {name!r} holds {node}"
            if name and node:
                parent, _, bucket = name.rpartition(".")
                assert self.nodes[parent][int(bucket)] == sum(node.values()), f"node {name!r} and its parent differ"

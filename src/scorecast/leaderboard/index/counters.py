"""The counting index as a structure: what a change adds and takes away, and what ranks follow from the counts. Pure.

A trie of three levels over the digits of the scores (digits.py). A node maps slots to how many entries lie in them; its
sum is its slot's count in the node above. So an entry's rank is the sum of the better slots in the three nodes on its
path, plus one, plus how many entries of its last range score better (those are counted in the table itself). Which
slots are better, the higher or the lower ones, is the board's order; the counts are the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from scorecast.leaderboard.index.digits import LEVELS, Place, places_of, score_at
from scorecast.leaderboard.policy import Order

Node = dict[int, int]
"""Slot to count; the slots are in the order of the scores."""
ReadNodes = Callable[[Sequence[str]], Mapping[str, Node]]
"""Reads nodes by their paths, all in one round trip; a node that is not there is empty."""

ROOT = ""


def deltas(replacements: Iterable[tuple[Decimal | None, Decimal | None]]) -> dict[str, Node]:
    """Return what replacing scores (old or None, new or None) changes: node to slot to delta, without the zeros.

    O(replacements); 2 x LEVELS counters each, fewer where scores share their first digits.
    """
    changes: dict[str, Node] = defaultdict(lambda: defaultdict(int))
    for old, new in replacements:
        for score, delta in ((old, -1), (new, 1)):
            for place in places_of(score) if score is not None else ():
                changes[place.node][place.slot] += delta
    pruned = {node: {slot: delta for slot, delta in slots.items() if delta} for node, slots in changes.items()}
    return {node: slots for node, slots in pruned.items() if slots}


def path_nodes(score: Decimal) -> list[str]:
    """Name the nodes on a score's path, from the root; at most LEVELS."""
    return [place.node for place in places_of(score)]


def total(nodes: Mapping[str, Node]) -> int:
    """Count all entries; needs the root."""
    return sum(nodes.get(ROOT, {}).values())


def above_outside_range(nodes: Mapping[str, Node], score: Decimal, order: Order) -> int:
    """Count the entries that score better and do not share the score's last range; needs the nodes on its path."""
    return sum(_above(nodes.get(place.node, {}), place.slot, order) for place in places_of(score))


def _above(node: Node, slot: int, order: Order) -> int:
    return sum(count for other, count in node.items() if order.is_better(other, slot))


@dataclass(frozen=True, slots=True)
class Located:
    """The last range that holds an entry: a score in it, and how many of the board's entries lie above the range."""

    score: Decimal
    above: int


def locate(read: ReadNodes, position: int, order: Order) -> Located | None:
    """Find the range of the entry at a position (1 is the best); None past the end. LEVELS reads, one after another."""
    node, above, places = ROOT, 0, []
    for _ in range(LEVELS):
        found = _slot_at(read([node]).get(node, {}), position - above, order)
        if found is None:
            return None
        slot, above_in_node = found
        above += above_in_node
        places.append(Place(node, slot))
        if slot == 0 and node == ROOT:  # zero has no digits below
            break
        node = f"{node}.{slot}".lstrip(".")
    return Located(score_at(places), above)


def _slot_at(node: Node, position: int, order: Order) -> tuple[int, int] | None:
    """Return the slot of a position among the node's entries, best first, and how many of them are above the slot."""
    above = 0
    for slot, count in order.best_first(node.items()):
        if above + count >= position:
            return slot, above
        above += count
    return None


class Counters:
    """The index in memory: the oracle of its home in DynamoDB, and what a rebuild collects.

    `replace` is O(LEVELS); `above` and `locate` are O(slots of LEVELS nodes), at most 100 or so each.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def replace(self, old: Decimal | None, new: Decimal | None) -> None:
        """Count a new score instead of an old one; None for no entry."""
        for name, slots in deltas([(old, new)]).items():
            counted = Counter(self.nodes.get(name, {}))
            counted.update(slots)
            self.nodes[name] = {slot: count for slot, count in counted.items() if count}

    def read(self, names: Sequence[str]) -> dict[str, Node]:
        """Read nodes, as the home in DynamoDB does."""
        return {name: self.nodes.get(name, {}) for name in names}

    def _check(self) -> None:
        """Assert every invariant: counts are positive, and a node sums up to its slot in the node above."""
        for name, node in self.nodes.items():
            assert all(count > 0 for count in node.values()), f"node {name!r} holds {node}"
            if name and node:
                parent, _, slot = name.rpartition(".")
                assert self.nodes[parent][int(slot)] == sum(node.values()), f"node {name!r} and its parent differ"

"""What must hold of the counting index at any time: counts equal entries, range by range and page by page."""

from collections import Counter
from typing import Any

from scorecast.leaderboard.index.shape import FIRST, Shape
from scorecast.leaderboard.index.table import ROOT, Node, parse_key, shape_key, shard_keys
from scorecast.leaderboard.item import StoredEntry, is_entry, read_item
from scorecast.leaderboard.order_key import score_order


def check_index(table: Any, board: str) -> None:
    """Assert that the index of a board in a FakeDynamoDb counts its entries."""
    entries = [read_item(item) for (_, name), item in table.items.items() if name == board and is_entry(item)]
    root = read_node(table, board, ROOT)
    if not root.shape.is_inner:
        _check_page(root, entries, ties=root.ties)
        return
    root.shape._check()
    ends = (*root.shape.starts[1:], root.shape.high)
    for low, high, page in zip(root.shape.starts, ends, root.shape.ids, strict=True):
        node = read_node(table, board, page)
        assert (node.shape.low, node.shape.high, bool(node.ties)) == (low, high, bool(root.ties))
        assert node.shape.version > 0
        inside = [entry for entry in entries if low <= key_of(entry, ties=root.ties) < high]
        _check_page(node, inside, ties=root.ties)
        assert root.counts[page] == len(inside), (page, root.counts, len(inside))
    assert {page for page, count in root.counts.items() if count} <= set(root.shape.ids)


def read_node(table: Any, board: str, node: str) -> Node:
    """Read a node of a board, past all faults that a table is told to have."""
    found = Node()
    for key in (shape_key(board, node), *shard_keys(board, node)):
        if item := table.board_items.get((key["collection"]["S"], board)):
            found.take(parse_key(item)[0], item)
    return found


def key_of(entry: StoredEntry, *, ties: str) -> str:
    """Return the order key by which an entry is counted."""
    return entry.tie_order if ties else score_order(entry.number)


def _check_page(node: Node, entries: list[StoredEntry], *, ties: str) -> None:
    shape: Shape = node.shape
    shape._check()
    named = Counter(entry.range or FIRST for entry in entries)
    counted = Counter({one: count for one, count in node.counts.items() if count})
    assert named == counted, f"entries name {named}, and the counts are {counted}"
    assert named.keys() <= {*shape.ids, *shape.old}
    for entry in entries:
        key, one = key_of(entry, ties=ties), entry.range or FIRST
        if one in shape.old:
            assert shape.move is not None
            assert shape.move.low <= key < shape.move.high
        else:
            assert shape.id_at(key) == one, (key, one, shape)

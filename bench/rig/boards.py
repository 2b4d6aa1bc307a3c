"""Boards of any size, loaded in bulk, with the counting index in the state in which growth leaves it.

A range that is split begins with PART_ENTRIES entries and grows, at a rate in proportion to its size, to RANGE_ENTRIES:
so the sizes of the ranges are drawn from between these two, with evenly distributed logarithms. Pages have from half as
many ranges as a full one to as many, drawn in the same way. Counts are spread over the shards. (`upkeep.py` measures
boards that the real writer and the real upkeep have filled; their ranges have the same sizes.)
"""

from __future__ import annotations

import http.client
import json
import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, pairwise
from math import ceil, sqrt
from typing import Any
from urllib.parse import urlsplit

from bench.rig.tables import BOARDS, LEADERBOARD
from scorecast.leaderboard.index.shape import FIRST, PAGE_RANGES, PART_ENTRIES, RANGE_ENTRIES, Shape
from scorecast.leaderboard.index.table import (
    ROOT,
    SHARDS,
    IndexTable,
    Node,
    Shard,
    id_text,
    shape_item,
    shard_item,
)
from scorecast.leaderboard.item import Item, StoredEntry, is_entry, make_item, read_item
from scorecast.leaderboard.order_key import HIGHEST, LOWEST, score_order, separator, tie_order
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties, policy_item
from scorecast.ops.stack.batch_write import BATCH_WRITES
from scorecast.runtime.pages import read_all

AT = "2026-01-01T00:00:00Z"
# As long as the sequence number of a change of a DynamoDB stream.
SEQUENCE_DIGITS = 24


@dataclass(frozen=True)
class BuiltIndex:
    """The nodes of a board's index: shapes, and the number of entries of each part."""

    shapes: dict[str, Shape]
    counts: dict[str, dict[str, int]]
    ties: str = ""

    def range_of(self, key: str) -> str:
        """Return the range that an entry with a key names; empty for that of a board that was never cut."""
        root = self.shapes[ROOT]
        page = self.shapes[root.id_at(key)] if root.is_inner else root
        one = page.id_at(key)
        return "" if one == FIRST else one

    def items(self, board: str) -> Iterator[Item]:
        """Return the items of the board table."""
        taken = sum(len(shape.ids) for shape in self.shapes.values())
        for node, shape in self.shapes.items():
            if shape.version:
                item = shape_item(board, node, shape, ties=self.ties)
                yield item | ({"next": {"N": str(taken)}} if node == ROOT else {})
            for shard in range(SHARDS):
                counts = {one: _share(total, shard) for one, total in self.counts[node].items()}
                updates = 1 + sum(counts.values())
                yield shard_item(board, node, shard, Shard(counts, shape.version, updates, AT))


def _share(total: int, shard: int) -> int:
    return total // SHARDS + (shard < total % SHARDS)


def build_index(ordered: Sequence[Decimal], seed: str = "", *, ties: Sequence[str] = ()) -> BuiltIndex:
    """Build the index of sorted scores, or of the sorted order keys of a board that orders ties. O(n)."""
    values: Sequence[Any] = ties or ordered
    key_of: Callable[[Any], str] = str if ties else score_order
    cuts = _cuts(values, key_of, random.Random(seed))
    starts = [start for start, _ in cuts]
    held = [after - at for (_, at), (_, after) in pairwise([*cuts, (HIGHEST, len(values))])]
    ids = [id_text(number) for number in range(1, len(cuts) + 1)] if len(cuts) > 1 else [FIRST]
    if len(cuts) <= PAGE_RANGES:
        shape = Shape(int(len(cuts) > 1), tuple(starts), tuple(ids))
        return BuiltIndex(
            {ROOT: shape}, {ROOT: dict(zip(ids, held, strict=True))}, str(Order.DESCENDING) if ties else ""
        )
    pages = [0, *_page_ends(len(cuts), random.Random(f"{seed} pages"))]
    shapes: dict[str, Shape] = {}
    counts: dict[str, dict[str, int]] = {}
    for number, (at, to) in enumerate(pairwise(pages), start=len(cuts) + 1):
        high = starts[to] if to < len(starts) else HIGHEST
        shapes[id_text(number)] = Shape(1, tuple(starts[at:to]), tuple(ids[at:to]), high)
        counts[id_text(number)] = dict(zip(ids[at:to], held[at:to], strict=True))
    root = Shape(2, tuple(shape.low for shape in shapes.values()), tuple(shapes), is_inner=True)
    sums = {page: sum(some.values()) for page, some in counts.items()}
    return BuiltIndex({ROOT: root} | shapes, {ROOT: sums} | counts, str(Order.DESCENDING) if ties else "")


def _cuts(values: Sequence[Any], key_of: Callable[[Any], str], draw: random.Random) -> list[tuple[str, int]]:
    """Cut sorted values into ranges: the key at which each begins, and the number of values before it."""
    cuts, at = [(LOWEST, 0)], 0
    if len(values) <= RANGE_ENTRIES:
        return cuts
    while True:
        at += round(PART_ENTRIES * (RANGE_ENTRIES / PART_ENTRIES) ** draw.random())
        if at >= len(values):
            return cuts
        first, after = bisect_left(values, values[at]), bisect_right(values, values[at])
        key = key_of(values[at])
        if after - first > PART_ENTRIES:  # a key with many ties has a range of its own
            cuts += [(key, first)] if key > cuts[-1][0] else []
            cuts.append((key + HIGHEST, after))
            at = after
        else:
            at = first if first > cuts[-1][1] else after
            if at < len(values):
                cuts.append((separator(key_of(values[at - 1]), key_of(values[at])), at))


def _page_ends(ranges: int, draw: random.Random) -> list[int]:
    """Return how many ranges are before the end of each page. A page may have as many parts as the root."""
    mean = 0.72  # of numbers from a half to one with evenly distributed logarithms
    full, ends = max(PAGE_RANGES, ceil(sqrt(ranges / mean))), [0]
    while ends[-1] < ranges:
        ends.append(min(ranges, ends[-1] + round(full / 2 ** draw.random())))
    return ends[1:]


def entry_item(
    board: str, participant: str, score: Decimal, sequence: int = 0, *, counted_in: str = "", tie: str = ""
) -> Item:
    """Return the entry as ConsumerLambda writes it."""
    text, number = format(score, "f"), f"{sequence:0{SEQUENCE_DIGITS}}"
    entry = StoredEntry(participant, board, number, AT, text, f"The {participant}", tie_order=tie, range=counted_in)
    return make_item(entry)


def tie_of(score: Decimal, number: int) -> str:
    """Return the order key of the entry with a number, on a board with the highest score first."""
    return tie_order(score, Order.DESCENDING, AT, f"{number:0{SEQUENCE_DIGITS}}")


def load(endpoint: str, table: str, items: Iterable[Item]) -> None:
    """Write items in bulk."""
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
    left = iter(items)
    while batch := [{"PutRequest": {"Item": item}} for item in islice(left, BATCH_WRITES)]:
        _call(connection, "BatchWriteItem", {"RequestItems": {table: batch}})
    connection.close()


def load_board(
    endpoint: str, board: str, scores: dict[str, Decimal], ordered: Sequence[Decimal], *, ties: bool = False
) -> BuiltIndex:
    """Write a board's entries and its index in bulk; with `ties`, entries with one score are in that of `scores`."""
    numbered = enumerate(scores.items()) if ties else ()
    keys = {participant: tie_of(score, number) for number, (participant, score) in numbered}
    index = build_index(ordered, board, ties=sorted(keys.values()))
    entries = (
        entry_item(
            board,
            participant,
            score,
            counted_in=index.range_of(keys.get(participant) or score_order(score)),
            tie=keys.get(participant, ""),
        )
        for participant, score in scores.items()
    )
    load(endpoint, LEADERBOARD, entries)
    load(endpoint, BOARDS, index.items(board))
    if ties:
        load(endpoint, BOARDS, [policy_item(board, BoardPolicy(ties=Ties.EARLIEST))])
    return index


def _call(connection: http.client.HTTPConnection, operation: str, request: Item) -> None:
    """Call without botocore, which takes longer for a batch than DynamoDB Local does."""
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        # DynamoDB Local checks the form of the signature, but not the signature.
        "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host, Signature=0",
    }
    connection.request("POST", "/", json.dumps(request), headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.HTTPStatus.OK or json.loads(body).get("UnprocessedItems"):
        raise RuntimeError(f"DynamoDB Local did not take a batch: {answer.status} {body[:300]!r}")


def scan(dynamodb: Any, table: str) -> Iterator[Item]:
    """Yield every item of a table."""
    return read_all(dynamodb.scan, {"TableName": table, "ConsistentRead": True})


def entries_on(dynamodb: Any, board: str) -> list[StoredEntry]:
    """Read all entries of a board."""
    items = scan(dynamodb, LEADERBOARD)
    return [read_item(item) for item in items if is_entry(item) and item["metadata"]["S"] == board]


def check_index(dynamodb: Any, board: str, entries: Sequence[StoredEntry]) -> None:
    """Raise RuntimeError unless the index of a board, read from the tables, counts exactly its entries.

    Each entry lies in the range that it names, each range counts the entries that name it, each page their sum.
    """
    table = IndexTable(dynamodb, BOARDS)
    root = table.read(board, [ROOT], consistent=True)[ROOT]
    nodes = (
        {one: table.read(board, [one], consistent=True)[one] for one in root.shape.ids} if root.shape.is_inner else {}
    )
    expected: dict[str, Counter[str]] = {node: Counter() for node in (ROOT, *nodes)}
    for entry in entries:
        key, one = entry.tie_order if root.ties else score_order(entry.number), entry.range or FIRST
        page = root.shape.id_at(key) if nodes else ROOT
        _check_range(nodes.get(page, root), key, one)
        expected[page][one] += 1
        if nodes:
            expected[ROOT][page] += 1
    for node, read in ({ROOT: root} | nodes).items():
        if +read.counts != expected[node] or min(read.counts.values(), default=0) < 0:
            raise RuntimeError(f"Node {node!r} of {board!r} does not count its entries.")


def _check_range(node: Node, key: str, one: str) -> None:
    move = node.shape.move
    is_old = move is not None and one in move.old and move.low <= key < move.high
    if not is_old and (node.shape.id_at(key) != one or not node.shape.holds(key)):
        raise RuntimeError("An entry does not lie in the range that it names.")

"""Boards of any size and shape, loaded in bulk, and the sorted list that their ranks are compared with."""

from __future__ import annotations

import http.client
import json
import random
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from bench.rig.tables import BOARDS, LEADERBOARD
from scorecast.leaderboard.index.counters import Counters, Node
from scorecast.leaderboard.index.table import CounterTable
from scorecast.leaderboard.item import StoredEntry, make_item
from scorecast.ops.stack.batch_write import BATCH_WRITES
from scorecast.runtime.pages import read_all

Item = dict[str, Any]
Draw = Callable[[random.Random], Decimal]

# Counters are added one node at a time; an expression with this many buckets stays far below its limit of 4 KB.
BUCKETS_AT_ONCE = 50

SHAPES: dict[str, Draw] = {
    # Whole points up to a million.
    "uniform": lambda draw: Decimal(draw.randrange(1_000_000)),
    # Marks from 0 to 100: at a million entries about ten thousand share each.
    "tied": lambda draw: Decimal(draw.randrange(101)),
    # A Pareto distribution to a hundredth of a point: most near 100, a few in the millions.
    "long tail": lambda draw: Decimal(round(draw.paretovariate(1.2) * 10_000)) / 100,
}


@dataclass
class Oracle:
    """The scores of a board by participant and as a sorted list."""

    scores: dict[str, Decimal] = field(default_factory=dict)
    ordered: list[Decimal] = field(default_factory=list)

    def add(self, entries: Iterable[tuple[str, Decimal]]) -> None:
        """Add new entries."""
        self.scores.update(entries)
        self.ordered = sorted(self.scores.values())

    def replace(self, participant: str, score: Decimal) -> None:
        """Give a participant another score."""
        self.ordered.pop(bisect_right(self.ordered, self.scores[participant]) - 1)
        insort(self.ordered, score)
        self.scores[participant] = score

    def rank(self, score: Decimal) -> int:
        """Return the competition rank of a score: 1, 2, 2, 4."""
        return 1 + len(self.ordered) - bisect_right(self.ordered, score)


def draw_entries(shape: str, many: int, first: int = 0) -> Iterator[tuple[str, Decimal]]:
    """Draw participants and scores; every call with the same arguments draws the same ones."""
    draw = random.Random(f"{shape} {first}")
    return ((f"player{number:07}", SHAPES[shape](draw)) for number in range(first, first + many))


def entry_item(board: str, participant: str, score: Decimal, sequence: int = 0) -> Item:
    """Return the entry as ConsumerLambda writes it."""
    name, at = f"The {participant}", "2026-01-01T00:00:00Z"
    return make_item(StoredEntry(participant, board, f"{sequence:040}", at, format(score, "f"), name))


def load(endpoint: str, board: str, entries: Iterable[tuple[str, Decimal]]) -> None:
    """Write entries in bulk, without their counters."""
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
    items = (entry_item(board, participant, score) for participant, score in entries)
    while batch := [{"PutRequest": {"Item": item}} for item in islice(items, BATCH_WRITES)]:
        _call(connection, "BatchWriteItem", {"RequestItems": {LEADERBOARD: batch}})
    connection.close()


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


def count(scores: Iterable[Decimal]) -> Counters:
    """Count scores as the index does."""
    counters = Counters()
    for score in scores:
        counters.replace(None, score)
    return counters


def load_counters(dynamodb: Any, board: str, nodes: dict[str, Node], shards: int) -> None:
    """Add counts to the board's nodes, spread over the shards as many writers spread them."""
    table = CounterTable(dynamodb, BOARDS)
    for shard in range(shards):
        for name, node in nodes.items():
            shares = {bucket: _share(total, shard, shards) for bucket, total in node.items()}
            for part in _parts(shares):
                for action in table.increment_actions(board, {name: part}, shard, "2026-01-01T00:00:00Z"):
                    dynamodb.update_item(**action["Update"])


def _share(total: int, shard: int, shards: int) -> int:
    return total // shards + (shard < total % shards)


def _parts(node: Node) -> Iterator[Node]:
    buckets = iter(node.items())
    while part := dict(islice(buckets, BUCKETS_AT_ONCE)):
        yield part


def scan(dynamodb: Any, table: str) -> Iterator[Item]:
    """Yield every item of a table."""
    return read_all(dynamodb.scan, {"TableName": table, "ConsistentRead": True})


def counters_of(dynamodb: Any, board: str) -> dict[str, Node]:
    """Read all nodes of a board: sums over the shards, without zeros."""
    names = {item["node"]["S"] for item in scan(dynamodb, BOARDS) if "node" in item and item["name"]["S"] == board}
    read: dict[str, Node] = {}
    for name in names:
        read |= CounterTable(dynamodb, BOARDS).read(board, [name]).nodes
    pruned = {name: {bucket: total for bucket, total in node.items() if total} for name, node in read.items()}
    return {name: node for name, node in pruned.items() if node}

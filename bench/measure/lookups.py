"""What a look-up of a rank or of a position costs with the counting index, and a rank with COUNT.

Every rank, total and position is compared with a sorted list. Part of `python -m bench.measure.ranks`.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Any

from bench.report.results import Row
from bench.rig import dynamodb_local
from bench.rig.boards import BuiltIndex, build_index, load_board
from bench.rig.memory import ListedBoard
from bench.rig.meter import Meter, one_by_one
from bench.rig.scores import Oracle, draw_entries, draw_scores, rank_in
from bench.rig.tables import BOARDS, LEADERBOARD, empty_tables, index_names
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.index.lookup import RankIndex
from scorecast.leaderboard.order_key import HIGHEST, score_order

HEAP = "-Xmx6g"  # a million entries take three
# How many COUNTs to measure, by the size of the board. A COUNT reads half the board, so a few show what it costs. On a
# million entries DynamoDB Local takes minutes for each, because every page reads them all: none is measured there.
COUNTS = {10_000: 100, 100_000: 10}
# Of the fullest ranges, so many are asked for their lowest score, which costs most.
FULLEST = 100


@dataclass
class Board:
    """A board with its sorted scores, and a metered client that reads it."""

    name: str
    ordered: Sequence[Decimal]
    index: BuiltIndex
    dynamodb: Any
    meter: Meter
    scores: dict[str, Decimal] = field(default_factory=dict)

    @property
    def reader(self) -> LeaderboardReader:
        """The tables, as LeaderGet reads them."""
        return LeaderboardReader(self.dynamodb, LEADERBOARD, *index_names(), BOARDS, "key")

    @property
    def ranks(self) -> RankIndex:
        """The counting index, as LeaderGet reads it."""
        return self.reader.ranks

    def draw_scores(self, many: int) -> list[Decimal]:
        """Draw scores of the board: of random participants, and the lowest of the fullest ranges, which cost most."""
        drawn = random.Random(self.name).choices(self.ordered, k=many)
        ranges = [
            (self.index.counts[node][one], start)
            for node, shape in self.index.shapes.items()
            if not shape.is_inner
            for start, one in zip(shape.starts, shape.ids, strict=True)
        ]
        fullest = sorted(ranges, reverse=True)[:FULLEST]
        return drawn + [self.ordered[self._before(start)] for count, start in fullest if count]

    def draw_positions(self, many: int) -> list[int]:
        """Draw positions, the first and the last among them."""
        return [1, len(self.ordered), *random.Random(self.name).choices(range(1, len(self.ordered) + 1), k=many)]

    def measure(self, lookups: Iterable[Any], look_up: Callable[[Any], None]) -> Row:
        """Look up one after another; `look_up` raises RuntimeError if what it finds is not what the list says."""
        units, trips = [], []
        for one in lookups:
            self.meter.reset()
            with one_by_one(self.meter):
                look_up(one)
            units.append(self.meter.units)
            trips.append(self.meter.trips)
        return {
            "lookups": len(units),
            "units_median": median(units),
            "units_max": max(units),
            "round_trips_median": median(trips),
            "round_trips_max": max(trips),
        }

    def rank(self, score: Decimal) -> None:
        """Look up a rank and the total."""
        standing = self.ranks.open([self.name])[self.name].find(score)
        self._expect(f"the rank of {score}", standing.rank, rank_in(self.ordered, score))
        self._expect("the total", standing.total, len(self.ordered))

    def count(self, score: Decimal) -> None:
        """Count all entries with a better score."""
        above = self.ranks.by_score.count(self.name, score_order(score) + HIGHEST)
        self._expect(f"the rank of {score}", 1 + above, rank_in(self.ordered, score))

    def position(self, position: int) -> None:
        """Look up the range of the entry at a position, and how many entries are before it."""
        found = self.ranks.open([self.name])[self.name].block_at(position)
        assert found is not None
        after = self._before(found.block.high)
        self._expect(f"before the range at {position}", found.better, len(self.ordered) - after)
        self._expect(f"in the range at {position}", found.count, after - self._before(found.block.low))
        if not found.better < position <= found.better + found.count:
            raise RuntimeError(f"On {self.name!r}, the entry at {position} is not in the range that was found.")

    def _before(self, key: str) -> int:
        """The number of entries with a lower order key."""
        return bisect_left(self.ordered, key, key=score_order)

    def _expect(self, what: str, found: int, expected: int) -> None:
        if found != expected:
            raise RuntimeError(f"On {self.name!r}, {what} is {found}; by the sorted list {expected}.")


def loaded(endpoint: str, shape: str, entries: int, *, ties: bool = False) -> Board:
    """Load a board into DynamoDB Local, with its index in the state that growth leaves it in."""
    name, oracle, meter = f"{shape} {entries}{' ties' if ties else ''}", Oracle(), Meter()
    oracle.add(draw_entries(shape, entries))
    index = load_board(endpoint, name, oracle.scores, oracle.ordered, ties=ties)
    reader = dynamodb_local.create_client(endpoint)
    meter.watch(reader)
    return Board(name, oracle.ordered, index, reader, meter, oracle.scores)


def listed(shape: str, entries: int) -> Board:
    """Make a board that is too large for DynamoDB Local: the items of its index, and a sorted list of scores."""
    name, ordered = f"{shape} {entries}", sorted(draw_scores(shape, entries))
    index = build_index(ordered, name)
    tables = ListedBoard(name, ordered, index)
    return Board(name, ordered, index, tables, tables.meter)


def measure_lookups(shape: str, sizes: Iterable[int], lookups: int) -> Iterator[Row]:
    """Measure boards of one shape and several sizes, all in one DynamoDB Local."""
    with empty_tables(HEAP) as (endpoint, _):
        for entries in sizes:
            board = loaded(endpoint, shape, entries)
            yield from _measure(board, shape, lookups)
            if counts := COUNTS.get(entries):
                about = {"shape": shape, "entries": entries, "way": "count"}
                yield about | board.measure(board.draw_scores(counts)[:counts], board.count)


def measure_listed(shape: str, entries: int, lookups: int) -> Iterator[Row]:
    """Measure a board in memory, by DynamoDB's rules for sizes."""
    yield from _measure(listed(shape, entries), shape, lookups)


def _measure(board: Board, shape: str, lookups: int) -> Iterator[Row]:
    about = {"shape": shape, "entries": len(board.ordered)}
    about |= {"pages": len(board.index.shapes), "ranges": sum(len(one.ids) for one in board.index.shapes.values())}
    yield about | {"way": "rank"} | board.measure(board.draw_scores(lookups), board.rank)
    yield about | {"way": "position"} | board.measure(board.draw_positions(lookups), board.position)

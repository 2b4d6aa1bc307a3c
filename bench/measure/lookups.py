"""What a look-up costs by the index and by COUNT, each rank held against the sorted list's."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.rig import dynamodb_local
from bench.rig.boards import Oracle, count, draw_entries, load, load_counters
from bench.rig.meter import Meter
from bench.rig.tables import BOARDS, LEADERBOARD, create_tables, index_names
from scorecast.api.query import GetEntry
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.index import lookup, table
from scorecast.leaderboard.policy import Order

HEAP = "-Xmx6g"  # a million entries take three
# A COUNT reads half the board: a few are enough to see what it costs. Of a million entries it takes DynamoDB Local
# minutes, for each page reads them all, so at other sizes there is none.
COUNTS = {10_000: 100, 100_000: 10}
ANSWERS = 100

Row = dict[str, Any]


@dataclass
class Board:
    """A loaded board, its oracle, and a meter on the client that reads it."""

    name: str
    oracle: Oracle
    reader: LeaderboardReader
    meter: Meter

    def measure(self, lookups: Iterable[str], rank_of: Callable[[str], int]) -> Row:
        """Look participants up; RuntimeError at the first rank that is not the oracle's."""
        units, trips = [], []
        for participant in lookups:
            self.meter.reset()
            rank = rank_of(participant)
            expected = self.oracle.rank(self.oracle.scores[participant])
            if rank != expected:
                raise RuntimeError(f"{participant} on {self.name!r} has rank {rank}; by the sorted list {expected}.")
            units.append(self.meter.units)
            trips.append(self.meter.calls)
        return {
            "lookups": len(units),
            "units_median": median(units),
            "units_max": max(units),
            "round_trips_median": median(trips),
            "round_trips_max": max(trips),
        }

    def by_index(self, participant: str) -> int:
        """The rank of a score that is known."""
        return self.reader._open(self.name).find(self.oracle.scores[participant]).rank

    def by_count(self, participant: str) -> int:
        """The rank of a score that is known, by a COUNT of all that is above."""
        score = self.oracle.scores[participant]
        return 1 + self.reader._entries.count_above(self.name, score, Order.DESCENDING)

    def by_answer(self, neighbours: int) -> Callable[[str], int]:
        """The rank as the API answers it: the entry is read first, its neighbours after."""
        return lambda participant: int(self.reader.get_entry(GetEntry(self.name, participant, neighbours))["rank"])


def load_board(endpoint: str, dynamodb: Any, shape: str, entries: int) -> Board:
    """Load a board of its own; the index as it stands after many writers."""
    name, oracle, meter = f"{shape} {entries}", Oracle(), Meter()
    oracle.add(draw_entries(shape, entries))
    load(endpoint, name, oracle.scores.items())
    load_counters(dynamodb, name, count(oracle.ordered).nodes, table.SHARDS)
    reader = dynamodb_local.create_client(endpoint)
    meter.watch(reader)
    return Board(name, oracle, LeaderboardReader(reader, LEADERBOARD, *index_names(), BOARDS, "key"), meter)


def measure_lookups(shape: str, sizes: Iterable[int], lookups: int) -> Iterable[Row]:
    """Measure one shape at several sizes, beside each other in one DynamoDB Local."""
    with dynamodb_local.running(HEAP) as endpoint:
        dynamodb = dynamodb_local.create_client(endpoint)
        create_tables(dynamodb)
        for entries in sizes:
            board = load_board(endpoint, dynamodb, shape, entries)
            names = random.Random(board.name).choices(list(board.oracle.scores), k=lookups)
            about = {"shape": shape, "entries": entries}
            yield about | {"way": "index"} | board.measure(names, board.by_index)
            if counts := COUNTS.get(entries):
                yield about | {"way": "count"} | board.measure(names[:counts], board.by_count)
            yield about | {"way": "answer"} | board.measure(names[:ANSWERS], board.by_answer(0))
            yield about | {"way": "answer, neighbours"} | board.measure(names[:ANSWERS], board.by_answer(2))


def measure_small_boards(sizes: Iterable[int]) -> Iterable[Row]:
    """Measure where the index begins to cost less than counting: both ways on small boards."""
    chosen = lookup.COUNTED_TOTAL
    with dynamodb_local.running() as endpoint:
        dynamodb = dynamodb_local.create_client(endpoint)
        create_tables(dynamodb)
        for entries in sizes:
            board = load_board(endpoint, dynamodb, "uniform", entries)
            for way, counted_total in (("index", 0), ("count", entries)):
                lookup.COUNTED_TOTAL = counted_total
                yield {"entries": entries, "way": way} | board.measure(
                    list(board.oracle.scores)[:ANSWERS], board.by_index
                )
    lookup.COUNTED_TOTAL = chosen

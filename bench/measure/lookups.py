"""What a look-up of a rank costs with the counting index and with COUNT; part of `python -m bench.measure.ranks`.

Every rank is compared with that of a sorted list.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest.mock import patch

from bench.report.results import Row
from bench.rig import dynamodb_local
from bench.rig.boards import Oracle, count, draw_entries, load, load_counters
from bench.rig.meter import Meter
from bench.rig.tables import BOARDS, LEADERBOARD, empty_tables, index_names
from scorecast.api.endpoints.participant import GetEntry
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.index import lookup, table
from scorecast.leaderboard.policy import Order

HEAP = "-Xmx6g"  # a million entries take three
# How many COUNTs to measure, by the size of the board. A COUNT reads half the board, so a few show what it costs. On a
# million entries DynamoDB Local takes minutes for each, because every page reads them all: none is measured there.
COUNTS = {10_000: 100, 100_000: 10}
ANSWERS = 100


@dataclass
class Board:
    """A loaded board, its oracle, and a meter on the client that reads it."""

    name: str
    oracle: Oracle
    reader: LeaderboardReader
    meter: Meter

    def measure(self, lookups: Iterable[str], rank_of: Callable[[str], int]) -> Row:
        """Look participants up; raise RuntimeError at the first rank that differs from the oracle's."""
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
        """Return the rank of a known score from the counting index."""
        return self.reader.open_board(self.name).find(self.oracle.scores[participant]).rank

    def by_count(self, participant: str) -> int:
        """Return the rank of a known score from a COUNT of all entries above it."""
        score = self.oracle.scores[participant]
        return 1 + self.reader.entries.count_above(self.name, score, Order.DESCENDING)

    def by_answer(self, neighbours: int) -> Callable[[str], int]:
        """Return a function that asks for a rank as the API does: it also reads the entry and its neighbours."""
        return lambda participant: int(GetEntry(self.name, participant, neighbours).answer(self.reader)["rank"])


def load_board(endpoint: str, dynamodb: Any, shape: str, entries: int) -> Board:
    """Load a board, with its index in the state that many writers leave it in."""
    name, oracle, meter = f"{shape} {entries}", Oracle(), Meter()
    oracle.add(draw_entries(shape, entries))
    load(endpoint, name, oracle.scores.items())
    load_counters(dynamodb, name, count(oracle.ordered).nodes, table.SHARDS)
    reader = dynamodb_local.create_client(endpoint)
    meter.watch(reader)
    return Board(name, oracle, LeaderboardReader(reader, LEADERBOARD, *index_names(), BOARDS, "key"), meter)


def measure_lookups(shape: str, sizes: Iterable[int], lookups: int) -> Iterator[Row]:
    """Measure boards of one shape and several sizes, all in one DynamoDB Local."""
    with empty_tables(HEAP) as (endpoint, dynamodb):
        for entries in sizes:
            board = load_board(endpoint, dynamodb, shape, entries)
            names = random.Random(board.name).choices(list(board.oracle.scores), k=lookups)
            about = {"shape": shape, "entries": entries}
            yield about | {"way": "index"} | board.measure(names, board.by_index)
            if counts := COUNTS.get(entries):
                yield about | {"way": "count"} | board.measure(names[:counts], board.by_count)
            yield about | {"way": "answer"} | board.measure(names[:ANSWERS], board.by_answer(0))
            yield about | {"way": "answer, neighbours"} | board.measure(names[:ANSWERS], board.by_answer(2))


def measure_small_boards(sizes: Iterable[int]) -> Iterator[Row]:
    """Measure both ways on small boards, to find the size from which the index costs less than counting."""
    with empty_tables() as (endpoint, dynamodb):
        for entries in sizes:
            board = load_board(endpoint, dynamodb, "uniform", entries)
            participants = list(board.oracle.scores)[:ANSWERS]
            for way, counted_total in (("index", 0), ("count", entries)):
                with patch.object(lookup, "COUNTED_TOTAL", counted_total):
                    yield {"entries": entries, "way": way} | board.measure(participants, board.by_index)

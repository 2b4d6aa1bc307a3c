"""What the counting index costs writers: write units a change, and conflicts between concurrent writers.

Part of `python -m bench.measure.ranks`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from math import inf
from statistics import median
from unittest.mock import patch

from bench.measure.contention import Stress, draw_changes, write_all
from bench.report.results import Row
from bench.rig import dynamodb_local
from bench.rig.boards import AT, SEQUENCE_DIGITS, check_index, entries_on, load_board
from bench.rig.memory import MemoryTables, SlowClient
from bench.rig.meter import Meter, PlainWriter
from bench.rig.scores import SHAPES, Oracle, draw_entries
from bench.rig.tables import BOARDS, LEADERBOARD, empty_tables, index_names
from scorecast.leaderboard.index import table
from scorecast.leaderboard.index.table import IndexTable
from scorecast.leaderboard.policy import DEFAULT
from scorecast.standings import store, upkeep
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from scorecast.standings.upkeep import Upkeep

BOARD = "board"
HEAP = "-Xmx6g"  # a million entries take three
# On larger boards the counts are not compared with the entries, because a scan in DynamoDB Local takes a quarter of an
# hour: each of its pages reads them all.
CHECKED = 100_000
WRITERS_CHANGES = 6_000


def measure_writes(shape: str, sizes: Iterable[int], batches: Sequence[int], changes: int) -> Iterator[Row]:
    """Measure updates that give random participants new random scores, in batches of several sizes."""
    for entries in sizes:
        with empty_tables(HEAP) as (endpoint, dynamodb):
            oracle = Oracle()
            oracle.add(draw_entries(shape, entries))
            load_board(endpoint, BOARD, oracle.scores, oracle.ordered)
            for sequence, batch in enumerate(batches, start=1):
                about = {"shape": shape, "entries": entries, "batch": batch, "changes": changes}
                yield about | Batches(endpoint, oracle, sequence).measure(shape, batch, changes)
            if entries <= CHECKED:
                check_index(dynamodb, BOARD, entries_on(dynamodb, BOARD))


class Batches:
    """One writer of batches, and the upkeep after each, both metered."""

    def __init__(self, endpoint: str, oracle: Oracle, sequence: int) -> None:
        self.oracle, self.sequence = oracle, sequence
        self.reads, self.upkeep_reads = Meter(), Meter()
        self.writer, self.keeper = (self._client(endpoint, one) for one in (self.reads, self.upkeep_reads))
        self.leaderboard = Leaderboard(self.writer, LEADERBOARD, BOARDS, _known_boards={BOARD})
        index = IndexTable(self.keeper, BOARDS)
        self.upkeep = Upkeep(self.keeper, LEADERBOARD, *index_names(), index, draw=random.Random(sequence).random)

    @staticmethod
    def _client(endpoint: str, meter: Meter) -> PlainWriter:
        client = dynamodb_local.create_client(endpoint)
        meter.watch(client)
        return PlainWriter(client)

    def measure(self, shape: str, batch: int, changes: int) -> Row:
        """Write changes in batches; return what a change costs, and the most that one cost on average in its batch."""
        draw = random.Random(batch)
        participants = draw.sample(list(self.oracle.scores), changes)
        extra = []
        for at in range(0, changes, batch):
            before = self.writer.extra_units
            self._write([self._change(one, SHAPES[shape](draw)) for one in participants[at : at + batch]])
            extra.append((self.writer.extra_units - before) / batch)
        return {
            "own_write_units": round(self.writer.entry_units / changes, 2),
            "extra_write_units": round(self.writer.extra_units / changes, 2),
            "extra_median": round(median(extra), 2),
            "extra_max": round(max(extra), 2),
            "read_units": round(self.reads.units / changes, 2),
            "nodes": round(self.writer.nodes / changes, 2),
            "transactions": self.writer.transactions,
            "upkeep_write_units": round(self.keeper.extra_units / changes, 2),
            "upkeep_read_units": round(self.upkeep_reads.units / changes, 2),
        }

    def _change(self, participant: str, score: Decimal) -> Entry:
        self.oracle.replace(participant, score)
        text, number = format(score, "f"), f"{self.sequence:0{SEQUENCE_DIGITS}}"
        return Entry(participant, BOARD, number, AT, text, f"The {participant}")

    def _write(self, entries: list[Entry]) -> None:
        results = self.leaderboard.write(entries)
        if not all(result.applied for result in results.values()):
            raise RuntimeError(f"A batch of {len(entries)} was not applied: {set(results.values())}")
        before = self.keeper.extra_units
        self.upkeep.after(results.values(), {BOARD: DEFAULT}, inf)
        if self.keeper.extra_units > before:
            # A writer whose shape is old fails and tries again; PlainWriter cannot undo what it did until then.
            self.leaderboard.shapes.forget(BOARD)


def measure_writers(many: Iterable[int]) -> Iterator[Row]:
    """Measure conflicts and throughput of writers on one board, on tables in memory that are as slow as AWS's."""
    for writers in many:
        stress = Stress(
            changes=WRITERS_CHANGES, participants=1_000_000, writers=writers, repeated=0, killed=0, batch=10
        )
        tables = MemoryTables()
        started = time.monotonic()
        events = write_all(SlowClient(tables, threading.Lock()), stress, draw_changes(stress, BOARD))
        took_s = time.monotonic() - started
        tables.check()
        yield {
            "shards": table.SHARDS,
            "writers": writers,
            "batch": stress.batch,
            "changes": stress.changes,
            "changes_a_second": round(stress.changes / took_s),
        } | {name: events[name] for name in ("transactions", "conflicts", "overtaken", "redelivered")}


def measure_shards(shards: Iterable[int]) -> Iterator[Row]:
    """Measure how often transactions conflict by the number of shards, without repeats, kills or shared entries."""
    for many in shards:
        with ExitStack() as patches:
            for module in (table, store, upkeep):
                patches.enter_context(patch.object(module, "SHARDS", many))
            yield measure_concurrency(Stress(changes=4_000, participants=1_000_000, repeated=0, killed=0))


def measure_concurrency(stress: Stress) -> Row:
    """Write under stress and compare counts and entries; raise RuntimeError if they differ."""
    with empty_tables() as (_, dynamodb):
        changes = draw_changes(stress, BOARD)
        started = time.monotonic()
        events = write_all(dynamodb, stress, changes)
        took_s = time.monotonic() - started
        last = {change.id: change for change in sorted(changes, key=lambda change: change.sequence)}
        expected = {one.id: Decimal(one.score) for one in last.values() if one.score is not None}
        entries = entries_on(dynamodb, BOARD)
        if {entry.id: entry.number for entry in entries} != expected:
            raise RuntimeError("The entries are not those of the newest changes.")
        check_index(dynamodb, BOARD, entries)
    names = ["transactions", "conflicts", "overtaken", "killed", "redelivered"]
    names += [f"upkeep_{name}" for name in ("transactions", "updates", "conflicts", "overtaken", "killed")]
    return {
        "shards": table.SHARDS,
        "writers": stress.writers,
        "changes": stress.changes,
        "repeated": stress.repeated,
        "killed_share": stress.killed,
        "entries": len(entries),
        "counters_equal_entries": True,
        "took_s": round(took_s, 1),
    } | {name: events[name] for name in names}

"""What the counting index costs writers: write units a change, and conflicts between concurrent writers.

Part of `python -m bench.measure.ranks`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal
from unittest.mock import patch

from bench.measure.contention import Stress, draw_changes, write_all
from bench.report.results import Row
from bench.rig import dynamodb_local
from bench.rig.boards import SHAPES, Oracle, count, counters_of, draw_entries, load, load_counters, scan
from bench.rig.meter import Meter, PlainWriter
from bench.rig.tables import BOARDS, LEADERBOARD, empty_tables
from scorecast.leaderboard.index import table
from scorecast.leaderboard.item import is_entry, read_item
from scorecast.standings import store
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard

AT = "2026-01-01T00:00:00Z"
BOARD = "board"


def measure_writes(shape: str, entries: int, batches: Iterable[int], changes: int) -> Iterator[Row]:
    """Measure updates that give random participants new random scores, in batches of several sizes."""
    with empty_tables("-Xmx2g") as (endpoint, dynamodb):
        oracle = Oracle()
        oracle.add(draw_entries(shape, entries))
        load(endpoint, BOARD, oracle.scores.items())
        load_counters(dynamodb, BOARD, count(oracle.ordered).nodes, table.SHARDS)
        for sequence, batch in enumerate(batches, start=1):
            yield {"shape": shape, "entries": entries} | _measure_batch(
                endpoint, shape, oracle, sequence, batch, changes
            )
        if counters_of(dynamodb, BOARD) != count(oracle.ordered).nodes:
            raise RuntimeError(f"After updates of {shape!r} the counters do not equal the entries.")


def _measure_batch(endpoint: str, shape: str, oracle: Oracle, sequence: int, batch: int, changes: int) -> Row:
    reader, meter = dynamodb_local.create_client(endpoint), Meter()
    meter.watch(reader)
    writer = PlainWriter(reader)
    leaderboard = Leaderboard(writer, LEADERBOARD, BOARDS, _known_boards={BOARD})
    draw = random.Random(batch)
    participants = draw.sample(list(oracle.scores), changes)
    for at in range(0, changes, batch):
        entries = []
        for participant in participants[at : at + batch]:
            score = SHAPES[shape](draw)
            oracle.replace(participant, score)
            entries.append(Entry(participant, BOARD, f"{sequence:040}", AT, format(score, "f"), f"The {participant}"))
        results = leaderboard.write(entries)
        if not all(result.applied for result in results.values()):
            raise RuntimeError(f"A batch of {batch} was not applied: {set(results.values())}")
    return {
        "batch": batch,
        "changes": changes,
        "own_write_units": round(writer.entry_units / changes, 2),
        "extra_write_units": round(writer.extra_units / changes, 2),
        "read_units": round(meter.units / changes, 2),
        "nodes": round(writer.nodes / changes, 2),
        "transactions": writer.transactions,
    }


def measure_shards(shards: Iterable[int]) -> Iterator[Row]:
    """Measure how often transactions conflict by the number of shards, without repeats, kills or shared entries."""
    for many in shards:
        with patch.object(table, "SHARDS", many), patch.object(store, "SHARDS", many):
            yield measure_concurrency(Stress(changes=4_000, participants=1_000_000, repeated=0, killed=0))


def measure_concurrency(stress: Stress) -> Row:
    """Write under stress and compare counters and entries; raise RuntimeError if they differ."""
    with empty_tables() as (_, dynamodb):
        changes = draw_changes(stress, BOARD)
        started = time.monotonic()
        events = write_all(dynamodb, stress, changes)
        took_s = time.monotonic() - started
        last = {change.id: change for change in sorted(changes, key=lambda change: change.sequence)}
        expected = {one.id: Decimal(one.score) for one in last.values() if one.score is not None}
        entries = [read_item(item) for item in scan(dynamodb, LEADERBOARD) if is_entry(item)]
        scores = {entry.id: entry.number for entry in entries}
        if scores != expected:
            raise RuntimeError("The entries are not those of the newest changes.")
        if counters_of(dynamodb, BOARD) != count(scores.values()).nodes:
            raise RuntimeError("The counters do not equal the entries.")
    return {
        "shards": table.SHARDS,
        "writers": stress.writers,
        "changes": stress.changes,
        "repeated": stress.repeated,
        "killed_share": stress.killed,
        "entries": len(scores),
        "counters_equal_entries": True,
        "took_s": round(took_s, 1),
    } | {name: events[name] for name in ("transactions", "conflicts", "overtaken", "killed", "redelivered")}

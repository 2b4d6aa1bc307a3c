"""The measurements that `scorecast cost` estimates from: src/scorecast/ops/cost/measured.json, from bench/results/."""

from __future__ import annotations

import json
from typing import Any

from bench.report.results import ROOT, Row, rows

FILE = ROOT / "src" / "scorecast" / "ops" / "cost" / "measured.json"
# Records of half a KB, which is a change of a score, and 20 ms a call, which the bus takes on AWS.
FANOUT = {"latency_ms": 20, "record_kb": 0.5}
# The boards and the batches whose write units are metered. A board of up to some 20,000 entries is one page.
ENTRIES = (10_000, 100_000, 1_000_000)
BATCHES = (1, 10)


def measured() -> dict[str, Any]:
    """Return what the model needs. A change is an update that moves a score anywhere, the most expensive kind."""
    consumer = [_ours(entries, batch) for entries in ENTRIES for batch in BATCHES]
    return {
        "made": "make docs, from bench/results",
        "fanout": {design: _fanout(design) for design in ("scorecast", "textbook")},
        "consumer": {"scorecast": consumer, "textbook": [_textbook()]},
        "lookups": {
            way: [_lookup(row) for row in rows("reads", answer="a rank", way=way)] for way in ("scorecast", "COUNT")
        },
        "first_page": _lookup(rows("reads", answer="top 10", way="scorecast")[-1]),
        "around_me": _lookup(rows("reads", answer="around me", way="scorecast")[-1]),
        "redis": {"bytes_an_entry": rows("redis", answer="a rank")[-1]["bytes_an_entry"], "calls_a_lookup": 2},
    }


def text() -> str:
    """Return the text of the file."""
    return json.dumps(measured(), indent=2) + "\n"


def _fanout(design: str) -> dict[str, float]:
    [row] = rows("fanout", design=design, **FANOUT)
    return {"ms": round(1000 / row["records_a_second"][1], 4), "cpu_ms": row["cpu_us_a_record"][1] / 1000}


def _ours(entries: int, batch: int) -> dict[str, float]:
    [written] = rows("writes", entries=entries, batch=batch)
    [kept] = rows("upkeep", what="redrawn")
    [called] = rows("consumer", batch=batch, repeats=0.0)
    [worked] = rows("consumer_cpu", function="ConsumerLambda", batch=batch)
    write_units = written["own_write_units"] + written["extra_write_units"] + kept["upkeep_write_units"]
    return {
        "entries": entries,
        "batch": batch,
        "calls": called["calls_a_change"],
        "write_units": round(write_units, 2),
        "read_units": round(written["read_units"] + kept["upkeep_read_units"], 2),
        "cpu_ms": worked["cpu_us_a_change"][1] / 1000,
    }


def _textbook() -> dict[str, float]:
    [written] = rows("writes", entries=ENTRIES[0], batch=1)
    [worked] = rows("consumer_cpu", function="ConsumerFunction")
    cpu_ms = worked["cpu_us_a_change"][1] / 1000
    return {"batch": 1, "calls": 1, "write_units": written["own_write_units"], "read_units": 0.0, "cpu_ms": cpu_ms}


def _lookup(row: Row) -> dict[str, float]:
    wanted = {name: row[name] for name in ("entries", "read_units", "round_trips")}
    return wanted | {"cpu_ms": row["cpu_us"][1] / 1000}

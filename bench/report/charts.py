"""The charts in docs/charts/, drawn from bench/results/ and the bill."""

from __future__ import annotations

from bench.report.plot import Bar, bars, lines
from bench.report.results import ROOT, rows
from scorecast.ops.cost.bill import DESIGNS, Workload
from scorecast.ops.cost.data import load_model

FOLDER = ROOT / "docs" / "charts"
COLOURS = {"scorecast": 0, "textbook": 1, "powertools": 2}
SIZES = [1_000, 10_000, 100_000, 1_000_000]


def _fanout() -> str:
    found = rows("fanout", latency_ms=20)
    return bars(
        "Fan-out: records a second",
        "A call to the bus takes 20 ms; records of three sizes; medians. More is better.",
        [
            Bar(f"{row['design']}, {row['record_kb']} KB", row["records_a_second"][1], COLOURS[row["design"]])
            for row in found
        ],
    )


def _pipeline() -> str:
    return bars(
        "End to end on the local twin: changes a second",
        "From the first write to the last entry on the leaderboard; medians. More is better.",
        [Bar(row["design"], row["changes_a_second"][1], COLOURS[row["design"]]) for row in rows("pipeline")],
    )


def _startup() -> str:
    found = rows("startup", bytecode="none")
    designs = ["scorecast", "textbook"] * (len(found) // 2)
    return bars(
        "Start-up of the functions: milliseconds",
        "From the process's start to imported and connected, without bytecode; medians. Less is better.",
        [
            Bar(f"{row['stage']}, {design}", row["milliseconds"][1], COLOURS[design])
            for row, design in zip(found, designs, strict=True)
        ],
    )


def _ranks() -> str:
    index, count = (
        [(row["entries"], row["units_median"]) for row in rows("lookups-uniform", way=way)] for way in ("rank", "count")
    )
    return lines(
        "A rank: read units by the size of the board",
        "DynamoDB Local's meter, medians of random participants. Less is better.",
        "entries of the board",
        {"index": index, "COUNT": count},
    )


def _bill() -> str:
    model = load_model()
    series = {
        design: [(float(size), model.bill(design, Workload(entries=size)).total) for size in SIZES]
        for design in DESIGNS
    }
    return lines(
        "The bill: dollars a month by the size of the board",
        f"A million changes and a million look-ups a month, prices of {model.prices['date']}. Less is better.",
        "entries of the board",
        series,
    )


CHARTS = {"fanout": _fanout, "pipeline": _pipeline, "startup": _startup, "ranks": _ranks, "bill": _bill}
"""How each chart is drawn, by the name of its file."""

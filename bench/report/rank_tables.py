"""The tables of docs/ranks.md, from bench/results/; written by `python -m bench.report.rank_tables`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bench.report.results import RESULTS
from bench.rig.boards import SHAPES
from bench.rig.tables import ROOT

DOCUMENT = ROOT / "docs" / "ranks.md"
# What answers read is told for one size: it is the same at all of them.
ANSWERED = 100_000

Row = dict[str, Any]


def read_rows(part: str) -> list[Row]:
    """Read the results of a part, of all shapes."""
    rows: list[Row] = []
    for path in sorted(RESULTS.glob(f"{part}*.json"), key=_order):
        rows += json.loads(path.read_text(encoding="utf-8"))["rows"]
    return rows


def _order(path: Path) -> int:
    """The shapes in their order."""
    shape = path.stem.partition("-")[2].replace("-", " ")
    return list(SHAPES).index(shape) if shape else 0


def fill(text: str) -> str:
    """Put each table between its marks."""
    for name, block in blocks().items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not mark.search(text):
            raise ValueError(f"docs/ranks.md has no place for the table {name!r}: <!-- {name} --> ... <!-- end -->.")
        text = mark.sub(lambda found, block=block: f"{found[1]}{block}\n{found[2]}", text)
    return text


def blocks() -> dict[str, str]:
    """Return what stands between each pair of marks."""
    return {
        "lookups": _lookups(),
        "answers": _answers(),
        "small": _small(),
        "writes": _writes(),
        "shards": _shards(),
        "concurrency": _concurrency(),
    }


def _lookups() -> str:
    rows = read_rows("lookups")
    head = ["scores", "entries", "index: units", "most", "round trips", "COUNT: units", "most seen", "round trips"]
    counts = {(row["shape"], row["entries"]): row for row in rows if row["way"] == "count"}
    lines = []
    for row in (row for row in rows if row["way"] == "index"):
        count = counts.get((row["shape"], row["entries"]))
        lines.append([row["shape"], _n(row["entries"]), *_cost(row), *(_cost(count) if count else ["not run"] * 3)])
    return _table(head, lines)


def _answers() -> str:
    rows = [row for row in read_rows("lookups") if row["way"].startswith("answer")]
    head = ["answer", "scores", "entries", "units", "most", "round trips"]
    names = {"answer": "a participant's rank", "answer, neighbours": "and two neighbours each side"}
    return _table(
        head,
        [
            [names[row["way"]], row["shape"], _n(row["entries"]), *_cost(row)]
            for row in rows
            if row["entries"] == ANSWERED
        ],
    )


def _small() -> str:
    rows = read_rows("small")
    index = {row["entries"]: row for row in rows if row["way"] == "index"}
    head = ["entries", "index: units", "most", "root and COUNT: units", "most"]
    lines = [
        [_n(row["entries"]), *_cost(index[row["entries"]])[:2], *_cost(row)[:2]]
        for row in rows
        if row["way"] == "count"
    ]
    return _table(head, lines)


def _writes() -> str:
    head = ["scores", "batch", "entry alone: write units", "index: write units more", "read units", "nodes a change"]
    names = ["own_write_units", "extra_write_units", "read_units", "nodes"]
    return _table(
        head, [[row["shape"], _n(row["batch"]), *(f"{row[name]:.2f}" for name in names)] for row in read_rows("writes")]
    )


def _shards() -> str:
    head = [
        "shards",
        "transactions tried",
        "of them in conflict",
        "changes to deliver again",
        "a look-up's nodes: units",
    ]
    return _table(
        head,
        [
            [
                _n(row["shards"]),
                _n(row["transactions"]),
                f"{100 * row['conflicts'] / row['transactions']:.0f} %",
                _n(row["redelivered"]),
                f"{3 * row['shards'] / 2:.1f}",
            ]
            for row in read_rows("shards")
        ],
    )


def _concurrency() -> str:
    names = ["writers", "changes", "transactions", "conflicts", "overtaken", "killed", "redelivered"]
    rows = read_rows("concurrency")
    assert all(row["counters_equal_entries"] for row in rows)
    return _table([*names, "counters equal entries"], [[*(_n(row[name]) for name in names), "yes"] for row in rows])


def _cost(row: Row) -> list[str]:
    return [_units(row["units_median"]), _units(row["units_max"]), _n(row["round_trips_max"])]


def _units(units: float) -> str:
    return f"{units:,.1f}"


def _n(number: int) -> str:
    return f"{number:,}"


def _table(head: list[str], lines: list[list[str]]) -> str:
    texts = ("scores", "answer", "counters equal entries")
    rule = ["---" if name in texts else "---:" for name in head]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])


if __name__ == "__main__":
    Path(DOCUMENT).write_text(fill(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")

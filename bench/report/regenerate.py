"""Regenerates what is made from bench/results/: `python -m bench.report.regenerate`. A test fails on any difference.

The tables of docs/performance.md, docs/ranks.md, docs/cost.md and the READMEs, the charts, and what the bill is made
from. A table stands between `<!-- results: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.report import bill, charts, measured, numbers, rank_tables

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results"
# Whose tables between the marks are the results'.
FILLED = ("docs/performance.md", "docs/cost.md", "docs/reliability.md", "README.md", "README.zh.md")
_TABLE = re.compile(r"(<!-- results: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
# Tables that are more than a result's rows.
_MADE: dict[str, Callable[[], str]] = {
    "numbers": lambda: numbers.table("en"),
    "numbers-zh": lambda: numbers.table("zh"),
    "bill": bill.months,
    "bill-a-million": bill.millions,
    "bill-verdicts": bill.verdicts,
    "prices": bill.prices,
}


def files() -> Iterator[tuple[Path, str]]:
    """Every file that is made, or has tables that are, as it is to be; what the bill is reckoned from comes first."""
    yield measured.MEASURED, measured.text()
    for name in FILLED:
        yield ROOT / name, render((ROOT / name).read_text(encoding="utf-8"))
    yield rank_tables.DOCUMENT, rank_tables.fill(rank_tables.DOCUMENT.read_text(encoding="utf-8"))
    for name, drawn in charts.charts().items():
        yield charts.CHARTS / name, drawn


def render(text: str) -> str:
    """Return a document with every table as the results say."""
    return _TABLE.sub(lambda found: found[1] + table_of(found[2]) + found[3], text)


def table_of(name: str) -> str:
    """Return a result as a table in Markdown, with how it was made below."""
    if name in _MADE:
        return _MADE[name]()
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = result["rows"]
    lines = [_line(column.replace("_", " ") for column in rows[0]), _line("---" for _ in rows[0])]
    lines += [_line(_cell(value) for value in row.values()) for row in rows]
    made = result["made"]
    return "\n".join(lines) + f"\n\n`{made['command']}` at {made['commit']}, {made['date'][:10]}; {made['machine']}.\n"


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    if isinstance(value, list):
        least, middle, greatest = (_cell(one) for one in value)
        return f"**{middle}** ({least} to {greatest})"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


if __name__ == "__main__":
    charts.CHARTS.mkdir(exist_ok=True)
    for path, made in files():
        path.write_text(made, encoding="utf-8")

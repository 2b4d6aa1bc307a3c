"""Tables in Markdown: of any rows, and of a result of bench/results/ with the command that measured it below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bench.report.results import read


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a column is aligned right if its first cell is a number, which may be bold."""
    rows = list(rows)
    rule = ["---:" if first.lstrip("*")[:1].isdigit() else "---" for first in rows[0]]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, rule, *rows])


def result(name: str) -> str:
    """Return a result's rows as a table, with its command, commit, date and machine below."""
    found = read(name)
    made, rows = found["made"], found["rows"]
    table = markdown(
        [column.replace("_", " ") for column in rows[0]], [[_cell(one) for one in row.values()] for row in rows]
    )
    return f"{table}\n`{made['command']}` at {made['commit']}, {made['date'][:10]}; {made['machine']}.\n"


def _cell(value: Any) -> str:
    if isinstance(value, list):
        least, middle, greatest = (_cell(one) for one in value)
        return f"**{middle}** ({least} to {greatest})"
    return f"{value:,}" if isinstance(value, int | float) else str(value)

"""The tables of docs/performance.md, made from bench/results/: `python -m bench.documents` writes them anew.

A table stands between `<!-- results: NAME -->` and `<!-- end -->`; a test fails where it is not what the results say.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results"
_TABLE = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(document: str) -> str:
    """Return the document with every table as the results say."""
    return _TABLE.sub(lambda found: found[1] + table_of(found[2]) + found[3], document)


def table_of(name: str) -> str:
    """Return a result as a table in Markdown, with how it was made below."""
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
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")

"""Results: written to bench/results/ with what is needed to judge and to repeat them, and shown as a table."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parents[1] / "results"
# What a measurement depends on: a change elsewhere does not make the commit another one.
_MEASURED = [
    *("template.yaml", "src/Makefile", "bench/measure", "bench/rig", "bench/rivals", "src/scorecast/*.py"),
    *(f"src/scorecast/{name}" for name in ("runtime", "changes", "dead_letters", "leaderboard", "fanout", "standings")),
    "src/scorecast/api/*.py",
]

Row = dict[str, Any]


def save(part: str, rows: Iterable[Row], module: str, **made: Any) -> list[Row]:
    """Write a part's results, and show them."""
    done = list(rows)
    circumstances = {
        "command": shlex.join(["python", "-m", module, *sys.argv[1:]]),
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        **made,
    }
    RESULTS.mkdir(exist_ok=True)
    text = ",\n".join(f"    {json.dumps(row)}" for row in done)
    (RESULTS / f"{part}.json").write_text(f'{{\n  "made": {json.dumps(circumstances)},\n  "rows": [\n{text}\n  ]\n}}\n')
    show(part, done)
    return done


def show(part: str, rows: list[Row]) -> None:
    """Print a part's results."""
    shown = Table(title=part)
    for name in rows[0]:
        shown.add_column(name.replace("_", " "), justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        shown.add_row(*(f"{value:,}" if isinstance(value, int | float) else str(value) for value in row.values()))
    Console().print(shown)


def spread(values: Iterable[float], digits: int = 0) -> list[float]:
    """The least, the median and the greatest of the values."""
    ordered = sorted(values)
    three = (ordered[0], median(ordered), ordered[-1])
    return [round(value, digits) if digits else round(value) for value in three]


def progress(line: str) -> None:
    """Tell who waits what has been measured."""
    print(line, file=sys.stderr, flush=True)


def _commit() -> str:
    """The commit that was measured; a plus where what is measured differs from it."""
    commit = _git("rev-parse", "--short=12", "HEAD") or "unknown"
    return f"{commit}+" if _git("diff", "--name-only", "HEAD", "--", *_MEASURED) else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=RESULTS.parents[1])
    return done.stdout.strip()

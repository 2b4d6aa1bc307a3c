"""Results of measurements: rows and the circumstances they were measured under, saved as JSON and shown as a table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results"
# What a measurement depends on. Changes of other files do not mark a result as measured on modified sources.
_MEASURED = [
    *("template.yaml", "src/Makefile", "bench/measure", "bench/rig", "bench/rivals", "src/scorecast/*.py"),
    *(f"src/scorecast/{name}" for name in ("runtime", "changes", "dead_letters", "leaderboard", "fanout", "standings")),
    *("src/scorecast/api/*.py", "src/scorecast/api/endpoints"),
]

Row = dict[str, Any]


def create_parser(description: str) -> argparse.ArgumentParser:
    """Create a measurement's parser, with the option that all measurements have: where to save the results."""
    parser = argparse.ArgumentParser(prog=shlex.join(_command()), description=description)
    parser.add_argument(
        "--into",
        type=Path,
        default=RESULTS,
        metavar="FOLDER",
        help="where to save the results (default: bench/results)",
    )
    return parser


def save(name: str, rows: Iterable[Row], into: Path = RESULTS, **circumstances: Any) -> list[Row]:
    """Save rows to NAME.json as they come, print each to stderr, and show the table at the end."""
    made = {
        "command": shlex.join([*_command(), *_choices(sys.argv[1:])]),
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        **circumstances,
    }
    into.mkdir(parents=True, exist_ok=True)
    saved: list[Row] = []
    for row in rows:
        saved.append(row)
        progress(f"{name}: {json.dumps(row)}")
        lines = ",\n".join(f"    {json.dumps(one)}" for one in saved)
        text = f'{{\n  "made": {json.dumps(made)},\n  "rows": [\n{lines}\n  ]\n}}\n'
        (into / f"{name}.json").write_text(text, encoding="utf-8")
    show(name, saved)
    return saved


def show(title: str, rows: list[Row]) -> None:
    """Print rows as a table."""
    table = Table(title=title)
    for name, value in rows[0].items():
        table.add_column(name.replace("_", " "), justify="left" if isinstance(value, str) else "right")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int | float) else str(value) for value in row.values()))
    Console().print(table)


def read(name: str) -> dict[str, Any]:
    """Read a committed result: its `rows`, and in `made` how it was measured."""
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return result


def rows(name: str, **wanted: Any) -> list[Row]:
    """Return the rows of a committed result that have these values."""
    return [row for row in read(name)["rows"] if all(row.get(key) == value for key, value in wanted.items())]


def spread(values: Iterable[float], digits: int = 0) -> list[float]:
    """Return the minimum, median and maximum of the values."""
    ordered = sorted(values)
    three = (ordered[0], median(ordered), ordered[-1])
    return [round(value, digits) if digits else round(value) for value in three]


def progress(line: str) -> None:
    """Print a line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


def _command() -> list[str]:
    """Return the command that runs the main module."""
    spec = sys.modules["__main__"].__spec__
    return ["python", "-m", spec.name if spec else "?"]


def _choices(arguments: Sequence[str]) -> list[str]:
    """Leave out where the results are saved, which says nothing about what was measured.

    >>> _choices(["lookups", "--into", "elsewhere", "--entries", "300"])
    ['lookups', '--entries', '300']
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--into")
    return parser.parse_known_args(arguments)[1]


def _commit() -> str:
    """Return the measured commit; a plus follows if the measured sources differ from it."""
    commit = _git("rev-parse", "--short=12", "HEAD") or "unknown"
    return f"{commit}+" if _git("diff", "--name-only", "HEAD", "--", *_MEASURED) else commit


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()

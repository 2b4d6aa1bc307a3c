"""Measures the counting index, for docs/ranks.md: `python -m bench.measure.ranks --help`. Writes bench/results/."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure.contention import Strain
from bench.measure.lookups import measure_lookups, measure_small_boards
from bench.measure.write_cost import measure_concurrency, measure_shards, measure_writes
from bench.rig import dynamodb_local
from bench.rig.boards import SHAPES
from bench.rig.tables import ROOT
from scorecast.leaderboard.index import table

RESULTS = Path(__file__).parents[1] / "results"
MEASURED = ["bench/*.py", "src/scorecast/ranks", "src/scorecast/standings", "src/scorecast/api/reader.py"]
SIZES = [10_000, 100_000]
SMALL = [100, 250, 500, 750, 1000, 2000]
BATCHES = [1, 10, 50]

Row = dict[str, Any]


def run(arguments: argparse.Namespace) -> None:
    """Measure the parts that are asked for, each into a file of its own, or one a shape."""
    parts: dict[str, dict[str, Callable[[], Iterable[Row]]]] = {
        "lookups": {
            f"lookups-{shape.replace(' ', '-')}": partial(measure_lookups, shape, arguments.entries, arguments.lookups)
            for shape in arguments.shapes
        },
        "writes": {
            f"writes-{shape.replace(' ', '-')}": partial(measure_writes, shape, 100_000, BATCHES, arguments.lookups)
            for shape in arguments.shapes
        },
        "concurrency": {"concurrency": lambda: (measure_concurrency(Strain(writers=writers)) for writers in (1, 8))},
        "shards": {"shards": partial(measure_shards, [1, 2, 3, 4, 8, 16])},
        "small": {"small": partial(measure_small_boards, SMALL)},
    }
    for part in arguments.parts or parts:
        for name, measure in parts[part].items():
            show(name, save(arguments.into / f"{name}.json", measure()))


def save(path: Path, rows: Iterable[Row]) -> list[Row]:
    """Write results as they come, with what is needed to judge and to repeat them."""
    done: list[Row] = []
    made = {
        "command": shlex.join(["python", "-m", "bench.measure.ranks", *sys.argv[1:]]),
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "meter": f"DynamoDB Local 1.25 ({dynamodb_local.PACKAGE} {dynamodb_local.VERSION})",
        "shards": table.SHARDS,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for row in rows:
        done.append(row)
        lines = ",\n".join(f"    {json.dumps(one)}" for one in done)
        text = f'{{\n  "made": {json.dumps(made)},\n  "rows": [\n{lines}\n  ]\n}}\n'
        path.write_text(text, encoding="utf-8")
        print(json.dumps(row), file=sys.stderr, flush=True)
    return done


def show(name: str, rows: list[Row]) -> None:
    """Print results."""
    shown = Table(title=name)
    for column, value in rows[0].items():
        shown.add_column(column.replace("_", " "), justify="left" if isinstance(value, str) else "right")
    for row in rows:
        shown.add_row(*(f"{value:,}" if isinstance(value, int | float) else str(value) for value in row.values()))
    Console().print(shown)


def _commit() -> str:
    """The commit that was measured; a plus where what was measured differs from it."""
    changed = _git("status", "--porcelain", "--untracked-files=no", *MEASURED)
    return _git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.measure.ranks", description="Measure the counting index.")
    parser.add_argument("parts", nargs="*", help="lookups, writes, concurrency, shards, small; all if none is named")
    parser.add_argument("--entries", type=int, nargs="+", default=SIZES, metavar="N", help="sizes of the boards")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES), help="shapes of the scores")
    parser.add_argument("--lookups", type=int, default=1000, metavar="N", help="look-ups a board, and changes a batch")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "bench", metavar="FOLDER", help="for the results")
    return parser.parse_args()


if __name__ == "__main__":
    if missing := dynamodb_local.what_is_missing():
        sys.exit(f"Nothing is measured: {missing}.")
    run(_arguments())

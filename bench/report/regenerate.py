"""Writes the files that are made from bench/results/: `make docs` runs `python -m bench.report.regenerate`, then cog.

The files are the measurements that `scorecast cost` reads, and the charts. cog writes the tables in the documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.report import charts, measured


def files() -> Iterator[tuple[Path, str]]:
    """Yield each file and its text. The measurements come first, because a chart is drawn from the bill."""
    yield measured.FILE, measured.text()
    for name, draw in charts.CHARTS.items():
        yield charts.FOLDER / f"{name}.svg", draw()


if __name__ == "__main__":
    for path, text in files():
        path.write_text(text, encoding="utf-8")

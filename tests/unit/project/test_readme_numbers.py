"""The figures in the READMEs are those of bench/results/, in both languages."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def rows(name: str, **wanted: Any) -> list[dict[str, Any]]:
    """The rows of a result that have these values."""
    found = json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))["rows"]
    return [row for row in found if all(row.get(key) == value for key, value in wanted.items())]


def figures() -> list[str]:
    """What the READMEs' table says, row by row: our figure and the other design's."""
    ours, theirs, *_ = rows("fanout", latency_ms=20, record_kb=0.5)
    counted = rows("lookups-uniform", way="count", entries=100_000)[0]
    million = rows("lookups-uniform", way="index", entries=1_000_000)[0]
    consumer = rows("consumer", batch=100, repeats=0.0)[0]
    usual = rows("announcements", what_happens="no top changes")[0]
    start, textbook_start = rows("startup", bytecode="none", stage="fan-out")
    pipeline, textbook_pipeline = rows("pipeline")
    extra = rows("writes-uniform", batch=50)[0]
    return [
        f"{ours['records_a_second'][1]:,} | {theirs['records_a_second'][1]:,}",
        f"{ours['cpu_us_a_record'][1]} | {theirs['cpu_us_a_record'][1]}",
        f"{start['milliseconds'][1]} | {textbook_start['milliseconds'][1]}",
        f"{pipeline['changes_a_second'][1]:,} | {textbook_pipeline['changes_a_second'][1]:,}",
        f"{usual['all_calls_a_change']} | {consumer['textbook_calls_a_change']}",
        f"{consumer['write_units_a_change']} | {consumer['textbook_write_units_a_change']}",
        f"{million['units_median']} | {counted['units_median']:,.0f}",
        f"{extra['extra_write_units']} | 0",
    ]


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
@pytest.mark.parametrize("figure", figures())
def test_a_figure_is_what_was_measured(readme: str, figure: str) -> None:
    assert f"| {figure} |" in (ROOT / readme).read_text(encoding="utf-8")

"""The soak's figures in docs/reliability.md are those of bench/results/soak.json, and nothing was lost or wrong."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROWS = json.loads((ROOT / "bench" / "results" / "soak.json").read_text(encoding="utf-8"))["rows"]


def test_the_table_is_the_last_soak() -> None:
    table = "".join(f"| {row['what']} | {row['count']:,} |\n" for row in ROWS)
    assert f"| --- | --- |\n{table}\n" in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_the_last_soak_was_a_whole_one_and_clean() -> None:
    counts = {row["what"]: row["count"] for row in ROWS}
    assert (counts["changes"], counts["lost"], counts["wrong"]) == (20_000, 0, 0)

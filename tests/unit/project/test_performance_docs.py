"""docs/performance.md says what bench/results/ says."""

import json
from pathlib import Path

import pytest

from bench.report.regenerate import DOCUMENT, RESULTS, ROOT, files, render

# The results whose tables stand there; docs/ranks.md has the others.
SHOWN = ["fanout", "pipeline", "startup", "consumer", "consumer_cpu", "announcements", "memory", "reads", "redis"]
MADE = dict(files())


@pytest.mark.parametrize("path", MADE, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_made_from_the_results_is_as_they_say(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == MADE[path], "write it anew: python -m bench.report.regenerate"


def test_the_tables_are_those_of_the_results() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert render(text) == text, "write them anew: python -m bench.report.regenerate"


@pytest.mark.parametrize("name", SHOWN)
def test_each_result_is_shown_and_says_how_it_was_made(name: str) -> None:
    assert f"<!-- results: {name} -->" in DOCUMENT.read_text(encoding="utf-8")
    made = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["made"]
    assert {"command", "commit", "date", "machine"} <= made.keys()

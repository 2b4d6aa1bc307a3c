"""The documents, the charts and the bill's measurements are what `make docs` makes from bench/results/."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.report.regenerate import files
from bench.report.results import RESULTS, ROOT, read

FILES = dict(files())
DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_what_the_results_make_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path], "run `make docs`"


def test_the_tables_in_the_documents_are_what_the_results_make_them() -> None:
    command = [sys.executable, "-m", "cogapp", "--check", "--diff", "--verbosity=1", *map(str, DOCUMENTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run `make docs`\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", [path.stem for path in sorted(RESULTS.glob("*.json"))])
def test_each_result_is_in_a_document_and_says_how_it_was_measured(name: str) -> None:
    # The results of boards of several shapes are in one table.
    part = name.split("-")[0]
    assert f'tables.result("{name}")' in TEXT or f"rank_tables.{part}()" in TEXT
    assert {"command", "commit", "date", "machine"} <= read(name)["made"].keys()

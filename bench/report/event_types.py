"""The types of events in Python and TypeScript, from docs/schemas: `make docs` runs this module.

datamodel-code-generator makes the Python, json-schema-to-typescript the TypeScript.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.report.results import ROOT
from bench.report.schema_tables import FOLDER

SCHEMA = FOLDER / "event.json"
PYTHON = ROOT / "src" / "scorecast" / "consumer" / "events.py"
EXAMPLE = ROOT / "examples" / "typescript"
TYPESCRIPT = EXAMPLE / "src" / "events.ts"

_JSON2TS = EXAMPLE / "node_modules" / ".bin" / "json2ts"
_DOCSTRING = '"""The events of the bus as JSON, typed. Made from docs/schemas by `make docs`; do not edit."""'
_COMMENT = "// The events of the bus as JSON, typed. Made from docs/schemas by `make docs`; do not edit."


def missing(path: Path) -> str | None:
    """Say what is missing to make a file, and how to get it; None if nothing is."""
    if path == TYPESCRIPT and not _JSON2TS.exists():
        return "json-schema-to-typescript is not installed: run `make typescript`, which needs npm"
    if path == PYTHON and importlib.util.find_spec("datamodel_code_generator") is None:
        return "datamodel-code-generator is not installed: it is in requirements/dev.txt"
    return None


def text_of(path: Path) -> str:
    """Return what a file of types is to hold."""
    return python() if path == PYTHON else typescript()


def python() -> str:
    """The types as TypedDicts."""
    options = ["--input-file-type=jsonschema", "--output-model-type=typing.TypedDict", "--target-python-version=3.11"]
    options += ["--use-schema-description", "--use-single-line-docstring", "--use-title-as-name", "--disable-timestamp"]
    options += ["--formatters", "ruff-format", "ruff-check", f"--custom-file-header={_DOCSTRING}"]
    return _made_by([sys.executable, "-m", "datamodel_code_generator", f"--input={SCHEMA}", *options])


def typescript() -> str:
    """The types as interfaces, with what the fields mean."""
    options = ["--no-additionalProperties", f"--bannerComment={_COMMENT}", "--style.printWidth=120"]
    return _made_by([str(_JSON2TS), f"--input={SCHEMA}", *options])


def _made_by(command: list[str]) -> str:
    # Formatters are those beside this Python.
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(command, cwd=FOLDER, env=path, capture_output=True, text=True, check=True).stdout


def write() -> Iterator[str]:
    """Write the files; yield a sentence for each that could not be made."""
    for path in (PYTHON, TYPESCRIPT):
        if reason := missing(path):
            yield f"{path.relative_to(ROOT)} is as it was: {reason}."
        else:
            path.write_text(text_of(path), encoding="utf-8")


if __name__ == "__main__":
    for sentence in write():
        print(sentence, file=sys.stderr)

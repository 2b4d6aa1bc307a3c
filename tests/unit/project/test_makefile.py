"""src/Makefile bundles bytecode, if a Python of the runtime's version is at hand, and builds without it otherwise."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.project.test_template import TEMPLATE

SOURCE = Path(__file__).parents[3] / "src"
MAKEFILE = (SOURCE / "Makefile").read_text(encoding="utf-8")
# Stands in for a Python: notes how it is called, answers which version it is, and installs nothing.
FAKE = """#!/bin/sh
case "$*" in *version_info*) exit {other};; esac
echo "{name} $*" >> {calls}
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


def build(tmp_path: Path, calls: Path, **is_runtimes: bool) -> str:
    """Build a function with these Pythons on the path, each of the runtime's version or of another."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, is_runtime in is_runtimes.items():
        python = folder / name.replace("_", ".")
        python.write_text(FAKE.format(other=int(not is_runtime), name=python.name, calls=calls))
        python.chmod(0o755)
    command = ["make", "--directory", str(SOURCE), "build-LeaderGet", f"ARTIFACTS_DIR={tmp_path / 'bundle'}"]
    path = f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"
    subprocess.run(command, env={"PATH": path}, check=True, capture_output=True)
    return calls.read_text()


def compiling(calls: str) -> list[str]:
    """The Pythons that compiled."""
    return [line.split()[0] for line in calls.splitlines() if " -m compileall " in line]


def test_the_builders_python_compiles_if_it_is_of_the_runtimes_version(tmp_path: Path, calls: Path) -> None:
    text = build(tmp_path, calls, python3=True, python3_13=True)
    assert compiling(text) == ["python3"]
    # By its hash, a cached file is used whatever the times in the zip; unchecked, nothing is read to compare.
    assert "--invalidation-mode unchecked-hash" in text
    assert f"-s {tmp_path / 'bundle'} -p /var/task" in text


def test_another_python_on_the_path_compiles_if_it_is_of_the_runtimes_version(tmp_path: Path, calls: Path) -> None:
    assert compiling(build(tmp_path, calls, python3=False, python3_13=True)) == ["python3.13"]


def test_without_such_a_python_the_bundle_has_no_bytecode(tmp_path: Path, calls: Path) -> None:
    text = build(tmp_path, calls, python3=False, python3_13=False)
    assert "-m pip install" in text
    assert compiling(text) == []


def test_the_version_is_that_of_the_template() -> None:
    [version] = re.findall(r"^RUNTIME = (\S+)$", MAKEFILE, re.MULTILINE)
    assert TEMPLATE["Globals"]["Function"]["Runtime"] == f"python{version}"

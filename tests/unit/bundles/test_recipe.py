"""A bundle has bytecode, if a Python of the runtime's version is at hand, and is made without it otherwise."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scorecast.bundles import recipe
from scorecast.errors import UserError
from tests.support.template import TEMPLATE


@dataclass
class Pythons:
    """Takes the place of the Pythons on the machine: some are of the runtime's version, and pip installs one file."""

    of_runtime: set[str] = field(default_factory=set)
    complaint: str = ""
    installs: int = 0
    compiled: list[list[str]] = field(default_factory=list)

    def run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        code = 0
        if command[1] == "-c":
            code = int(command[0] not in self.of_runtime)
        elif command[2] == "compileall":
            self.compiled.append(command)
        else:
            self.installs += 1
            code = int(bool(self.complaint))
            core = Path(command[command.index("--target") + 1]) / "botocore"
            (core / "data").mkdir(parents=True)
            (core / "client.py").touch()
        return subprocess.CompletedProcess(command, code, "", self.complaint)


@pytest.fixture
def pythons(monkeypatch: pytest.MonkeyPatch) -> Pythons:
    found = Pythons()
    monkeypatch.setattr(subprocess, "run", found.run)
    return found


def make(into: Path, packages: Path | None = None) -> None:
    recipe.bundle("LeaderGet", into, Path("functions.txt"), packages)


def test_the_running_python_compiles_if_it_is_of_the_runtimes_version(pythons: Pythons, tmp_path: Path) -> None:
    pythons.of_runtime = {sys.executable, "python3.13"}
    make(tmp_path)
    [command] = pythons.compiled
    assert command[0] == sys.executable
    # By its hash, a cached file is used whatever the times in the zip; unchecked, nothing is read to compare.
    mode = ["--invalidation-mode", "unchecked-hash", "-s", str(tmp_path), "-p", "/var/task"]
    assert command[5:] == [*mode, str(tmp_path)]


def test_another_python_compiles_if_it_is_of_the_runtimes_version(pythons: Pythons, tmp_path: Path) -> None:
    pythons.of_runtime = {"python3.13"}
    make(tmp_path)
    assert [command[0] for command in pythons.compiled] == ["python3.13"]


def test_without_such_a_python_the_bundle_has_no_bytecode(pythons: Pythons, tmp_path: Path) -> None:
    make(tmp_path)
    assert (pythons.installs, pythons.compiled) == (1, [])


def test_a_bundle_has_its_stage_and_what_it_shares_and_the_sdk_without_models(pythons: Pythons, tmp_path: Path) -> None:
    make(tmp_path)
    assert {path.name for path in (tmp_path / "scorecast").iterdir()} == {
        *("__init__.py", "errors.py", "runtime", "leaderboard", "api"),
    }
    assert [path.name for path in (tmp_path / "botocore").iterdir()] == ["client.py"]
    assert not list(tmp_path.rglob("__pycache__"))


def test_packages_are_installed_once_and_copied(pythons: Pythons, tmp_path: Path) -> None:
    for name in ("first", "second"):
        make(tmp_path / name, tmp_path / "packages")
        assert (tmp_path / name / "botocore" / "client.py").exists()
    assert pythons.installs == 1


def test_what_pip_complains_about_is_told_and_nothing_unfinished_is_used(pythons: Pythons, tmp_path: Path) -> None:
    pythons.complaint = "WARNING: ...\nERROR: No matching distribution found for botocore==1.43.106"
    with pytest.raises(UserError, match=r"could not install .* \(functions.txt\): ERROR: No matching distribution"):
        make(tmp_path / "bundle", tmp_path / "packages")
    assert not (tmp_path / "packages").exists()


def test_the_runtime_is_that_of_the_template() -> None:
    assert TEMPLATE["Globals"]["Function"]["Runtime"] == f"python{recipe.RUNTIME}"


def test_every_function_of_the_template_has_its_folders() -> None:
    functions = [name for name, one in TEMPLATE["Resources"].items() if one["Type"] == "AWS::Serverless::Function"]
    assert sorted(functions) == sorted(recipe.FOLDERS)

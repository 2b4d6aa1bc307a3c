"""Every install is the one that was tested: packages are pinned by version and hashes, and none names an address."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PINNED = sorted([
    *ROOT.glob("requirements/*.txt"),
    ROOT / "src" / "functions.txt",
    *(ROOT / "bench").rglob("requirements.txt"),
])  # fmt: skip

_PIN = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9, -]+\])?==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+$", re.M
)


def test_the_rivals_requirements_are_among_them() -> None:
    assert {"textbook", "powertools"} <= {part for path in PINNED for part in path.parts}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PINNED, ids=name_of)
def test_every_requirement_is_pinned_with_hashes(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] not in " #"]
    pins = [match[0].splitlines()[0] for match in _PIN.finditer(path.read_text(encoding="utf-8"))]
    assert pins == lines


@pytest.mark.parametrize("path", PINNED, ids=name_of)
def test_no_requirement_names_an_address(path: Path) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PINNED, ids=name_of)
def test_every_named_dependency_is_pinned(path: Path) -> None:
    pinned = {match[1] for match in _PIN.finditer(path.read_text(encoding="utf-8"))}
    asked = re.findall(r"^[a-z0-9][a-z0-9-]*", path.with_suffix(".in").read_text(encoding="utf-8"), re.M)
    assert asked
    assert set(asked) <= pinned


def test_an_installed_scorecast_gets_what_a_clone_gets() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    local = (ROOT / "requirements" / "local.txt").read_text(encoding="utf-8")
    pinned = {match[1]: match[0].split()[0] for match in _PIN.finditer(local)}
    named = {re.split(r"[<>=!~]", one)[0] for one in project["dependencies"]}
    assert named - {"pip"} <= set(pinned)
    asked = (ROOT / "requirements" / "local.in").read_text(encoding="utf-8")
    assert set(re.findall(r"^[a-z0-9-]+", asked, re.M)) - named == {"aws-sam-translator", "setuptools"}
    exact = {one for one in project["dependencies"] if "==" in one}
    assert exact <= set(pinned.values())

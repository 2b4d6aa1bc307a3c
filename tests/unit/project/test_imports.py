"""Pure modules stay pure: they import neither an AWS library nor the environment, directly or by another module."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src" / "scorecast"
PURE = [
    "changes/change.py",
    "changes/claim.py",
    "errors.py",
    "runtime/settings.py",
    "dead_letters/envelope.py",
    "fanout/plan.py",
    "ops/cost/bill.py",
    "leaderboard/index/counters.py",
    "leaderboard/index/digits.py",
    "leaderboard/policy.py",
    "leaderboard/ties.py",
    "standings/entry.py",
    "standings/score_history.py",
    "standings/announce/standing_event.py",
    "standings/announce/top.py",
    "api/responses.py",
    "api/errors.py",
    "api/cursor.py",
    "api/query.py",
]


def imported(path: Path) -> set[str]:
    """The modules that a file imports, by their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def imported_transitively(path: Path) -> set[str]:
    names = imported(path)
    for name in [name for name in names if name.startswith("scorecast.")]:
        names |= imported_transitively(SOURCE / (name.removeprefix("scorecast.").replace(".", "/") + ".py"))
    return names


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_imports_neither_aws_nor_the_environment(name: str) -> None:
    roots = {module.split(".")[0] for module in imported_transitively(SOURCE / name)}
    assert not roots & {"boto3", "botocore", "os", "subprocess", "socket"}


@pytest.mark.parametrize("stage", ["fanout", "standings", "api"])
def test_a_stage_imports_no_other_stage(stage: str) -> None:
    others = {"fanout", "standings", "api", "ops", "twin", "cli"} - {stage}
    for path in (SOURCE / stage).glob("*.py"):
        used = {name.split(".")[1] for name in imported(path) if name.startswith("scorecast.")}
        assert not used & others, f"{path.name} imports {used & others}"

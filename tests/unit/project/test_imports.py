"""Pure modules import neither an AWS library nor the environment, and no package imports one above it."""

import ast
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src" / "scorecast"
PURE = [
    "changes/change.py",
    "changes/claim.py",
    "changes/values.py",
    "errors.py",
    "runtime/settings.py",
    "dead_letters/envelope.py",
    "fanout/plan.py",
    "ops/cost/bill.py",
    "leaderboard/index/shape.py",
    "leaderboard/policy.py",
    "leaderboard/order_key.py",
    "standings/entry.py",
    "standings/score_history.py",
    "standings/announce/standing_event.py",
    "standings/announce/top.py",
    "api/responses.py",
    "api/errors.py",
    "api/cursor.py",
    "api/fields.py",
    "api/neighbours.py",
    "api/parameters.py",
    "api/routes.py",
]


def says_pure(path: Path) -> bool:
    """Whether a module's docstring says that it is pure."""
    return "Pure" in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").replace(".", " ").split()


def pure_modules() -> list[str]:
    """The modules listed above, and all whose docstring says that they are pure."""
    return sorted({*PURE, *(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if says_pure(path))})


@cache
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
    """The modules that a file imports, and those that they import in turn."""
    found: set[str] = set()
    waiting = {path}
    while waiting:
        new = imported(waiting.pop()) - found
        found |= new
        waiting |= {file_of(name) for name in new if name.startswith("scorecast.")}
    return found


def file_of(name: str) -> Path:
    """The file of one of our modules."""
    return SOURCE / f"{name.removeprefix('scorecast.').replace('.', '/')}.py"


@pytest.mark.parametrize("name", pure_modules())
def test_a_pure_module_imports_neither_aws_nor_the_environment(name: str) -> None:
    roots = {module.split(".")[0] for module in imported_transitively(SOURCE / name)}
    assert not roots & {"boto3", "botocore", "os", "subprocess", "socket"}


# From the bottom up: a package imports only packages of lower layers. Packages of one layer do not import each other.
LAYERS = [
    {"errors"},
    {"runtime"},
    {"changes", "dead_letters", "leaderboard"},
    {"fanout", "standings", "api", "consumer", "bundles"},
    {"ops"},
    {"twin"},
    {"cli"},
]


def package_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("layer", range(len(LAYERS)))
def test_a_package_imports_only_lower_layers(layer: int) -> None:
    lower = set().union(*LAYERS[:layer])
    for path in SOURCE.rglob("*.py"):
        if package_of(path) not in LAYERS[layer]:
            continue
        used = {name.split(".")[1] for name in imported(path) if name.startswith("scorecast.")}
        assert used <= lower | {package_of(path)}, f"{path} imports {used - lower}"


def test_every_package_has_a_layer() -> None:
    packages = {package_of(path) for path in SOURCE.rglob("*.py")} - {"__init__"}
    assert packages == set().union(*LAYERS)

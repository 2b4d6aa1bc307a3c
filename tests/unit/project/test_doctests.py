"""The examples in the docstrings of `src` show what the code answers."""

import doctest
import importlib
from pathlib import Path

import pytest

import scorecast

SRC = Path(scorecast.__file__).parents[1]


def modules_with_examples() -> list[str]:
    found = [path for path in sorted(SRC.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__") for path in found]


def test_there_are_examples() -> None:
    assert modules_with_examples()


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_hold(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0, "The output says which examples."
    assert results.attempted > 0, f"{name} has examples outside of docstrings, where nothing runs them."

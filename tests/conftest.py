"""What all tests share: waiting with a deadline instead of a sleep, and one deployed stack for all who only use it."""

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis.core
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.vendor.pretty import RepresentationPrinter

from scorecast.twin.instance import Twin
from tests.support.deployed import Stack, copy_repository, deployed, free_port, running

Value = TypeVar("Value")

# Every run of a test draws the same examples, so that a failure is a fault of the last change. Fresh examples are drawn
# by `make explore`. There is no deadline: on a shared machine a slow example says nothing about the code.
settings.register_profile("repeatable", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
# --hypothesis-seed alone decides what is drawn: no failures of earlier runs come first.
settings.register_profile("fresh", settings.get_profile("repeatable"), derandomize=False, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Have Hypothesis print its examples, and draw the pauses of the code under test from one seed a test.

    Schemathesis' plugin swaps Hypothesis' printer for one that prints nothing, before the first test of any run.
    """
    hypothesis.core.RepresentationPrinter = RepresentationPrinter  # type: ignore[attr-defined]
    random.seed(pyfuncitem.nodeid)


def eventually(check: Callable[[], Value], deadline_s: float = 60.0) -> Value:
    """Call `check` until it raises no AssertionError any more, and return its value; past the deadline it raises."""
    until = time.monotonic() + deadline_s
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > until:
                raise
        time.sleep(0.05)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is deployed, for all tests."""
    return copy_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="session")
def stack(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack that tests share; each test uses a board of its own."""
    with running(Twin(root=repository, state_dir=tmp_path_factory.mktemp("twin"), port=free_port())) as twin:
        yield deployed(twin)

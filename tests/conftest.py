"""What all tests share: waiting with a deadline instead of a sleep, and one deployed stack for all who only use it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from scorecast.twin.instance import Twin
from tests.support.deployed import Stack, copy_repository, deployed, free_port, running

Value = TypeVar("Value")

# A shared machine is slow at times; that an example took long says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


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

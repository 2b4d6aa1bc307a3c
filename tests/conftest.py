"""What all tests share: the twin they run on, and how workers divide the tests.

`make test` runs the tests in several processes at once (pytest-xdist). The tests of one file stay together on one
worker, those of some folders too, and each worker has a twin of its own.
"""

import gc
import os
import random
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis.core
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.vendor.pretty import RepresentationPrinter
from xdist.scheduler import LoadFileScheduling

from tests.support import guard
from tests.support.deployed import Stack, copy_of, deploy_once

# Every run of a test draws the same examples, so that a failure is a fault of the last change. `make explore`
# draws fresh ones. There is no deadline: on a shared machine a slow example says nothing about the code.
settings.register_profile("repeatable", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
# --hypothesis-seed alone decides what is drawn: no failures of earlier runs come first.
settings.register_profile("fresh", settings.get_profile("repeatable"), derandomize=False, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Have Hypothesis print its examples, and seed the random pauses of the code under test.

    Before the first test of any run, Schemathesis' plugin replaces Hypothesis' printer with one that prints nothing.
    """
    hypothesis.core.RepresentationPrinter = RepresentationPrinter  # type: ignore[attr-defined]
    random.seed(pyfuncitem.nodeid)


# The files that wait longest, since what starts late ends late, and those that many writes to their twin slow down.
_FIRST = (
    "test_contest.py",
    "test_standing_events.py",
    "test_queue_gives_up.py",
    "test_soak.py",
    "test_trigger_gives_up.py",
    "test_trigger_names_batch.py",
    "test_engine.py",
    "test_policies.py",
    "test_recovery.py",
    "test_doctor.py",
    "test_failure_paths.py",
)


# Folders whose files share what takes seconds to start: a browser, and DynamoDB Local.
_TOGETHER = ("tests/page", "tests/dynamodb_local")


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Keeps the tests of a file on one worker, and those of some folders."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return next((folder for folder in _TOGETHER if file.startswith(f"{folder}/")), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Divide the tests among the workers; pytest-xdist asks for it if there are any."""
    return _Scheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker `slow`, and let tests interrupt: a shell starts background jobs with SIGINT ignored."""
    config.addinivalue_line(
        "markers", "slow: takes long, or deploys stacks; `make test-slow` runs it, `make test` does not"
    )
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let nothing that runs in the folder of this run outlive it; the workers' folders are inside."""
    if not _is_worker(session.config):
        posted = guard.post(session.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]
        session.config.add_cleanup(partial(guard.end, posted))


def _is_worker(config: pytest.Config) -> bool:
    """Whether this is one of several processes that run tests for another (pytest -n)."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files that wait for a twin alternate with files that calculate; the many short unit tests fill the end."""
    items.sort(key=lambda item: _FIRST.index(item.path.name) if item.path.name in _FIRST else len(_FIRST))
    files: dict[str, dict[Path, int]] = {"twin": {}, "other": {}, "unit": {}}
    for item in items:
        of_kind = files[_kind(item)]
        of_kind.setdefault(item.path, len(of_kind))
    items.sort(key=lambda item: (_kind(item) == "unit", files[_kind(item)][item.path]))


def _kind(item: pytest.Item) -> str:
    return next((kind for kind in ("twin", "unit") if item.nodeid.startswith(f"tests/{kind}/")), "other")


def pytest_collection_finish() -> None:
    """Leave what was imported and collected, which stays to the end, out of every search for garbage."""
    gc.collect()
    gc.freeze()


# ---------------------------------------------------------------- what `make test` leaves to `make test-slow`

_LEFT = pytest.StashKey[int]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count the slow tests that this run does not select."""
    config = items[0].config
    config.stash[_LEFT] = config.stash.get(_LEFT, 0) + sum(map(_is_slow, items))


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that started this worker; each worker collects all tests."""
    if _is_worker(session.config):
        session.config.workeroutput["left"] = session.config.stash.get(_LEFT, 0)  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker tells; one that was killed tells nothing."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[_LEFT] = max(output.get("left", 0), node.config.stash.get(_LEFT, 0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many slow tests were not run."""
    if left := config.stash.get(_LEFT, 0):
        terminalreporter.write_line(f"{left} slow tests were left to `make test-slow`.")


# ---------------------------------------------------------------- the twin


@pytest.fixture(scope="session")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a twin that is deployed and stopped; every twin starts from a copy of it.

    All workers of a run (pytest -n) share it.
    """
    folder = tmp_path_factory.getbasetemp()
    return deploy_once(folder.parent if _is_worker(request.config) else folder)


@pytest.fixture(scope="session")
def stack(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack that the tests of one worker share; each test uses a board of its own."""
    with copy_of(made, tmp_path_factory.mktemp("stack") / "copy") as stack:
        yield stack

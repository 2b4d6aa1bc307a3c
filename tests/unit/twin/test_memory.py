"""What ends a process that takes too much memory."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scorecast.twin.memory import MemoryGuard, Process

MIB = 1024 * 1024
_PROC = Path("/proc")

pytestmark = pytest.mark.skipif(not MemoryGuard(_PROC).works, reason="memory is watched on Linux only")


@pytest.fixture
def guard() -> MemoryGuard:
    guard = MemoryGuard(_PROC)
    threading.Thread(target=guard.run, daemon=True).start()
    return guard


@pytest.fixture
def greedy() -> Iterator[Process]:
    with _greedy() as process:
        yield process


@contextmanager
def _greedy() -> Iterator[Process]:
    """A process that takes 64 MiB, says so, and stays."""
    code = "import sys; kept = b'x' * (64 << 20); print('taken', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"taken\n"
        yield process
        process.kill()


def test_of_two_processes_the_one_above_its_limit_is_killed(guard: MemoryGuard, greedy: Process) -> None:
    with _greedy() as modest, guard.watching(lambda: modest, 1024 * MIB) as spared:
        with guard.watching(lambda: greedy, 32 * MIB) as watched:
            assert greedy.wait(timeout=30) == -9
        assert modest.poll() is None
    assert (watched.killed, spared.killed) == (True, False)


def test_a_process_may_begin_and_end_while_it_is_watched(guard: MemoryGuard) -> None:
    begun: list[Process] = []
    with guard.watching(lambda: begun[0] if begun else None, 32 * MIB) as watched, _greedy() as process:
        begun.append(process)
        process.wait(timeout=30)
    assert watched.killed
    with guard.watching(lambda: process, 0) as watched:
        pass
    assert not watched.killed


def test_where_there_is_no_proc_nothing_is_watched(tmp_path: Path) -> None:
    assert not MemoryGuard(tmp_path).works

"""What finds and ends the processes that tests leave behind."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorecast.twin.instance import Twin
from tests.support import guard
from tests.support.deployed import processes_of

Process = subprocess.Popen[bytes]


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Process]:
    """A process that has a file of the folder on its command line, behind many other words."""
    command = [sys.executable, "-c", "import time; time.sleep(600)", "x" * 300, str(tmp_path / "state")]
    with subprocess.Popen(command) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("columns", ["20", "80"])
def test_a_narrow_terminal_hides_no_process(
    left: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert list(guard.processes_in(tmp_path)) == [left.pid]
    [found] = processes_of(Twin(root=tmp_path, state_dir=tmp_path / "state"))
    assert found.endswith("/state")


def test_the_guard_ends_what_is_left_when_its_input_ends(left: Process, tmp_path: Path) -> None:
    process = guard.post(tmp_path)
    assert left.poll() is None
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert left.wait(timeout=60) < 0
    assert guard.processes_in(tmp_path) == {}


def test_a_run_that_is_killed_leaves_no_process(left: Process, tmp_path: Path) -> None:
    """The guard lives on when the process that posted it is killed."""
    code = "import os, signal, sys; from pathlib import Path; from tests.support import guard\n"
    code += "guard.post(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[3], check=False)
    assert killed.returncode < 0
    assert left.wait(timeout=60) < 0

"""The engine's process, seen from outside: what a killed engine leaves behind."""

import signal
import subprocess
import sys
from pathlib import Path

from scorecast.twin import process
from scorecast.twin.instance import Twin


def test_functions_of_a_killed_engine_are_ended_and_nothing_else(tmp_path: Path) -> None:
    twin = Twin(tmp_path, tmp_path / ".twin", 4566)
    folders = [twin.state_dir / "tmp" / "ministack-lambda-f-1", tmp_path / "ministack-lambda-f-1"]
    function, other = (
        subprocess.Popen([sys.executable, "-c", "input()", folder], stdin=subprocess.PIPE) for folder in folders
    )
    with function, other:
        process._end_functions(twin)
        assert function.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()

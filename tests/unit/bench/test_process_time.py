"""The CPU time of a group of processes counts those processes and no others."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.rig.process_time import group_seconds
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="it needs Linux")


def test_a_group_that_works_takes_time_and_one_that_does_not_exist_takes_none() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"], process_group=0) as busy:
        try:
            eventually(lambda: _at_least(group_seconds(busy.pid), 0.05))
        finally:
            busy.kill()
    assert group_seconds(busy.pid) == 0


def _at_least(seconds: float, least: float) -> None:
    assert seconds >= least

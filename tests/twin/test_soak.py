"""A short soak, with a redrive while calls fail; `make soak` runs a long one."""

import sys
from pathlib import Path

import pytest

from tests.support.deployed import copy_of
from tests.support.fault_schedule import FAULTS
from tests.support.soak import Soak, Wanted


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finding the process to kill needs Linux's /proc")
def test_whatever_fails_nothing_is_lost_and_a_redrive_makes_the_leaderboard_right(made: Path, tmp_path: Path) -> None:
    wanted = Wanted(changes=1_500, rate=100, outage=False)
    with copy_of(made, tmp_path / "copy") as stack:
        report = Soak(stack, wanted).run()
    assert (report.changes, report.lost, report.wrong) == (1_500, 0, 0)
    assert report.entries > 100
    assert set(report.injected) == {*FAULTS, "stubborn entry"}
    assert set(report.letters) == {"fanout", "queue", "standings"}
    assert report.redriven > 0
    assert report.repeated > 0

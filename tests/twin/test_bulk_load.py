"""A bulk load of one board makes no dead letters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Scorecast
from tests.support.deployed import Stack, copy_of

pytestmark = pytest.mark.slow
CHANGES = 20_000


@pytest.fixture(scope="module")
def own(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without the dead letters of other tests."""
    with copy_of(made, tmp_path_factory.mktemp("bulk") / "copy") as stack:
        yield stack


def test_twenty_thousand_changes_of_one_board_arrive_and_leave_no_dead_letter(own: Stack) -> None:
    scorecast = Scorecast(own.twin.port)
    options = ("--changes", str(CHANGES), "--participants", "2000", "--boards", "1", "--timeout", "400")
    answer = scorecast.json("load", *options)
    assert (answer["written"], answer["differing"]) == (CHANGES, 0)
    assert scorecast.json("dlq", "list")["letters"] == 0
    assert scorecast.json("verify")["miscounts"] == 0

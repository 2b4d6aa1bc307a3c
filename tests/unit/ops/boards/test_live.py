"""`scorecast top --live`: a board as its tables have it, frozen or not."""

import pytest

from scorecast.errors import UserError
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.ops.boards import live
from scorecast.ops.boards.live import live_top
from tests.support.api_fakes import FakeTable
from tests.support.ops_fakes import fake_stack

FROZEN = BoardPolicy(freezes_at="2020-01-01T00:00:00Z")


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake table has other names for its indexes than the template."""
    monkeypatch.setattr(live, "INDEXES", ("index", "ties"))


def test_a_frozen_board_is_shown_as_it_is_now() -> None:
    table = FakeTable([("Golf", "1", "60"), ("Golf", "2", "70")], policies={"Golf": FROZEN})
    answer = live_top(fake_stack(dynamodb=table), "Golf", 10)
    assert [(one["rank"], one["id"], one["projectScore"]) for one in answer["entries"]] == [(1, "2", 70), (2, "1", 60)]
    assert (answer["total"], "next" in answer) == (2, False)


def test_more_entries_than_a_page_are_read_page_by_page() -> None:
    table = FakeTable([("Golf", str(number), str(number)) for number in range(250)])
    answer = live_top(fake_stack(dynamodb=table), "Golf", 220)
    assert [one["rank"] for one in answer["entries"]] == list(range(1, 221))


def test_a_board_without_entries_is_refused() -> None:
    with pytest.raises(UserError, match="There is no board 'Golf', or it has no entries"):
        live_top(fake_stack(dynamodb=FakeTable([])), "Golf", 10)

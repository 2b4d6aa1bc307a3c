"""One score: read, written, and awaited on the board."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from scorecast.errors import CannotApply, UserError
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order
from scorecast.ops.boards.score import Expected, delete_score, wait_until_shown, write_score
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.main_table import MainTable, main_table_of, read_score
from scorecast.ops.stack.polling import Clock, poll_until
from tests.support.ops_fakes import FakeClock, FakeTables, entry, fake_stack


@pytest.fixture
def tables() -> FakeTables:
    return FakeTables()


@pytest.fixture
def main(tables: FakeTables) -> MainTable:
    return main_table_of(fake_stack(dynamodb=tables))


class FakeBoard:
    """Shows one score after the other, then the last one forever."""

    def __init__(self, *scores: int | None) -> None:
        self.scores: Iterator[int | None] = iter(scores)
        self.shown: int | None = None

    def score_of(self, board: str, participant: str) -> Decimal | None:
        self.shown = next(self.scores, self.shown)
        return None if self.shown is None else Decimal(self.shown)


def clock_of(fake: FakeClock) -> Clock:
    return Clock(fake.now, fake.sleep)


@pytest.mark.parametrize("text", ["90", "-3", "12.5", "0", "1e3", "1" * 38, "0." + "1" * 38, " 7 ", "1E-130", "9E125"])
def test_a_number_of_up_to_38_digits_is_a_score(text: str) -> None:
    assert read_score(text) == Decimal(text.strip())


@pytest.mark.parametrize(
    "text", ["", "ninety", "NaN", "Infinity", "-inf", "1" * 39, "1e126", "1e-131", "1e200", "0x1f", "1,5"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not a number of up to 38 digits") as error:
        read_score(text)
    assert error.value.exit_code == ExitCode.USAGE


def test_text_is_refused_where_the_tables_key_is_a_number(main: MainTable) -> None:
    numbered = replace(main, key_types=main.key_types | {"id": "N"})
    assert numbered.key("7", "StarWar")["id"] == {"N": "7"}
    with pytest.raises(UserError, match="The key id of the table main is a number, not 'seven'"):
        numbered.key("seven", "StarWar")


def test_a_score_of_38_digits_is_written_exactly(main: MainTable, tables: FakeTables) -> None:
    expected = write_score(main, "1", "StarWar", Decimal("1" * 38), None)
    assert tables.tables["main"]["1", "StarWar"]["projectScore"] == {"N": "1" * 38}
    assert expected == Expected("1", "StarWar", Decimal("1" * 38))


def test_other_attributes_of_the_item_survive(main: MainTable, tables: FakeTables) -> None:
    tables.tables["main"]["1", "StarWar"] = entry("1", "StarWar", "60", "userA") | {"team": {"S": "red"}}
    write_score(main, "1", "StarWar", Decimal(70), None)
    assert tables.tables["main"]["1", "StarWar"] == entry("1", "StarWar", "70", "userA") | {"team": {"S": "red"}}
    write_score(main, "1", "StarWar", Decimal(70), "userZ")
    assert tables.tables["main"]["1", "StarWar"]["userName"] == {"S": "userZ"}


def test_the_board_that_the_item_names_is_the_one_awaited(main: MainTable, tables: FakeTables) -> None:
    tables.tables["main"]["1", "project-7"] = entry("1", "project-7", "60") | {"hackathonName": {"S": "StarWar"}}
    assert write_score(main, "1", "project-7", Decimal(70), None).board == "StarWar"
    assert delete_score(main, "1", "project-7") == Expected("1", "StarWar", None)


def test_an_item_that_makes_no_entry_says_why(main: MainTable, tables: FakeTables) -> None:
    tables.tables["main"]["1", "StarWar"] = entry("1", "StarWar", "60") | {"hackathonName": {"N": "5"}}
    with pytest.raises(CannotApply, match="hackathonName is '5'"):
        write_score(main, "1", "StarWar", Decimal(70), None)


def test_a_missing_item_cannot_be_deleted(main: MainTable) -> None:
    with pytest.raises(UserError, match="The main table main has no item '9' of 'StarWar' to delete"):
        delete_score(main, "9", "StarWar")


def test_a_table_with_other_keys_is_refused() -> None:
    with pytest.raises(UserError, match="The table main has the keys Id, Message"):
        main_table_of(fake_stack(dynamodb=FakeTables(keys=("Id", "Message"))))


def test_the_wait_ends_when_the_board_shows_the_score() -> None:
    fake = FakeClock()
    seconds = wait_until_shown(FakeBoard(None, 60, 70), Expected("1", "StarWar", Decimal(70)), 30, clock_of(fake))
    assert 0 < seconds == fake.time_s


def test_the_wait_for_a_deletion_ends_when_the_participant_is_gone() -> None:
    assert wait_until_shown(FakeBoard(60, None), Expected("1", "StarWar", None), 30, clock_of(FakeClock())) > 0


@pytest.mark.parametrize(("shown", "says"), [(None, "does not show '1'"), (60, "shows 60 for '1'")])
def test_past_the_deadline_it_says_what_the_board_shows(shown: int | None, says: str) -> None:
    fake = FakeClock()
    with pytest.raises(UserError, match=says) as error:
        wait_until_shown(FakeBoard(shown), Expected("1", "StarWar", Decimal(70)), 30, clock_of(fake))
    assert error.value.exit_code == ExitCode.TIMED_OUT
    assert fake.time_s == 30


def test_past_the_deadline_it_says_that_a_board_with_readers_is_shown_to_these_only() -> None:
    expected, policy = Expected("1", "Jury", Decimal(70)), BoardPolicy(readers="k3y")
    with pytest.raises(UserError, match=r"has readers .*`scorecast boards list`"):
        wait_until_shown(FakeBoard(None), expected, 30, clock_of(FakeClock()), policy)


@pytest.mark.parametrize(
    ("policy", "written", "shown", "is_met"),
    [
        (BoardPolicy(keep=Keep.BEST), 70, 90, True),
        (BoardPolicy(keep=Keep.BEST), 70, 60, False),
        (BoardPolicy(keep=Keep.BEST, order=Order.ASCENDING), 70, 60, True),
        (BoardPolicy(keep=Keep.FIRST), 70, 60, True),
        (BoardPolicy(keep=Keep.FIRST), 70, None, False),
        (BoardPolicy(keep=Keep.GAIN), 70, 10, True),
        (BoardPolicy(keep=Keep.GAIN), 70, None, False),
        (BoardPolicy(keep=Keep.BEST), None, 60, False),
    ],
)
def test_a_board_that_keeps_scores_may_show_another_one(
    policy: BoardPolicy, written: int | None, shown: int | None, *, is_met: bool
) -> None:
    expected = Expected("1", "StarWar", None if written is None else Decimal(written))
    assert expected.is_met_by(None if shown is None else Decimal(shown), policy) is is_met


def test_attempts_grow_apart_and_the_last_is_at_the_deadline() -> None:
    fake = FakeClock()
    times = list(poll_until(10, pause_s=1, longest_pause_s=3, clock=clock_of(fake)))
    assert times[0] == 0
    assert times[-1] == 10
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) <= 3
    assert gaps[0] == 1

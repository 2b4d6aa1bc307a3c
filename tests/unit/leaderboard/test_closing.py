from scorecast.leaderboard.batch_get import BOARD_BYTES
from scorecast.leaderboard.closing import Closing, closing_of, read_closing
from scorecast.leaderboard.derived_board import frozen_policy
from scorecast.leaderboard.policy import BoardPolicy

CLOSES = "2026-12-01T18:00:00Z"
CLOSING = Closing("StarWar", CLOSES)


def test_a_closing_is_read_as_it_was_written() -> None:
    assert read_closing(CLOSING.item) == CLOSING


def test_a_closing_is_the_same_item_each_time_and_another_time_or_board_is_another() -> None:
    others = [Closing("StarWar", "2026-12-02T18:00:00Z"), Closing("Quiz", CLOSES)]
    assert Closing("StarWar", CLOSES).key == CLOSING.key
    assert all(one.key != CLOSING.key for one in others)


def test_closings_sort_by_time_and_hold_the_longest_name() -> None:
    long = Closing("b" * BOARD_BYTES, "2026-11-30T18:00:00Z")
    assert long.key["name"]["S"] < CLOSING.key["name"]["S"]
    assert len(long.key["name"]["S"].encode()) <= BOARD_BYTES


def test_a_board_that_never_closes_and_a_copy_have_none() -> None:
    closes = BoardPolicy(closes_at=CLOSES)
    assert closing_of("StarWar", closes) == CLOSING
    assert closing_of("StarWar", BoardPolicy()) is None
    assert closing_of("StarWar~frozen", frozen_policy("StarWar", closes)) is None

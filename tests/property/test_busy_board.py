"""A bulk load of one board: its index is throttled, consumers conflict, and no change nears the dead letters."""

import random

import pytest

from tests.support.busy_board import BusyBoard
from tests.support.consumer_system import event
from tests.support.fakes import item

# A message that is received more often would be a dead letter with the receives that AWS advises as the fewest.
FEW_RECEIVES = 5


def load(changes: int) -> list[str]:
    draw = random.Random(7)
    scores = (str(draw.randrange(100_000)) for _ in range(changes))
    return [event(item(f"p{at}", "busy", score), sequence=at + 1) for at, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("changes", "consumers", "batch", "units"),
    [
        (20_000, 5, 10, 1000),
        # A fifth of the next one.
        (4_000, 10, 200, 200),
        pytest.param(20_000, 10, 1000, 1000, marks=pytest.mark.slow),
    ],
)
def test_a_bulk_load_of_one_board_ends_without_dead_letters_as_fast_as_its_index_takes_it(
    changes: int, consumers: int, batch: int, units: int
) -> None:
    board = BusyBoard(load(changes), consumers=consumers, batch=batch, units=units)
    assert board.table.refused.total() > 0
    assert board.most_receives <= FEW_RECEIVES
    assert board.dead_letters.messages == []
    assert len(board.table.scores) == changes
    assert board.clock.now < 2.5 * changes / units
    board.table.check()

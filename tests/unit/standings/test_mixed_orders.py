"""Boards that were cut by one order of ties, and are written by another."""

import pytest

from scorecast.leaderboard.index.shape import Shape
from scorecast.leaderboard.index.table import MIXED, ROOT, IndexTable, shape_item
from scorecast.leaderboard.policy import BoardPolicy, Ties
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from tests.support.fakes import FakeDynamoDb

TIED = BoardPolicy(ties=Ties.EARLIEST)
COLUMNS = BoardPolicy(then_by="penalty:ascending")


@pytest.fixture
def table() -> FakeDynamoDb:
    """A board that is cut by the order of its columns."""
    table = FakeDynamoDb()
    shape = shape_item("StarWar", ROOT, Shape(version=1), ties=COLUMNS.key_order)
    table.put_item(TableName="boards", Item=shape)
    return table


def entry(number: int) -> Entry:
    return Entry("1", "StarWar", f"{number:040}", "2026-01-01T00:00:00Z", str(number), score_changed=True)


def ties_of(table: FakeDynamoDb) -> str:
    return IndexTable(table, "boards").read("StarWar", [ROOT])[ROOT].ties


def test_the_first_key_of_another_order_marks_the_board(table: FakeDynamoDb) -> None:
    leaderboard = Leaderboard(table, "leaderboard", "boards", lambda _: None)
    assert leaderboard.write([entry(1)], {"StarWar": COLUMNS})["1", "StarWar"].applied
    assert ties_of(table) == COLUMNS.key_order
    assert leaderboard.write([entry(2)], {"StarWar": TIED})["1", "StarWar"].applied
    assert ties_of(table) == MIXED


def test_a_process_that_knew_the_order_writes_on_after_a_rebuild_has_cut_the_board_by_score(
    table: FakeDynamoDb,
) -> None:
    leaderboard = Leaderboard(table, "leaderboard", "boards", lambda _: None)
    assert leaderboard.write([entry(1)], {"StarWar": COLUMNS})["1", "StarWar"].applied
    table.put_item(TableName="boards", Item=shape_item("StarWar", ROOT, Shape(version=2), ties=""))
    assert leaderboard.write([entry(2)], {"StarWar": BoardPolicy()})["1", "StarWar"].applied
    assert table.scores == {("1", "StarWar"): "2"}
    assert ties_of(table) == ""

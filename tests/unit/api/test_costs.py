"""What an answer reads of a large board: round trips, one after another, and read units."""

from itertools import product

import pytest

from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.index.table import ROOT
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties
from tests.support.api_fakes import Cut, FakeTable, get, serve
from tests.support.index_oracle import read_node

BOARD = "/leaderBoard/b"


@pytest.fixture(params=list(product(Order, Ties)), ids=lambda case: "-".join(case))
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeTable:
    """A board of many pages."""
    order, ties = request.param
    entries = [("b", f"p{at:03}", str(at // 3)) for at in range(120)]
    reached = {f"p{at:03}": f"2026-01-01T00:{at % 60:02}:00Z" for at in range(120)}
    table = FakeTable(entries, policies={"b": BoardPolicy(order=order, ties=ties)}, reached=reached, cut=Cut.PAGES)
    assert read_node(table, "b", ROOT).shape.is_inner
    serve(monkeypatch, table)
    table.reset()
    return table


def asked(table: FakeTable, path: str, **parameters: str | list[str]) -> Item:
    """Return an answer; count what it alone reads."""
    table.reset()
    answer = get(path, **parameters)
    assert answer["statusCode"] == 200
    body: Item = answer["body"]
    return body


def test_the_first_page_reads_no_shape(table: FakeTable) -> None:
    assert len(asked(table, "/leaderBoard/", hackathonName="b")["entries"]) == 10
    assert (table.trips, table.units, table.read, table.entries_counted) == (2, 2.5, 11, 0)


@pytest.mark.parametrize(
    ("path", "parameters", "trips", "units"),
    [
        ("/leaderBoard/", {"hackathonName": "b", "atRank": "60"}, 3, 6.0),
        ("/leaderBoard/", {"hackathonName": "b", "rankOfScore": "20"}, 3, 6.0),
        (f"{BOARD}/participants/p060", {"neighbours": "0"}, 3, 7.0),
        ("/participants/p060", {}, 4, 7.0),
        (f"{BOARD}/participants/p060", {"neighbours": "25"}, 4, 14.0),
        ("/leaderBoard/", {"hackathonName": "b", "id": [f"p{at:03}" for at in range(0, 120, 5)]}, 3, 80.0),
        (f"{BOARD}/histogram", {}, 3, 80.0),
    ],
)
def test_an_answer_takes_few_round_trips(
    table: FakeTable, path: str, parameters: dict[str, str], trips: int, units: float
) -> None:
    asked(table, path, **parameters)
    assert table.trips <= trips
    assert table.units <= units
    assert table.entries_counted <= 60  # a few entries of a range each


def test_ranks_among_participants_cost_nothing_more(table: FakeTable) -> None:
    def cost(**parameters: str) -> tuple[int, float]:
        asked(table, "/leaderBoard/", hackathonName="b", id=[f"p{at:03}" for at in range(0, 120, 5)], **parameters)
        return table.trips, table.units

    assert cost(among="true") == cost()


def test_a_later_page_takes_three_round_trips(table: FakeTable) -> None:
    """It takes a fourth one where ties have no order and the whole page is tied with the page before."""
    body = asked(table, "/leaderBoard/", hackathonName="b", limit="2")
    while "next" in body:
        tied = {entry["projectScore"] for entry in body["entries"][-1:]}
        body = asked(table, "/leaderBoard/", hackathonName="b", limit="2", next=body["next"])
        tied |= {entry["projectScore"] for entry in body["entries"]}
        assert table.trips <= (4 if len(tied) == 1 else 3)
        assert table.read <= 3
        assert table.units <= 8.5


def test_neighbours_that_share_a_range_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable([("b", f"p{at:03}", str(at)) for at in range(300)])
    serve(monkeypatch, table)
    body = asked(table, f"{BOARD}/participants/p150", neighbours="25")
    assert [one["rank"] for one in body["above"]] == list(range(125, 150))
    assert table.entries_counted == 150  # those that score at least as well, once


def test_on_a_board_of_one_range_a_rank_takes_two_round_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable([("b", f"p{at:03}", str(at)) for at in range(300)])
    serve(monkeypatch, table)
    assert asked(table, f"{BOARD}/participants/p150", neighbours="0")["rank"] == 150
    assert table.trips == 2
    assert asked(table, "/leaderBoard/", hackathonName="b", atRank="150")["entries"][0]["id"] == "p150"
    assert table.trips == 2


def test_the_histogram_of_a_board_reads_each_entry_once_at_most(table: FakeTable) -> None:
    body = asked(table, f"{BOARD}/histogram")
    assert sum(bar["count"] for bar in body["bars"]) == 120
    assert len(body["bars"]) <= 20
    assert table.entries_counted < 120


def test_a_list_of_boards_reads_no_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable([(f"b{at:02}", "p", "1") for at in range(45)])
    serve(monkeypatch, table)
    assert len(asked(table, "/leaderBoard/")["boards"]) == 45
    assert (table.trips, table.units) == (2, 1 + 46 * 2)  # one of them has no entries


def test_the_boards_of_a_participant_are_read_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable([(f"b{at:02}", participant, "1") for at in range(45) for participant in "pq"])
    serve(monkeypatch, table)
    assert len(asked(table, "/participants/p")["boards"]) == 45
    assert table.trips == 3

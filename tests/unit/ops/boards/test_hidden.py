"""Hidden entries: no answer has a trace of them, their scores go on, and they can be shown again."""

from dataclasses import replace
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.leaderboard.policy import BoardPolicy, Corrections, Every, Keep, Ties
from scorecast.ops.boards.hidden import HiddenEntries
from scorecast.ops.boards.policies import Policies
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.standings.handler import Delivery
from scorecast.standings.store import Leaderboard
from tests.support.consumer_system import System, event
from tests.support.fakes import item


@pytest.fixture
def system() -> System:
    return System()


def of(system: System) -> HiddenEntries:
    leaderboard = Leaderboard(system.table, "leaderboard", "boards", lambda _: None)
    return HiddenEntries(system.table, "leaderboard", leaderboard, Policies(system.table, "boards"))


@pytest.mark.parametrize("policy", [BoardPolicy(), BoardPolicy(keep=Keep.BEST, ties=Ties.EARLIEST)])
def test_a_hidden_entry_is_not_counted_and_its_score_goes_on(system: System, policy: BoardPolicy) -> None:
    system.table.declare("StarWar", policy)
    system.process(event(item("1", score="60")), event(item("2", score="90"), sequence=2))
    before = dict(system.table.items["2", "StarWar"])
    assert of(system).hide("StarWar", "2", "cheated") == ["StarWar"]
    assert system.table.scores == {("1", "StarWar"): "60"}
    assert system.table.counted("StarWar") == 1
    indexed = {"projectScore", "hackathonName", "tieOrder", "tieBoard"}
    assert not indexed & system.table.items["2", "StarWar"].keys()
    assert of(system).hide("StarWar", "2", "") == ["StarWar"]
    assert {name: value for name, value in system.table.items["2", "StarWar"].items() if name != "range"} == before
    assert of(system).hide("StarWar", "2", "cheated again") == ["StarWar"]
    system.process(event(item("2", score="95"), item("2", score="90"), 3))
    assert system.table.scores == {("1", "StarWar"): "60"}
    assert of(system).hide("StarWar", "2", "") == ["StarWar"]
    assert system.table.scores == {("1", "StarWar"): "60", ("2", "StarWar"): "95"}
    system.table.check()


def test_what_is_so_already_changes_nothing(system: System) -> None:
    system.process(event(item("1")))
    assert of(system).hide("StarWar", "1", "") == []
    assert of(system).hide("StarWar", "1", "why") == ["StarWar"]
    written = len(system.table.transactions)
    assert of(system).hide("StarWar", "1", "why") == []
    assert len(system.table.transactions) == written
    assert of(system).hide("StarWar", "1", "another reason") == ["StarWar"]
    assert [(one.id, one.score, one.hidden) for one in of(system).of("StarWar")] == [("1", "60", "another reason")]


def test_who_leaves_and_comes_back_stays_hidden(system: System) -> None:
    system.process(event(item("1")))
    of(system).hide("StarWar", "1", "why")
    system.process(event(None, item("1"), 2))
    assert "expiresAt" not in system.table.items["1", "StarWar"]
    system.process(event(item("1", score="99"), None, 3))
    assert system.table.scores == {}
    of(system).hide("StarWar", "1", "")
    assert system.table.scores == {("1", "StarWar"): "99"}
    system.table.check()


def test_entries_of_a_board_that_has_expired_are_not_found(system: System) -> None:
    system.process(event(item("1")), event(item("2"), sequence=2))
    of(system).hide("StarWar", "2", "why")
    for entry in system.table.items.values():
        entry["expiresAt"] = {"N": "1577836800"}
    assert of(system).of("StarWar") == []
    with pytest.raises(UserError, match="is not on the board"):
        of(system).hide("StarWar", "1", "why")


def test_it_is_hidden_on_all_boards_that_derive_from_the_board_also_on_those_that_begin_later(system: System) -> None:
    policy = BoardPolicy(every=Every.WEEK, by=("country",), freezes_at="2999-01-01T00:00:00Z")
    system.table.declare("StarWar", policy)
    system.table.declare("StarWars", BoardPolicy())
    made = item("1") | {"country": {"S": "CN"}}
    system.process(event(made), event(item("1", "StarWars"), sequence=2))
    hidden = of(system).hide("StarWar", "1", "why")
    assert hidden == sorted(
        name + copy for name in ("StarWar", "StarWar~2020-W16", "StarWar~country.CN") for copy in ("", "~frozen")
    )
    system.process(event(made | {"country": {"S": "FR"}}, made, 3))
    assert set(system.table.scores) == {("1", "StarWars")}
    assert of(system).hide("StarWar~country.FR", "1", "") == ["StarWar~country.FR", "StarWar~country.FR~frozen"]
    system.table.check()


def test_it_can_be_hidden_after_the_board_has_closed(system: System) -> None:
    system.process(event(item("1")))
    system.table.declare("StarWar", BoardPolicy(closes_at="2020-04-15T08:26:16Z", corrections=Corrections.CLOSED))
    assert of(system).hide("StarWar", "1", "disqualified") == ["StarWar"]
    assert system.table.counted("StarWar") == 0


def test_a_change_that_is_written_meanwhile_is_not_lost(system: System) -> None:
    system.process(event(item("1", score="60")))

    def overtake(_: dict[str, Any]) -> None:
        system.table.before = lambda _: None
        other = replace(system.processor, leaderboard=Leaderboard(system.table, "leaderboard", "boards"))
        other.process([Delivery("other", event(item("1", score="70"), item("1", score="60"), 2))])

    system.table.before = overtake
    assert of(system).hide("StarWar", "1", "why") == ["StarWar"]
    assert system.table.scores == {}
    of(system).hide("StarWar", "1", "")
    assert system.table.scores == {("1", "StarWar"): "70"}


def test_a_throttled_table_is_tried_again_and_then_reported(system: System) -> None:
    system.process(event(item("1")))
    refusals = ["ThrottlingError"] * 2
    system.table.before = lambda _: refusals.pop() if refusals else None
    assert of(system).hide("StarWar", "1", "why") == ["StarWar"]
    system.table.before = lambda _: "ThrottlingError"
    with pytest.raises(UserError, match="The board 'StarWar' could not be changed \\(ThrottlingError\\): run it again"):
        of(system).hide("StarWar", "1", "")


def test_who_is_not_on_the_board_and_a_long_reason_are_refused(system: System) -> None:
    system.process(event(item("1", "StarWars")))
    with pytest.raises(UserError, match="The participant '1' is not on the board 'StarWar'"):
        of(system).hide("StarWar", "1", "why")
    with pytest.raises(UserError, match="The reason has 201 characters; at most 200 are allowed") as refused:
        of(system).hide("StarWars", "1", "x" * 201)
    assert refused.value.exit_code == ExitCode.USAGE

"""ConsumerLambda on boards with a policy."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from scorecast.changes.change import from_record, to_detail
from scorecast.leaderboard.columns import values_in
from scorecast.leaderboard.policy import BoardPolicy, Corrections, Keep, Order, policy_key
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.entry import entries_of
from scorecast.standings.handler import Delivery
from scorecast.standings.store import Leaderboard
from tests.support.consumer_system import SETTINGS, System, event
from tests.support.fakes import STREAM_ARN, client_error, item, record


@pytest.fixture
def system() -> System:
    return System()


BEST = BoardPolicy(keep=Keep.BEST)
CLOSED = BoardPolicy(closes_at="2020-04-15T08:26:16Z")  # the time of the fakes' records


def late(new: dict[str, Any] | None = None, old: dict[str, Any] | None = None, sequence: int = 1) -> str:
    """A change that happened a second later."""
    made = record(new, old, sequence, ApproximateCreationDateTime=1586939177)
    return json.dumps({"resources": [STREAM_ARN], "detail": to_detail(from_record(made))})


def test_the_best_score_stays_and_the_counters_with_it(system: System) -> None:
    system.table.declare("StarWar", BEST)
    system.process(event(item(score="90")), event(item(score="60"), item(score="90"), 2))
    system.process(event(item(score="70"), item(score="60"), 3))
    assert system.table.scores == {("1", "StarWar"): "90"}
    assert system.table.items["1", "StarWar"]["sequence"]["S"] == "3".zfill(40)
    system.table.check()


PENALTY = {"penalty": {"N": "880"}}


def test_a_board_without_columns_stores_nothing_of_them(system: System) -> None:
    system.table.declare("StarWar", BoardPolicy(order=Order.ASCENDING))
    system.process(event(item(score="8") | PENALTY), event(item(board="WarCraft", score="8") | PENALTY, sequence=2))
    names = {"id", "metadata", "hackathonName", "projectScore", "userName", "stream", "sequence", "at"}
    assert [set(one) for one in system.table.items.values()] == [names, names]


def test_a_change_of_a_column_is_a_change_of_the_score(system: System) -> None:
    system.table.declare("StarWar", BoardPolicy(keep=Keep.BEST, then_by="penalty:ascending"))
    better, worse = (item(score="8") | {"penalty": {"N": penalty}} for penalty in ("880", "1220"))
    system.process(event(worse), event(better, worse, 2), event(worse, better, 3))
    [entry] = system.table.entries.values()
    assert values_in(entry.tie_order, system.table.policy_of("StarWar")) == ("880",)
    assert entry.sequence == "3".zfill(40)
    system.table.check()


def test_after_the_closing_a_column_is_not_taken(system: System) -> None:
    system.table.declare("StarWar", replace(CORRECTED, then_by="penalty:ascending"))
    system.process(event(item(score="8") | PENALTY))
    system.process(late(item(score="8", name="polite") | {"penalty": {"N": "1"}}, item(score="8") | PENALTY, 2))
    [entry] = system.table.entries.values()
    assert values_in(entry.tie_order, system.table.policy_of("StarWar")) == ("880",)
    assert entry.name == "polite"


def test_a_batch_keeps_no_long_texts_of_the_items(system: System) -> None:
    long = {"text": {"S": "x" * 151}, "tags": {"SS": ["a"]}, "short": {"S": "x" * 150}}
    [made] = entries_of(from_record(record(item(score="8") | long, item(score="7") | long)), AttributeNames())
    for image in (made.image, made.previous):
        assert image is not None
        assert image.keys() == {*item(), "short"}


def test_two_writers_of_late_changes_do_not_undo_each_other(system: System) -> None:
    system.table.declare("StarWar", BEST)
    system.process(event(item(score="10"), item(score="80"), 4))

    def write_the_other(action: dict[str, Any]) -> None:
        system.table.before = lambda _: None
        other = replace(system.processor, leaderboard=Leaderboard(system.table, "leaderboard", "boards"))
        other.process([Delivery("other", event(item(score="90"), item(score="60"), 2))])

    system.table.before = write_the_other
    system.process(event(item(score="80"), item(score="90"), 3))
    assert system.table.scores == {("1", "StarWar"): "90"}
    system.table.check()


def test_a_change_after_a_board_closed_is_dropped_without_failure(system: System) -> None:
    system.table.declare("StarWar", CLOSED)
    system.process(event(item(score="60")))
    outcome = system.process(
        late(item(score="99"), item(score="60"), 2), late(None, item("2"), 3), late(item("3"), None, 4)
    )
    assert (outcome.retry_ids, system.queue.messages, outcome.counts) == ([], [], {"closed": 3})
    assert system.table.scores == {("1", "StarWar"): "60"}


def test_a_change_before_a_board_closed_counts_even_if_it_arrives_late(system: System) -> None:
    system.table.declare("StarWar", CLOSED)
    system.process(late(item(score="99"), item(score="70"), 3))
    system.process(event(item(score="70"), item(score="60"), 2))
    assert system.table.scores == {("1", "StarWar"): "70"}


def test_a_participant_who_moves_from_a_closed_board_to_an_open_one_stays_on_the_closed_one(system: System) -> None:
    system.table.declare("StarWar", CLOSED)
    system.process(event(item(score="60")))
    outcome = system.process(late(item(board="WarCraft", score="60"), item(score="60"), 2))
    assert system.table.scores == {("1", "StarWar"): "60", ("1", "WarCraft"): "60"}
    assert outcome.counts == {"applied": 1}


def test_changes_of_a_board_with_an_invalid_policy_are_retried_and_block_no_other(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    system.table.put_item(TableName="boards", Item=policy_key("StarWar") | {"keep": {"S": "worst"}})
    outcome = system.process(event(item("1")), event(item("2", "WarCraft")))
    assert outcome.retry_ids == ["0"]
    assert system.table.scores == {("2", "WarCraft"): "60"}
    assert "cannot use the policy of a board: `scorecast boards list` says which" in caplog.text


def test_changes_are_retried_while_policies_cannot_be_read(
    system: System, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> dict[str, Any]:
        raise client_error("ThrottlingException")

    monkeypatch.setattr(system.table, "batch_get_item", refuse)
    outcome = system.process(event(item("1")), "not json")
    assert outcome.retry_ids == ["0"]
    assert [letter["errorCode"] for letter in system.queue.messages] == ["CannotRead"]
    assert "could not read the policies of 1 boards (ThrottlingException)" in caplog.text


def test_a_change_with_an_invalid_time_is_parked_if_the_board_closes(system: System) -> None:
    system.table.declare("StarWar", CLOSED)
    made = json.loads(event(item()))
    made["detail"]["at"] = "yesterday"
    outcome = system.process(json.dumps(made), event(item("2")))
    assert outcome.retry_ids == []
    assert [letter["errorCode"] for letter in system.queue.messages] == ["CannotRead"]
    assert system.table.scores == {("2", "StarWar"): "60"}


def test_boards_without_a_policy_cost_one_read_of_the_policies_and_of_the_shape_now_and_then(system: System) -> None:
    asked = []
    plain = system.table.batch_get_item
    system.table.batch_get_item = lambda **request: asked.append(request) or plain(**request)  # type: ignore
    for at in range(1, 6):
        system.process(event(item(score=str(at)), sequence=at))
    assert len([one for one in asked if "boards" in one["RequestItems"]]) == 2
    assert len(asked) == 7
    assert "history" not in system.table.items["1", "StarWar"]


# ---------------------------------------------------------------- corrections after the closing

CORRECTED = replace(CLOSED, corrections=Corrections.OPEN)


def test_after_the_closing_a_removal_removes_if_the_board_takes_corrections(system: System) -> None:
    system.table.declare("StarWar", CORRECTED)
    system.process(event(item(score="60")), event(item("2", score="50"), sequence=2))
    outcome = system.process(late(None, item(score="60"), 3))
    assert outcome.counts == {"applied": 1}
    assert system.table.scores == {("2", "StarWar"): "50"}
    system.table.check()


def test_after_the_closing_a_name_is_taken_and_the_score_is_not(system: System) -> None:
    system.table.declare("StarWar", CORRECTED)
    system.process(event(item(score="60", name="rude")))
    outcome = system.process(late(item(score="99", name="polite"), item(score="60", name="rude"), 2))
    assert outcome.counts == {"applied": 1}
    assert system.table.shown == {("1", "StarWar"): (Decimal(60), "polite")}
    assert system.process(late(item(score="99", name="polite"), item(score="60", name="rude"), 2)).counts == {
        "stale": 1
    }


def test_a_name_that_arrives_before_its_entry_is_not_lost(system: System) -> None:
    system.table.declare("StarWar", CORRECTED)
    system.process(late(item(score="60", name="polite"), item(score="60", name="rude"), 2))
    assert system.table.scores == {}
    system.process(event(item(score="60", name="rude")))
    assert system.table.shown == {("1", "StarWar"): (Decimal(60), "polite")}


def test_attributes_travel_with_the_name_after_the_closing_too(system: System) -> None:
    shown = replace(SETTINGS, attributes=AttributeNames(shown=("team",)))
    system.processor = replace(system.processor, settings=shown)
    system.table.declare("StarWar", CORRECTED)
    lynx, ocelot = (item(score="60") | {"team": {"S": team}} for team in ("Lynx", "Ocelot"))
    system.process(event(lynx))
    system.process(late(ocelot, lynx, 2))
    assert system.table.entries["1", "StarWar"].attributes == (("team", "Ocelot"),)


def test_nobody_enters_after_the_closing_nor_again(system: System) -> None:
    system.table.declare("StarWar", CORRECTED)
    system.process(event(item(score="60")))
    system.process(late(item("2"), None, 2), late(item(score="70"), None, 4), late(item("2"), item("2"), 5))
    assert system.table.scores == {}


def test_a_correction_does_not_count_where_corrections_are_closed(system: System) -> None:
    system.table.declare("StarWar", CLOSED)
    system.process(event(item(score="60")))
    assert system.process(late(None, item(score="60"), 2)).counts == {"closed": 1}
    assert system.table.scores == {("1", "StarWar"): "60"}


def test_a_concurrent_correction_of_the_name_is_not_overwritten(system: System) -> None:
    system.table.declare("StarWar", CORRECTED)
    system.process(event(item(score="60", name="rude")))

    def correct(_: dict[str, Any]) -> None:
        system.table.before = lambda _: None
        system.process(late(item(score="70", name="polite"), item(score="60", name="rude"), 3))

    system.table.before = correct
    system.process(event(item(score="70", name="rude"), item(score="60", name="rude"), 2))
    assert system.table.shown == {("1", "StarWar"): (Decimal(70), "polite")}

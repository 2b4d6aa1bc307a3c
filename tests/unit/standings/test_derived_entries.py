"""ConsumerLambda on boards from which others derive."""

import json
from dataclasses import replace
from typing import Any

import pytest

from scorecast.changes.change import from_record, to_detail
from scorecast.leaderboard.policy import BoardPolicy, Every, Keep, Order
from scorecast.standings.handler import Delivery
from scorecast.standings.store import Leaderboard
from tests.support.consumer_system import System, event
from tests.support.fakes import STREAM_ARN, client_error, item, record

# The time of the fakes' records is 2020-04-15T08:26:16Z.
WEEKLY = BoardPolicy(every=Every.WEEK, order=Order.ASCENDING)
BY_COUNTRY = BoardPolicy(by=("country",))


@pytest.fixture
def system() -> System:
    return System()


def of(country: str | None, **more: Any) -> dict[str, Any]:
    return item(**more) | ({"country": {"S": country}} if country else {})


def read(image: dict[str, Any], sequence: int) -> str:
    """A READ of an item, as backfill sends it."""
    change = replace(from_record(record(image, None, sequence)), operation="READ", old=None)
    return json.dumps({"resources": [STREAM_ARN], "detail": to_detail(change)})


def test_a_score_stands_on_the_board_of_its_period_which_gets_a_policy_of_its_own(system: System) -> None:
    system.table.declare("StarWar", WEEKLY)
    outcome = system.process(event(item(score="60")))
    assert outcome.counts == {"applied": 1}
    assert system.table.scores == {("1", "StarWar"): "60", ("1", "StarWar~2020-W16"): "60"}
    assert system.table.policy_of("StarWar~2020-W16") == BoardPolicy(
        order=Order.ASCENDING, base="StarWar", starts_at="2020-04-13T00:00:00Z", closes_at="2020-04-20T00:00:00Z"
    )
    assert ("periods/StarWar", "StarWar~2020-W16") in system.table.board_items
    assert system.table.boards == ["StarWar"]
    system.table.check()


def test_what_arrives_late_counts_in_the_period_in_which_it_happened(system: System) -> None:
    system.table.declare("StarWar", WEEKLY)
    late = record(item(score="70"), item(score="60"), 3, ApproximateCreationDateTime=1586939176 + 8 * 86400)
    system.process(json.dumps({"resources": [STREAM_ARN], "detail": to_detail(from_record(late))}))
    system.process(event(item(score="60"), sequence=2))
    scores = {("1", "StarWar"): "70", ("1", "StarWar~2020-W17"): "70", ("1", "StarWar~2020-W16"): "60"}
    assert system.table.scores == scores


def test_a_period_shows_what_was_gained_in_it(system: System) -> None:
    system.table.declare("StarWar", BoardPolicy(every=Every.WEEK, keep=Keep.GAIN))
    later = record(item(score="95"), item(score="70"), 3, ApproximateCreationDateTime=1586939176 + 8 * 86400)
    system.process(json.dumps({"resources": [STREAM_ARN], "detail": to_detail(from_record(later))}))
    system.process(event(item(score="70"), item(score="60"), 2))
    system.process(event(item(score="60")))
    gains = {("1", "StarWar"): "95", ("1", "StarWar~2020-W16"): "70", ("1", "StarWar~2020-W17"): "25"}
    assert system.table.scores == gains


def test_who_moves_to_the_board_of_another_value_gains_there_from_that_change_on(system: System) -> None:
    system.table.declare("StarWar", replace(BY_COUNTRY, keep=Keep.GAIN))
    system.process(event(of("CN", score="60")))
    system.process(event(of("FR", score="75"), of("CN", score="60"), 2))
    assert system.table.scores == {("1", "StarWar"): "75", ("1", "StarWar~country.FR"): "15"}


def test_a_change_that_arrives_after_its_period_has_expired_counts_on_the_base_only(system: System) -> None:
    system.table.declare("StarWar", replace(WEEKLY, keep_periods=3))
    declared = set(system.table.board_items)
    assert system.process(event(item(score="60"))).counts == {"applied": 1}
    assert system.table.scores == {("1", "StarWar"): "60"}
    assert {board for _, board in set(system.table.board_items) - declared} == {"StarWar"}


def test_a_period_that_began_before_the_base_was_changed_expires_as_it_was_to(system: System) -> None:
    system.table.declare("StarWar", replace(WEEKLY, keep_periods=3))
    system.table.declare("StarWar~2020-W16", BoardPolicy(base="StarWar", kept_until="2999-01-01T00:00:00Z"))
    system.process(event(item(score="60")))
    assert system.table.items["1", "StarWar~2020-W16"]["expiresAt"] == {"N": "32472144000"}
    system.process(event(old=item(score="60"), sequence=2))
    assert int(system.table.items["1", "StarWar~2020-W16"]["expiresAt"]["N"]) < 32472144000


def test_a_policy_that_somebody_declared_for_a_period_stays(system: System) -> None:
    own = BoardPolicy(keep=Keep.FIRST, base="StarWar", starts_at="2020-04-13T00:00:00Z")
    system.table.declare("StarWar", WEEKLY)
    system.table.declare("StarWar~2020-W16", own)
    system.process(event(item(score="60")))
    system.process(event(item(score="90"), item(score="60"), 2))
    assert system.table.scores["1", "StarWar~2020-W16"] == "60"
    assert system.table.policy_of("StarWar~2020-W16") == own


def test_a_read_knows_no_period_but_stands_on_the_boards_of_values(system: System) -> None:
    system.table.declare("StarWar", replace(BY_COUNTRY, every=Every.DAY))
    system.process(read(of("CN"), 1))
    assert system.table.scores == {("1", "StarWar"): "60", ("1", "StarWar~country.CN"): "60"}


def test_an_item_whose_value_changes_moves_to_another_board(system: System) -> None:
    system.table.declare("StarWar", BY_COUNTRY)
    system.process(event(of("CN")))
    system.process(event(of("FR"), of("CN"), 2))
    assert system.table.scores == {("1", "StarWar"): "60", ("1", "StarWar~country.FR"): "60"}
    system.process(event(of(None), of("FR"), 3))
    assert system.table.scores == {("1", "StarWar"): "60"}
    system.process(event(None, of(None), 4))
    assert system.table.scores == {}
    system.table.check()


@pytest.mark.parametrize("value", [{"S": ""}, {"S": "x" * 151}, {"BOOL": True}, {"L": []}, {"NULL": True}])
def test_a_value_that_cannot_name_a_board_names_none(system: System, value: dict[str, Any]) -> None:
    system.table.declare("StarWar", BY_COUNTRY)
    outcome = system.process(event(item() | {"country": value}))
    assert (outcome.counts, list(system.table.scores)) == ({"applied": 1}, [("1", "StarWar")])


def test_a_board_with_a_name_that_is_too_long_for_others_has_none(system: System) -> None:
    board = "x" * 1020
    system.table.declare(board, replace(BY_COUNTRY, every=Every.DAY))
    assert system.process(event(of("CN", board=board))).counts == {"applied": 1}
    assert list(system.table.scores) == [("1", board)]


def test_a_number_names_a_board_too(system: System) -> None:
    system.table.declare("StarWar", BY_COUNTRY)
    system.process(event(item() | {"country": {"N": "86"}}))
    assert ("1", "StarWar~country.86") in system.table.scores


def test_two_consumers_begin_a_period_at_the_same_time(system: System) -> None:
    system.table.declare("StarWar", WEEKLY)
    plain = system.table.transact_write_items
    others = [event(item("2"), sequence=2)]

    def begin_before(*, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        if others:
            other = replace(system.processor, leaderboard=Leaderboard(system.table, "leaderboard", "boards"))
            other.process([Delivery("other", others.pop())])
        return plain(TransactItems=TransactItems)

    system.table.transact_write_items = begin_before  # type: ignore[method-assign]
    assert system.process(event(item("1"))).counts == {"applied": 1}
    assert set(system.table.scores) == {(one, board) for one in "12" for board in ("StarWar", "StarWar~2020-W16")}
    system.table.check()


def test_a_period_that_cannot_begin_now_is_retried_whole_and_blocks_no_other_board(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    system.table.declare("StarWar", WEEKLY)
    system.table.before = lambda action: (
        "ThrottlingError" if "policy/" in str(action.get("Put", {}).get("Item", {}).get("collection")) else None
    )
    outcome = system.process(event(item("1")), event(item("2", "WarCraft")))
    assert (outcome.retry_ids, list(system.table.scores)) == (["0"], [("2", "WarCraft")])
    assert "could not declare the policy of a derived board" in caplog.text
    assert "StarWar" not in caplog.text


def test_after_its_base_has_closed_a_change_writes_nothing_on_derived_boards(system: System) -> None:
    system.table.declare("StarWar", replace(WEEKLY, by=("country",), closes_at="2020-04-15T08:26:15Z"))
    assert system.process(event(of("CN"))).counts == {"closed": 1}
    assert system.table.items == {}


def test_a_change_with_an_invalid_time_is_parked_if_the_board_has_periods(system: System) -> None:
    system.table.declare("StarWar", WEEKLY)
    made = json.loads(event(item()))
    made["detail"]["at"] = "yesterday"
    assert system.process(json.dumps(made)).retry_ids == []
    assert [letter["errorCode"] for letter in system.queue.messages] == ["CannotRead"]


def test_a_frozen_board_goes_on_and_its_copy_stays_as_it_was(system: System) -> None:
    system.table.declare("StarWar", replace(WEEKLY, freezes_at="2020-04-15T08:26:16Z"))
    system.process(event(item(score="60")))
    late = record(item(score="10"), item(score="60"), 2, ApproximateCreationDateTime=1586939177)
    later = record(None, item(score="10"), 3, ApproximateCreationDateTime=1586939178)
    for one in (late, later):
        body = json.dumps({"resources": [STREAM_ARN], "detail": to_detail(from_record(one))})
        assert system.process(body).counts == {"applied": 1}
        assert {score for (_, board), score in system.table.scores.items() if board.endswith("~frozen")} == {"60"}
    assert set(system.table.scores) == {("1", "StarWar~frozen"), ("1", "StarWar~2020-W16~frozen")}
    system.table.check()


def test_a_throttled_read_of_the_policies_of_derived_boards_is_retried(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.table.declare("StarWar", WEEKLY)
    plain = system.table.batch_get_item

    def refuse(*, RequestItems: dict[str, Any]) -> dict[str, Any]:
        if "~" in str(RequestItems):
            raise client_error("ThrottlingException")
        return plain(RequestItems=RequestItems)

    monkeypatch.setattr(system.table, "batch_get_item", refuse)
    assert system.process(event(item())).retry_ids == ["0"]
    assert system.table.scores == {}

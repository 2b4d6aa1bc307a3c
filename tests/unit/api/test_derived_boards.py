"""LeaderGet on boards from which others derive: one of their periods, and lists of them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from scorecast.api import reader
from scorecast.leaderboard.derived_board import attribute_policies, period_named, period_policy
from scorecast.leaderboard.policy import BoardPolicy, Every, Order
from tests.support.api_fakes import FakeTable, get, serve

BASE = BoardPolicy(every=Every.WEEK, time_zone="Asia/Shanghai", by=("country",), order=Order.ASCENDING)
NOW = datetime(2026, 12, 6, 15, tzinfo=UTC)  # a Sunday evening in Shanghai


def week(name: str) -> BoardPolicy:
    found = period_named(BASE, name)
    assert found
    return period_policy("Golf", BASE, found)


POLICIES = {
    "Golf": BASE,
    "Golf~2026-W48": week("2026-W48"),
    "Golf~2026-W49": week("2026-W49"),
    **attribute_policies("Golf", BASE, {"country": {"S": "CN"}}),
    **attribute_policies("Golf", BASE, {"country": {"S": "FR.x"}}),
}
SCORES = {
    "Golf": "72",
    "Golf~2026-W48": "80",
    "Golf~2026-W49": "72",
    "Golf~country.CN": "72",
    "Golf~country.FR.x": "70",
}


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> FakeTable:
    monkeypatch.setattr(reader, "utc_now", lambda: NOW)
    table = FakeTable([(board, "1", score) for board, score in SCORES.items()], policies=POLICIES)
    serve(monkeypatch, table)
    return table


def names(path: str, **parameters: str) -> list[str]:
    return [board["hackathonName"] for board in get(path, **parameters)["body"]["boards"]]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("current", "2026-W49"), ("previous", "2026-W48"), ("2026-W48", "2026-W48")],
)
def test_every_question_about_a_board_can_be_about_a_period(asked: str, answered: str) -> None:
    board = f"Golf~{answered}"
    one: dict[str, Any] = {"hackathonName": "Golf", "period": asked}
    for path, parameters in [
        ("/leaderBoard", one),
        ("/leaderBoard", one | {"atRank": "1"}),
        ("/leaderBoard", one | {"id": ["1"]}),
        ("/leaderBoard", one | {"rankOfScore": "5"}),
        ("/leaderBoard/Golf/histogram", {"period": asked}),
        ("/leaderBoard/Golf/participants/1", {"period": asked}),
    ]:
        assert get(path, **parameters)["body"]["hackathonName"] == board
    assert get("/leaderBoard", **one)["body"]["entries"][0]["projectScore"] == Decimal(SCORES[board])


def test_a_pages_token_is_that_of_its_period(table: FakeTable) -> None:
    table.put(("Golf~2026-W49", str(number), str(number)) for number in range(2, 5))
    first = get("/leaderBoard", hackathonName="Golf", period="current", limit="2")["body"]
    second = get("/leaderBoard", hackathonName="Golf", period="current", limit="2", next=first["next"])["body"]
    assert [entry["id"] for entry in first["entries"] + second["entries"]] == ["2", "3", "4", "1"]
    assert get("/leaderBoard", hackathonName="Golf", period="previous", next=first["next"])["statusCode"] == 400


def test_each_entry_of_a_period_has_its_rank_in_the_period_before(table: FakeTable) -> None:
    table.put([("Golf~2026-W48", "2", "70"), ("Golf~2026-W49", "2", "75"), ("Golf~2026-W49", "3", "60")])
    body = get("/leaderBoard", hackathonName="Golf", period="current", movement="true")["body"]
    assert [(one["rank"], one["id"], one.get("previousRank")) for one in body["entries"]] == [
        (1, "3", None),
        (2, "1", 2),
        (3, "2", 1),
    ]
    one = get("/leaderBoard/Golf~2026-W49/participants/1", movement="true")["body"]
    assert (one["previousRank"], one["below"][0]["previousRank"], "previousRank" in one["above"][0]) == (2, 1, False)
    several = get("/leaderBoard", hackathonName="Golf~2026-W49", id=["2"], movement="true")["body"]["entries"]
    assert several[0]["previousRank"] == 1


def test_movement_changes_no_answer_about_another_board_or_the_first_period() -> None:
    for board in ("Golf", "Golf~country.CN", "Golf~2026-W48"):
        plain = get("/leaderBoard", hackathonName=board)["body"]
        assert get("/leaderBoard", hackathonName=board, movement="true")["body"] == plain
    rank = get("/leaderBoard", hackathonName="Golf~2026-W49", rankOfScore="5", movement="true")["body"]["rank"]
    assert rank == 1


def test_a_period_tells_its_base_and_when_it_starts_and_ends() -> None:
    body = get("/leaderBoard", hackathonName="Golf~2026-W48")["body"]
    assert {name: body[name] for name in ("order", "base", "startsAt", "closesAt")} == {
        "order": "ascending",
        "base": "Golf",
        "startsAt": "2026-11-22T16:00:00Z",
        "closesAt": "2026-11-29T16:00:00Z",
    }


def test_a_board_tells_what_derives_from_it() -> None:
    body = get("/leaderBoard", hackathonName="Golf")["body"]
    assert (body["every"], body["timeZone"], body["by"]) == ("week", "Asia/Shanghai", ["country"])
    assert "base" not in body


def test_the_periods_of_a_board_are_listed_the_newest_first_and_page_by_page() -> None:
    assert names("/leaderBoard/Golf/periods") == ["Golf~2026-W49", "Golf~2026-W48"]
    first = get("/leaderBoard/Golf/periods", limit="1")["body"]
    assert names("/leaderBoard/Golf/periods", limit="1", next=first["next"]) == ["Golf~2026-W48"]


def test_the_boards_of_values_are_listed_with_their_values() -> None:
    boards = get("/leaderBoard/Golf/values")["body"]["boards"]
    assert [(one["hackathonName"], one["attribute"], one["value"]) for one in boards] == [
        ("Golf~country.CN", "country", "CN"),
        ("Golf~country.FR.x", "country", "FR.x"),
    ]


def test_the_list_of_all_boards_has_no_derived_ones() -> None:
    assert names("/leaderBoard") == ["Golf"]


def test_a_board_without_periods_says_so(table: FakeTable) -> None:
    table.put([("Chess", "1", "5")])
    answer = get("/leaderBoard", hackathonName="Chess", period="current")
    assert (answer["statusCode"], answer["body"]["detail"]) == (404, "The board 'Chess' has no periods.")
    assert names("/leaderBoard/Chess/periods") == []
    assert get("/leaderBoard", hackathonName="Golf", period="2020-W01")["statusCode"] == 404


def test_a_period_that_has_expired_is_in_no_answer_before_its_items_are_deleted(table: FakeTable) -> None:
    board, key = "Golf~2026-W30", {"collection": {"S": "periods/Golf"}}
    table.put([(board, "7", "65")])
    table.put_item(TableName="boards", Item=key | {"name": {"S": board}})
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/leaderBoard", {"hackathonName": board}),
        ("/leaderBoard", {"hackathonName": "Golf", "period": "2026-W30"}),
        ("/participants/7", {}),
    ]
    assert [get(path, **more)["statusCode"] for path, more in asked] == [200, 200, 200]
    assert board in names("/leaderBoard/Golf/periods")
    for items in (table.items, table.board_items):
        items |= {
            key: item | {"expiresAt": {"N": f"{NOW.timestamp():.0f}"}} for key, item in items.items() if board in key
        }
    assert [get(path, **more)["statusCode"] for path, more in asked] == [404, 404, 404]
    assert board not in names("/leaderBoard/Golf/periods")

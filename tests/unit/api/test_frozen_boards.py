"""LeaderGet on a board that is frozen: every answer is that of its copy."""

from datetime import UTC, datetime
from typing import Any

import pytest

from scorecast.api import reader
from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.derived_board import frozen_board, frozen_policy, period_named, period_policy
from scorecast.leaderboard.policy import BoardPolicy, Every
from tests.support.api_fakes import FakeTable, get, serve

FREEZES = "2026-11-26T00:00:00Z"
BASE = BoardPolicy(every=Every.WEEK, freezes_at=FREEZES)
WEEK = period_named(BASE, "2026-W48")
BEFORE, AFTER = datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC)
# Somebody has overtaken since, and somebody has come.
LIVE = [("1", "60"), ("2", "90"), ("3", "95"), ("4", "99")]
FROZEN = [("1", "60"), ("2", "90"), ("3", "70")]


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> FakeTable:
    monkeypatch.setattr(reader, "utc_now", lambda: AFTER)
    assert WEEK
    policies = {"Golf": BASE, "Golf~2026-W48": period_policy("Golf", BASE, WEEK)}
    policies |= {frozen_board(name): frozen_policy(name, policy) for name, policy in policies.items()}
    entries = [(name, *one) for name, policy in policies.items() for one in (FROZEN if policy.copy_of else LIVE)]
    table = FakeTable([*entries, ("Chess", "2", "5")], policies=policies)
    serve(monkeypatch, table)
    return table


def scores(answer: Item) -> list[tuple[str, int]]:
    return [(one["id"], one["projectScore"]) for one in answer["entries"]]


QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("/leaderBoard", {"hackathonName": "Golf"}),
    ("/leaderBoard", {"hackathonName": "Golf", "atRank": "2"}),
    ("/leaderBoard", {"hackathonName": "Golf", "id": ["1", "2", "3", "4"], "among": "true"}),
    ("/leaderBoard", {"hackathonName": "Golf", "rankOfScore": "97"}),
    ("/leaderBoard/Golf/histogram", {}),
    ("/leaderBoard/Golf/participants/3", {}),
    ("/leaderBoard", {"hackathonName": "Golf", "period": "2026-W48", "movement": "true"}),
    ("/leaderBoard/Golf/participants/3", {"period": "current"}),
]


@pytest.mark.parametrize(("path", "parameters"), QUESTIONS)
def test_every_answer_stays_as_it_was_when_the_board_froze(
    monkeypatch: pytest.MonkeyPatch, table: FakeTable, path: str, parameters: dict[str, Any]
) -> None:
    frozen = get(path, **parameters)
    assert (frozen["statusCode"], frozen["body"]["total"], frozen["body"]["freezesAt"]) == (200, 3, FREEZES)
    assert frozen["body"]["hackathonName"] == ("Golf~2026-W48" if "period" in parameters else "Golf")
    table.put([("Golf", "5", "1000"), ("Golf~2026-W48", "5", "1000"), ("Golf", "1", None)])
    again = get(path, **parameters)
    assert (again["body"], again["headers"]["ETag"]) == (frozen["body"], frozen["headers"]["ETag"])
    monkeypatch.setattr(reader, "utc_now", lambda: BEFORE)
    assert get(path, **parameters)["body"]["total"] == 4 + ("period" in parameters)


def test_a_page_goes_on_on_the_frozen_board() -> None:
    first = get("/leaderBoard", hackathonName="Golf", limit="2")["body"]
    second = get("/leaderBoard", hackathonName="Golf", limit="2", next=first["next"])["body"]
    assert scores(first) + scores(second) == [("2", 90), ("3", 70), ("1", 60)]


def test_the_lists_of_boards_tell_the_frozen_total() -> None:
    assert {one["hackathonName"]: one["total"] for one in get("/leaderBoard")["body"]["boards"]} == {
        "Chess": 1,
        "Golf": 3,
    }
    [week] = get("/leaderBoard/Golf/periods")["body"]["boards"]
    assert (week["hackathonName"], week["total"]) == ("Golf~2026-W48", 3)


def test_a_participants_boards_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    boards = {one["hackathonName"]: one["projectScore"] for one in get("/participants/3")["body"]["boards"]}
    assert boards == {"Golf": 70, "Golf~2026-W48": 70}
    assert get("/participants/4")["statusCode"] == 404
    assert [one["hackathonName"] for one in get("/participants/2")["body"]["boards"]] == [
        "Chess",
        "Golf",
        "Golf~2026-W48",
    ]
    monkeypatch.setattr(reader, "utc_now", lambda: BEFORE)
    assert {one["projectScore"] for one in get("/participants/3")["body"]["boards"]} == {95}


@pytest.mark.parametrize("path", ["/leaderBoard/Golf~frozen/histogram", "/leaderBoard/Golf~frozen/participants/1"])
def test_the_copy_has_no_address_of_its_own(path: str) -> None:
    assert get(path)["statusCode"] == 404
    assert get("/leaderBoard", hackathonName="Golf~frozen")["statusCode"] == 404


def test_who_came_after_the_freezing_is_not_there_yet() -> None:
    answer = get("/leaderBoard/Golf/participants/4")
    assert (answer["statusCode"], answer["body"]["detail"]) == (404, "The participant '4' is not on the board 'Golf'.")

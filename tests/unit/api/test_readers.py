"""Boards with readers: the API answers about them to these only, as if there were no such board for others."""

import json
from dataclasses import replace
from typing import Any

import pytest

from scorecast.api import handler
from scorecast.api.caller import caller_of
from scorecast.leaderboard.derived_board import policy_by_name
from scorecast.leaderboard.policy import BoardPolicy, Every
from tests.support.api_fakes import FakeTable, serve

KEY, ROLE = "k3y1d", "arn:aws:iam::123456789012:role/team/Jury"
SESSION = "arn:aws:sts::123456789012:assumed-role/Jury/ann"
JURY = BoardPolicy(every=Every.WEEK, by=("country",), freezes_at="2020-01-01T00:00:00Z", readers=f"{KEY},{ROLE}")
SIGNED = {"userArn": SESSION}
IDENTITIES = [{"apiKeyId": KEY}, SIGNED]
STRANGERS = [{}, {"apiKeyId": "0ther"}, {"userArn": SESSION.replace("Jury", "Fan")}, {"apiKey": KEY}]

PATHS = [
    ("/leaderBoard/", {"hackathonName": "Jury"}),
    ("/leaderBoard/", {"hackathonName": "Jury", "id": "1"}),
    ("/leaderBoard/", {"hackathonName": "Jury", "rankOfScore": "5"}),
    ("/leaderBoard/", {"hackathonName": "Jury", "id": "1", "among": "true"}),
    ("/leaderBoard/", {"hackathonName": "Jury", "atRank": "1"}),
    ("/leaderBoard/", {"hackathonName": "Jury", "period": "2026-W01"}),
    ("/leaderBoard/", {"hackathonName": "Jury", "period": "2026-W01", "movement": "true"}),
    ("/leaderBoard/", {"hackathonName": "Jury~country.CN"}),
    ("/leaderBoard/Jury/participants/1", {}),
    ("/leaderBoard/Jury/participants/1", {"period": "2026-W01", "movement": "true"}),
    ("/leaderBoard/Jury/histogram", {}),
    ("/leaderBoard/Jury/histogram", {"period": "2026-W01"}),
]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> FakeTable:
    derived = {name: policy_by_name(name, {"Jury": JURY}) for name in ("Jury~2026-W01", "Jury~country.CN")}
    policies = {"Jury": replace(JURY, freezes_at=None)} | {
        name: replace(policy, freezes_at=None) for name, policy in derived.items() if policy
    }
    table = FakeTable([(board, "1", "5") for board in (*policies, "Open")], policies=policies)
    serve(monkeypatch, table)
    return table


def request_of(identity: dict[str, str], path: str, **parameters: str) -> dict[str, Any]:
    return {"path": path, "queryStringParameters": parameters or None, "requestContext": {"identity": identity}}


def ask(identity: dict[str, str], path: str, **parameters: str) -> tuple[int, Any, dict[str, str]]:
    answer = handler.handle(request_of(identity, path, **parameters), None)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(("path", "parameters"), PATHS)
def test_only_its_readers_are_answered_about_a_board(path: str, parameters: dict[str, str]) -> None:
    for identity in IDENTITIES:
        assert ask(identity, path, **parameters)[0] == 200
    unknown = {name: value.replace("Jury", "Nobody") for name, value in parameters.items()}
    none = ask({}, path.replace("Jury", "Nobody"), **unknown)
    for identity in STRANGERS:
        status, body, _ = ask(identity, path, **parameters)
        assert (status, json.dumps(body).replace("Jury", "Nobody")) == (404, json.dumps(none[1]))


@pytest.mark.usefixtures("table")
def test_a_tag_does_not_tell_others_whether_a_board_has_changed() -> None:
    tag = ask(SIGNED, "/leaderBoard/", hackathonName="Jury")[2]["ETag"]
    for known in (tag, "*"):
        request = request_of({}, "/leaderBoard/", hackathonName="Jury") | {"headers": {"If-None-Match": known}}
        assert handler.handle(request, None)["statusCode"] == 404


def test_the_rank_in_the_period_before_is_told_to_the_readers_of_that_period_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policies = {name: policy_by_name(name, {"Jury": JURY}) for name in ("Jury~2026-W01", "Jury~2026-W02")}
    found = {name: replace(policy, freezes_at=None) for name, policy in policies.items() if policy}
    found["Jury~2026-W02"] = replace(found["Jury~2026-W02"], readers="")
    serve(monkeypatch, FakeTable([(board, "1", "5") for board in found], policies=found))
    for identity, rank in ((SIGNED, 1), ({}, None)):
        status, body, _ = ask(identity, "/leaderBoard/", hackathonName="Jury~2026-W02", movement="true")
        assert (status, body["entries"][0].get("previousRank")) == (200, rank)


@pytest.mark.usefixtures("table")
def test_lists_leave_out_what_a_caller_may_not_read() -> None:
    def boards(identity: dict[str, str], path: str) -> list[str]:
        return [board["hackathonName"] for board in ask(identity, path)[1]["boards"]]

    for identity in IDENTITIES:
        assert boards(identity, "/leaderBoard/") == ["Jury", "Open"]
        assert boards(identity, "/leaderBoard/Jury/periods") == ["Jury~2026-W01"]
        assert boards(identity, "/leaderBoard/Jury/values") == ["Jury~country.CN"]
        assert "Jury" in boards(identity, "/participants/1")
    for identity in STRANGERS:
        assert boards(identity, "/leaderBoard/") == boards(identity, "/participants/1") == ["Open"]
        assert boards(identity, "/leaderBoard/Jury/periods") == boards(identity, "/leaderBoard/Jury/values") == []


@pytest.mark.usefixtures("table")
def test_whether_a_board_has_periods_is_not_told_to_others() -> None:
    bodies = [ask({}, "/leaderBoard/", hackathonName=board, period="current")[1] for board in ("Jury", "Nobody")]
    assert json.dumps(bodies[0]).replace("Jury", "Nobody") == json.dumps(bodies[1])


def test_the_copy_of_a_frozen_board_has_its_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = policy_by_name("Jury~frozen", {"Jury": JURY})
    assert copy
    table = FakeTable([("Jury", "1", "5"), ("Jury~frozen", "1", "5")], policies={"Jury": JURY, "Jury~frozen": copy})
    serve(monkeypatch, table)
    assert ask(SIGNED, "/leaderBoard/", hackathonName="Jury")[0] == 200
    assert ask({}, "/leaderBoard/", hackathonName="Jury")[0] == 404


@pytest.mark.usefixtures("table")
def test_a_cache_keeps_an_answer_for_its_caller_only() -> None:
    assert "Vary" not in ask({}, "/leaderBoard/")[2]
    for path in ("/leaderBoard/", "/no"):
        assert ask({"apiKeyId": KEY}, path)[2]["Vary"] == "X-Api-Key, Authorization"


def test_a_caller_is_a_key_a_user_or_the_role_of_a_session() -> None:
    user = "arn:aws:iam::123456789012:user/ann"
    assert caller_of({"requestContext": {"identity": {"userArn": user}}}) == user
    assert caller_of({"requestContext": {"identity": SIGNED}}) == ROLE.replace("team/", "")
    assert caller_of({}) is None

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.api import handler
from scorecast.api.endpoints import entries as entries_endpoint
from scorecast.api.responses import json_text, page_answer
from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.policy import BoardPolicy, Order
from tests.support.api_fakes import SAMPLE, UPDATED_AT, Cut, FakeTable, best_first, get, placed, serve
from tests.support.fakes import client_error


def test_the_sample_board_is_ranked_best_first(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE, names={"2": "userB"}))
    answer = get("/leaderBoard/", hackathonName="StarWar")
    assert answer["statusCode"] == 200
    assert answer["body"] == {
        "hackathonName": "StarWar",
        "order": "descending",
        "total": 3,
        "updatedAt": UPDATED_AT,
        "entries": [
            {"rank": 1, "position": 1, "id": "2", "userName": "userB", "projectScore": 90},
            {"rank": 2, "position": 2, "id": "3", "userName": None, "projectScore": 70},
            {"rank": 3, "position": 3, "id": "1", "userName": None, "projectScore": 60},
        ],
    }


def test_ties_share_a_rank_and_the_next_one_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = ["9", "7", "7.0", "7", "3"]
    serve(monkeypatch, FakeTable([("b", str(at), score) for at, score in enumerate(scores)]))
    assert [entry["rank"] for entry in get("/leaderBoard", hackathonName="b")["body"]["entries"]] == [1, 2, 2, 2, 5]


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 100])
def test_pages_of_any_size_give_every_entry_once_with_its_rank(
    monkeypatch: pytest.MonkeyPatch, limit: int, cut: Cut
) -> None:
    scores = [9, 8, 8, 8, 5, 5, 1]
    serve(monkeypatch, FakeTable([("b", f"p{at}", str(score)) for at, score in enumerate(scores)], cut=cut))
    seen: list[Item] = []
    token: dict[str, str] = {}
    while True:
        body = get("/leaderBoard", hackathonName="b", limit=str(limit), **token)["body"]
        assert body["total"] == 7
        seen += body["entries"]
        if "next" not in body:
            break
        token = {"next": body["next"]}
    assert sorted(entry["id"] for entry in seen) == [f"p{at}" for at in range(7)]
    assert [entry["rank"] for entry in seen] == [1, 2, 2, 2, 5, 5, 7]
    assert [entry["position"] for entry in seen] == [1, 2, 3, 4, 5, 6, 7]


def test_boards_are_listed_with_their_totals_and_without_the_empty_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE, page_size=2))
    sizes = [{"hackathonName": "StarWar", "total": 3}, {"hackathonName": "WarCraft", "total": 1}]
    about = {"order": "descending", "updatedAt": UPDATED_AT}
    assert get("/leaderBoard/")["body"] == {"boards": [size | about for size in sizes]}


def test_a_participant_has_a_rank_on_each_of_its_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable([*SAMPLE, ("WarCraft", "1", "150")], page_size=2))
    body = get("/leaderBoard/StarWar/participants/1", neighbours="0")["body"]
    assert body == {
        "hackathonName": "StarWar",
        "order": "descending",
        "updatedAt": UPDATED_AT,
        "id": "1",
        "userName": None,
        "projectScore": 60,
        "rank": 3,
        "percentile": Decimal("33.33"),
        "total": 3,
        "above": [],
        "below": [],
    }
    assert [(board["hackathonName"], board["rank"]) for board in get("/participants/1")["body"]["boards"]] == [
        ("StarWar", 3),
        ("WarCraft", 1),
    ]


@pytest.mark.parametrize(
    "path", ["/leaderBoard/StarWar/participants/9", "/leaderBoard/No/participants/1", "/participants/9", "/no"]
)
def test_an_unknown_path_board_or_participant_is_a_404_problem(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    answer = get(path)
    assert answer["statusCode"] == 404
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert answer["body"]["status"] == 404
    assert answer["body"]["title"] == "Not Found"


def test_an_unknown_board_is_a_404_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    body = get("/leaderBoard", hackathonName="No")["body"]
    assert (body["status"], body["parameter"]) == (404, "hackathonName")
    assert "'No'" in body["detail"]


def test_a_forged_next_is_a_400(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    assert get("/leaderBoard", hackathonName="StarWar", next="forged")["body"]["parameter"] == "next"


def test_a_page_reads_the_entries_that_it_returns_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable([("b", str(at), str(at)) for at in range(50)])
    serve(monkeypatch, table)
    get("/leaderBoard", hackathonName="b", limit="5")
    assert (table.read, table.entries_counted) == (6, 0)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("cut", Cut)
def test_a_rank_counts_the_better_scores(monkeypatch: pytest.MonkeyPatch, cut: Cut, order: Order) -> None:
    scores = ["-3.5", "0", "0", "12", "12.000001", "12.000002", "120", "1E+20", "0.0007", *map(str, range(20, 60))]
    entries = [("b", f"p{at}", score) for at, score in enumerate(scores)]
    serve(monkeypatch, FakeTable(entries, policies={"b": BoardPolicy(order=order)}, cut=cut))
    for at, score in enumerate(scores):
        body = get(f"/leaderBoard/b/participants/p{at}")["body"]
        assert body["rank"] == 1 + sum(order.is_better(Decimal(other), Decimal(score)) for other in scores)
        assert body["total"] == len(scores)
        assert "position" not in body


def test_a_score_keeps_all_its_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = "1234567890123456789012345678.0123456789"
    serve(monkeypatch, FakeTable([("b", "1", digits)]))
    assert f'"projectScore": {digits}' in handler.handle({"path": "/leaderBoard/b/participants/1"}, None)["body"]


def test_hostile_names_are_json_like_any_other() -> None:
    text = '"}],"<script>\u0000\u2028名'
    assert json.loads(json_text({text: [text, Decimal("1E+2"), None, True, {}]})) == {text: [text, 100, None, True, {}]}


def test_the_content_security_policy_allows_the_pages_own_script_and_style_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = page_answer("<style>a{}</style><script>b()</script>", "https://a.example")
    policy = answer["headers"]["Content-Security-Policy"]
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/]{43}='; style-src 'sha256-", policy)
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("sites", "allowed"), [("", "'none'"), ("https://a.example *.b.example", "https://a.example *.b.example")]
)
def test_the_page_may_be_framed_by_the_sites_of_the_parameter_and_by_none_otherwise(
    monkeypatch: pytest.MonkeyPatch, sites: str, allowed: str
) -> None:
    monkeypatch.setenv("FRAME_ANCESTORS", sites)
    policy = handler.handle({"path": "/", "queryStringParameters": {"embed": ""}}, None)["headers"][
        "Content-Security-Policy"
    ]
    assert policy.endswith(f"; frame-ancestors {allowed}")


def test_the_page_is_served_at_the_root() -> None:
    answer = handler.handle({"path": "/"}, None)
    assert answer["headers"]["Content-Type"].startswith("text/html")
    assert answer["body"].startswith("<!doctype html>") or answer["body"].startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("event", [None, [], "text", {"path": 5}, {}])
def test_any_event_is_answered(event: object) -> None:
    assert handler.handle(event, None)["statusCode"] in (200, 404)


boards = st.lists(st.sampled_from(["-2", "0", "7", "7.5", "7.50001", "8", "900"]), min_size=1, max_size=25).map(
    lambda scores: [("b", f"p{at:02}", score) for at, score in enumerate(scores)]
)


@given(boards, st.integers(0, 5), st.sampled_from(Cut), st.sampled_from(Order), st.data())
def test_the_neighbours_are_those_of_the_order_full_at_both_ends(
    entries: list[tuple[str, str, str]], each: int, cut: Cut, declared: Order, data: st.DataObject
) -> None:
    order = best_first(entries, declared)
    at = data.draw(st.integers(0, len(order) - 1))
    with pytest.MonkeyPatch.context() as patch:
        serve(patch, FakeTable(entries, policies={"b": BoardPolicy(order=declared)}, cut=cut))
        body = get(f"/leaderBoard/b/participants/{order[at]['id']}", neighbours=str(each))["body"]
    shown = [*body["above"], {key: body[key] for key in order[at]}, *body["below"]]
    start = max(0, min(at - each, len(order) - 2 * each - 1))
    assert shown == order[start : start + 2 * each + 1]


@given(boards, st.integers(1, 30), st.integers(1, 9), st.sampled_from(Order), st.sampled_from(Cut))
def test_a_jump_to_a_position_starts_there(
    entries: list[tuple[str, str, str]], position: int, limit: int, declared: Order, cut: Cut
) -> None:
    order = placed(best_first(entries, declared))
    with pytest.MonkeyPatch.context() as patch:
        serve(patch, FakeTable(entries, policies={"b": BoardPolicy(order=declared)}, cut=cut))
        answer = get("/leaderBoard", hackathonName="b", atRank=str(position), limit=str(limit))
        if position > len(order):
            assert answer["statusCode"] == 404
            return
        assert answer["body"]["entries"] == order[position - 1 : position - 1 + limit]
        rest = order[position - 1 + limit :]
        assert ("next" in answer["body"]) == bool(rest)
        if rest:
            following = get("/leaderBoard", hackathonName="b", limit=str(limit), next=answer["body"]["next"])
            assert following["body"]["entries"] == rest[:limit]


def test_a_jump_into_very_many_ties_without_an_order_starts_with_the_first_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entries_endpoint, "SKIP_MAX", 3)
    entries = [("b", f"p{at:03}", "5") for at in range(150)] + [("b", "best", "9")]
    serve(monkeypatch, FakeTable(entries, cut=Cut.RANGES))
    body = get("/leaderBoard", hackathonName="b", atRank="10", limit="2")["body"]
    assert [(entry["id"], entry["rank"], entry["position"]) for entry in body["entries"]] == [
        ("p149", 2, 2),
        ("p148", 2, 3),
    ]


def test_participants_are_compared_best_first_and_those_without_an_entry_are_omitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    body = get("/leaderBoard", hackathonName="StarWar", id=["1", "9", "2"])["body"]
    assert [(entry["rank"], entry["id"]) for entry in body["entries"]] == [(1, "2"), (3, "1")]
    assert body["total"] == 3


@pytest.mark.parametrize(
    ("score", "rank", "percentile"), [("100", 1, "100"), ("70", 2, "66.66"), ("69", 3, "33.33"), ("1", 4, "0")]
)
def test_a_score_has_the_rank_that_it_would_have(
    monkeypatch: pytest.MonkeyPatch, score: str, rank: int, percentile: str
) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    body = get("/leaderBoard", hackathonName="StarWar", rankOfScore=score)["body"]
    assert (body["rank"], body["percentile"]) == (rank, Decimal(percentile))


def test_a_histogram_counts_everybody_once(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    body = get("/leaderBoard/StarWar/histogram")["body"]
    assert sum(bar["count"] for bar in body["bars"]) == body["total"] == 3
    assert [bar["from"] for bar in body["bars"] if bar["count"]] == [60, 70, 90]


def test_a_cache_may_keep_answers_for_a_second_what_a_request_causes_too_but_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = FakeTable(SAMPLE)
    serve(monkeypatch, table)

    def kept(path: str, **parameters: str) -> tuple[int, str]:
        answer = get(path, **parameters)
        return answer["statusCode"], answer["headers"]["Cache-Control"]

    assert kept("/leaderBoard", hackathonName="StarWar") == (200, "public, max-age=1, stale-while-revalidate=1")
    assert kept("/leaderBoard", hackathonName="No") == (404, "public, max-age=1")
    assert kept("/leaderBoard", limit="0") == (400, "public, max-age=1")
    serve(monkeypatch, table)
    monkeypatch.setattr(table, "query", lambda **_: (_ for _ in ()).throw(client_error("ThrottlingException")))
    assert kept("/leaderBoard") == (503, "no-store")


def test_an_unchanged_answer_is_a_304(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    tag = handler.handle({"path": "/leaderBoard"}, None)["headers"]["ETag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = handler.handle({"path": "/leaderBoard", "headers": {"If-None-Match": known}}, None)
        assert (answer["statusCode"], answer["body"], answer["headers"]["ETag"]) == (304, "", tag)
    assert handler.handle({"path": "/leaderBoard", "headers": {"if-none-match": '"old"'}}, None)["statusCode"] == 200


def test_head_answers_like_get_without_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    got, head = (handler.handle({"path": "/leaderBoard", "httpMethod": method}, None) for method in ("GET", "HEAD"))
    assert head == got | {"body": ""}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_a_method_that_is_not_allowed_is_a_405_that_lists_the_allowed_ones(method: str) -> None:
    answer = handler.handle({"path": "/leaderBoard", "httpMethod": method}, None)
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert json.loads(answer["body"])["title"] == "Method Not Allowed"


def test_options_allows_any_page_to_read_and_revalidate() -> None:
    answer = handler.handle({"path": "/leaderBoard", "httpMethod": "OPTIONS"}, None)
    assert (answer["statusCode"], answer["body"]) == (204, "")
    assert answer["headers"]["Access-Control-Allow-Headers"] == "If-None-Match, X-Api-Key"
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"


def test_an_error_of_dynamodb_is_a_503_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(FakeTable):
        def query(self, **request: Any) -> Item:
            raise client_error("InternalServerError", 500)

    serve(monkeypatch, Broken(SAMPLE))
    answer = get("/participants/1")
    assert (answer["statusCode"], answer["body"]["status"]) == (503, 503)
    assert answer["headers"]["Content-Type"] == "application/problem+json"


def test_an_index_that_is_changed_all_the_time_is_a_503_that_says_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(SAMPLE)
    for _, board in [key for key in table.board_items if key[1] == "StarWar"]:
        fence = {"collection": {"S": f"counters/0//{board}"}, "name": {"S": board}, "f": {"N": "7"}, "0": {"N": "3"}}
        table.put_item(TableName="boards", Item=fence)
    serve(monkeypatch, table)
    answer = get("/leaderBoard/StarWar/participants/1")
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (503, "application/problem+json")
    assert "try again in a second" in answer["body"]["detail"]

import json
import operator
import re
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.api import handler, standings
from scorecast.api.answer import json_text, page_answer
from scorecast.api.standings import Standings
from scorecast.ranks import lookup
from scorecast.ranks.counters import Counters
from scorecast.ranks.policy import DEFAULT, BoardPolicy, Order, Ties, policy_item
from scorecast.ranks.ties import tie_order
from tests.fakes import client_error


@dataclass
class FakeTable:
    """A leaderboard as LeaderGet reads it: entries as (board, id, score), pages of at most `page_size` items.

    On a board whose ties have an order, `reached` says by id when the score was reached; the others are not in it yet.
    """

    entries: list[tuple[str, str, str]]
    page_size: int = 1000
    names: dict[str, str] = field(default_factory=dict)
    policies: dict[str, BoardPolicy] = field(default_factory=dict)
    reached: dict[str, str] = field(default_factory=dict)
    read: int = 0
    counted: int = 0

    def query(self, **request) -> dict:
        values = request["ExpressionAttributeValues"]
        if ":boards" in values:
            boards = sorted({entry[0] for entry in self.entries} | {"empty"})
            return self._named([{"name": {"S": board}} for board in boards], request, "name")
        if ":id" in values:
            return self._named(self._chosen(values, ""), request, "metadata")
        items = self._chosen(values, request["KeyConditionExpression"])
        if not request.get("ScanIndexForward", True):
            items.reverse()
        start = request.get("ExclusiveStartKey")
        if start and request["IndexName"] == "ties":
            # A text goes on after any text, whether or not it is there; `items` are in the order that is asked for.
            passed = operator.le if request["ScanIndexForward"] else operator.ge
            at = sum(passed(one["tieOrder"]["S"], start["tieOrder"]["S"]) for one in items)
        else:
            at = next((n + 1 for n, one in enumerate(items) if start and one["id"] == start["id"]), 0)
        size = min(request.get("Limit", self.page_size), self.page_size)
        page = items[at : at + size]
        if request.get("Select") == "COUNT":
            self.counted += len(page)
            answer = {"Count": len(page)}
        else:
            self.read += len(page)
            answer = {"Count": len(page), "Items": page}
        more = items[at + size :] or len(page) == request.get("Limit")  # as DynamoDB: a full page names its last key
        return answer | ({"LastEvaluatedKey": {"id": page[-1]["id"]}} if more and page else {})

    def _named(self, items: list[dict], request: dict, key: str) -> dict:
        """A page of a list that is ordered by a name, which goes on after any name, whether or not it is there."""
        after = request.get("ExclusiveStartKey", {key: {"S": ""}})[key]["S"]
        following = [item for item in items if item[key]["S"] > after]
        page = following[: min(request["Limit"], self.page_size)]
        self.read += len(page)
        return {"Items": page} | ({"LastEvaluatedKey": {key: page[-1][key]}} if len(page) < len(following) else {})

    def get_item(self, **request) -> dict:
        found = self._by_key(request["Key"])
        return {"Item": found[0]} if found else {}

    def batch_get_item(self, *, RequestItems: dict) -> dict:
        [(table, request)] = RequestItems.items()
        if table == "leaderboard":
            return {"Responses": {table: [item for key in request["Keys"] for item in self._by_key(key)]}}
        wanted = {(key["collection"]["S"], key["name"]["S"]) for key in request["Keys"]}
        return {"Responses": {table: [item for key, item in self._counters().items() if key in wanted]}}

    def _by_key(self, key: dict) -> list[dict]:
        wanted = key["metadata"]["S"], key["id"]["S"]
        return [self._item(*entry) for entry in self.entries if entry[:2] == wanted]

    def _counters(self) -> dict[tuple[str, str], dict]:
        """The counters of the boards, all of them in lane 0."""
        items = {("policies", board): policy_item(board, policy) for board, policy in self.policies.items()}
        for board in {entry[0] for entry in self.entries}:
            counters = Counters()
            for _, _, score in (entry for entry in self.entries if entry[0] == board):
                counters.replace(None, Decimal(score))
            for node, slots in counters.nodes.items():
                key = (f"counters/0/{node}/{board}", board)
                counts = {f"slot{slot}": {"N": str(count)} for slot, count in slots.items()}
                more = {"node": {"S": node}, "at": {"S": UPDATED_AT}}
                items[key] = {"collection": {"S": key[0]}, "name": {"S": board}} | more | counts
        return items

    def _chosen(self, values: dict, condition: str) -> list[dict]:
        """The items of a key condition, in the order of the index."""
        if ":id" in values:
            return [self._item(*entry) for entry in sorted(self.entries) if entry[1] == values[":id"]["S"]]
        if condition.startswith("tieBoard = :board"):
            tied = [self._item(*one) for one in self.entries if one[0] == values[":board"]["S"]]
            begin = values.get(":begin", {"S": ""})["S"]
            assert condition == "tieBoard = :board" + (" AND tieOrder >= :begin" if begin else "")
            in_order = sorted((one for one in tied if "tieOrder" in one), key=lambda one: one["tieOrder"]["S"])
            return [one for one in in_order if one["tieOrder"]["S"] >= begin]
        names = (":score", ":begin", ":low", ":high")
        asked, begin, low, high = (Decimal(values.get(name, {"N": "NaN"})["N"]) for name in names)
        tests = {
            "hackathonName = :board": lambda score: True,
            "hackathonName = :board AND projectScore > :score": lambda score: score > asked,
            "hackathonName = :board AND projectScore < :score": lambda score: score < asked,
            "hackathonName = :board AND projectScore <= :begin": lambda score: score <= begin,
            "hackathonName = :board AND projectScore >= :begin": lambda score: score >= begin,
            "hackathonName = :board AND projectScore BETWEEN :low AND :high": lambda score: low <= score <= high,
        }
        on_board = [one for one in self.entries if one[0] == values[":board"]["S"]]
        chosen = [one for one in on_board if tests[condition](Decimal(one[2]))]
        return [self._item(*one) for one in sorted(chosen, key=lambda one: (Decimal(one[2]), one[1]))]

    def _item(self, board: str, participant: str, score: str) -> dict:
        item = {"id": {"S": participant}, "metadata": {"S": board}, "projectScore": {"N": score}}
        item |= {"sequence": {"S": "7"}, "at": {"S": UPDATED_AT}}
        policy = self.policies.get(board, DEFAULT)
        if policy.ties is Ties.EARLIEST and participant in self.reached:
            text = tie_order(Decimal(score), policy.order, self.reached[participant], "7")
            item |= {"tieBoard": {"S": board}, "tieOrder": {"S": text}}
        return item | ({"userName": {"S": self.names[participant]}} if participant in self.names else {})


UPDATED_AT = "2026-01-02T03:04:05Z"
SAMPLE = [("StarWar", "1", "60"), ("StarWar", "2", "90"), ("StarWar", "3", "70"), ("WarCraft", "4", "100")]


def serve(monkeypatch: pytest.MonkeyPatch, table: FakeTable) -> None:
    reader = Standings(table, "leaderboard", "index", "ties", "boards", "key")
    monkeypatch.setattr(handler, "standings", lambda: reader)


def get(path: str, **parameters: str) -> dict:
    answer = handler.handle({"path": path, "queryStringParameters": parameters or None}, None)
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"
    return answer | {"body": json.loads(answer["body"], parse_float=Decimal)}


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


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 100])
def test_pages_of_any_size_give_every_entry_once_with_its_rank(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    scores = [9, 8, 8, 8, 5, 5, 1]
    serve(monkeypatch, FakeTable([("b", f"p{at}", str(score)) for at, score in enumerate(scores)]))
    seen, token = [], {}
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
def test_what_is_not_there_is_a_404_problem(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
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


def test_a_page_reads_only_the_entries_that_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable([("b", str(at), str(at)) for at in range(50)])
    serve(monkeypatch, table)
    get("/leaderBoard", hackathonName="b", limit="5")
    assert table.read == 5


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("counted_total", [0, 1000])
def test_ranks_are_the_same_by_count_and_by_the_index(
    monkeypatch: pytest.MonkeyPatch, counted_total: int, order: Order
) -> None:
    monkeypatch.setattr(lookup, "COUNTED_TOTAL", counted_total)
    scores = ["-3.5", "0", "0", "12", "12.000001", "12.000002", "120", "1E+20", "0.0007"]
    entries = [("b", f"p{at}", score) for at, score in enumerate(scores)]
    serve(monkeypatch, FakeTable(entries, policies={"b": BoardPolicy(order=order)}))
    for at, score in enumerate(scores):
        body = get(f"/leaderBoard/b/participants/p{at}")["body"]
        assert body["rank"] == 1 + sum(order.is_better(Decimal(other), Decimal(score)) for other in scores)
        assert body["total"] == len(scores)


def test_on_a_large_board_a_rank_reads_only_the_last_range(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable([("b", str(at), str(at)) for at in range(3000)])
    serve(monkeypatch, table)
    assert get("/leaderBoard/b/participants/1234", neighbours="0")["body"]["rank"] == 1766
    assert table.counted == 0


def test_a_score_keeps_all_its_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = "1234567890123456789012345678.0123456789"
    serve(monkeypatch, FakeTable([("b", "1", digits)]))
    assert f'"projectScore": {digits}' in handler.handle({"path": "/leaderBoard/b/participants/1"}, None)["body"]


def test_hostile_names_are_json_like_any_other() -> None:
    text = '"}],"<script>\u0000\u2028名'
    assert json.loads(json_text({text: [text, Decimal("1E+2"), None, True, {}]})) == {text: [text, 100, None, True, {}]}


def test_the_pages_policy_allows_its_own_script_and_style_only(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = page_answer("<style>a{}</style><script>b()</script>")
    policy = answer["headers"]["Content-Security-Policy"]
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/]{43}='; style-src 'sha256-", policy)
    assert "unsafe" not in policy


def test_the_page_is_served_at_the_root() -> None:
    answer = handler.handle({"path": "/"}, None)
    assert answer["headers"]["Content-Type"].startswith("text/html")
    assert answer["body"].startswith("<!doctype html>") or answer["body"].startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("event", [None, [], "text", {"path": 5}, {}])
def test_whatever_comes_is_answered(event) -> None:
    assert handler.handle(event, None)["statusCode"] in (200, 404)


def best_first(entries: list[tuple[str, str, str]], order: Order) -> list[dict]:
    """The oracle: all entries of one board in the order of the index, with their ranks."""
    descending = order is Order.DESCENDING
    ordered = sorted(entries, key=lambda one: (Decimal(one[2]), one[1]), reverse=descending)
    scores = [Decimal(score) for _, _, score in ordered]
    ranks = [1 + sum(other > score if descending else other < score for other in scores) for score in scores]
    return [
        {"rank": rank, "id": participant, "userName": None, "projectScore": score}
        for rank, (_, participant, _), score in zip(ranks, ordered, scores, strict=True)
    ]


def placed(order: list[dict]) -> list[dict]:
    """Entries of the oracle as a page shows them: with their positions."""
    return [entry | {"position": at} for at, entry in enumerate(order, start=1)]


boards = st.lists(st.sampled_from(["-2", "0", "7", "7.5", "7.50001", "8", "900"]), min_size=1, max_size=25).map(
    lambda scores: [("b", f"p{at:02}", score) for at, score in enumerate(scores)]
)


@given(boards, st.integers(0, 5), st.sampled_from([0, 1000]), st.sampled_from(Order), st.data())
def test_the_neighbours_are_those_of_the_order_full_at_both_ends(
    entries: list, each: int, counted_total: int, declared: Order, data: st.DataObject
) -> None:
    order = best_first(entries, declared)
    at = data.draw(st.integers(0, len(order) - 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "COUNTED_TOTAL", counted_total)
        serve(patch, FakeTable(entries, policies={"b": BoardPolicy(order=declared)}))
        body = get(f"/leaderBoard/b/participants/{order[at]['id']}", neighbours=str(each))["body"]
    shown = [*body["above"], {key: body[key] for key in order[at]}, *body["below"]]
    start = max(0, min(at - each, len(order) - 2 * each - 1))
    assert shown == order[start : start + 2 * each + 1]


@given(boards, st.integers(1, 30), st.integers(1, 9), st.sampled_from(Order))
def test_a_jump_to_a_position_starts_there(entries: list, position: int, limit: int, declared: Order) -> None:
    order = placed(best_first(entries, declared))
    with pytest.MonkeyPatch.context() as patch:
        serve(patch, FakeTable(entries, policies={"b": BoardPolicy(order=declared)}))
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


def test_a_jump_into_very_many_ties_starts_with_the_first_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "SKIP_MAX", 3)
    serve(monkeypatch, FakeTable([("b", f"p{at:02}", "5") for at in range(20)]))
    body = get("/leaderBoard", hackathonName="b", atRank="10", limit="2")["body"]
    assert [(entry["id"], entry["rank"]) for entry in body["entries"]] == [("p19", 1), ("p18", 1)]


def test_participants_are_compared_best_first_and_strangers_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    request = {
        "path": "/leaderBoard",
        "multiValueQueryStringParameters": {"hackathonName": ["StarWar"], "id": ["1", "9", "2"]},
    }
    body = json.loads(handler.handle(request, None)["body"])
    assert [(entry["rank"], entry["id"]) for entry in body["entries"]] == [(1, "2"), (3, "1")]
    assert body["total"] == 3


@pytest.mark.parametrize(
    ("score", "rank", "percentile"), [("100", 1, "100"), ("70", 2, "66.66"), ("69", 3, "33.33"), ("1", 4, "0")]
)
def test_a_score_has_the_rank_that_it_would_have(monkeypatch, score: str, rank: int, percentile: str) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    body = get("/leaderBoard", hackathonName="StarWar", rankOfScore=score)["body"]
    assert (body["rank"], body["percentile"]) == (rank, Decimal(percentile))


def test_a_histogram_counts_everybody_once(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    body = get("/leaderBoard/StarWar/histogram")["body"]
    assert sum(bar["count"] for bar in body["bars"]) == body["total"] == 3
    assert [bar["from"] for bar in body["bars"] if bar["count"]] == [60, 70, 90]


def test_what_has_not_changed_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    tag = handler.handle({"path": "/leaderBoard"}, None)["headers"]["ETag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = handler.handle({"path": "/leaderBoard", "headers": {"If-None-Match": known}}, None)
        assert (answer["statusCode"], answer["body"], answer["headers"]["ETag"]) == (304, "", tag)
    assert handler.handle({"path": "/leaderBoard", "headers": {"if-none-match": '"old"'}}, None)["statusCode"] == 200


def test_head_answers_as_get_does_but_for_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(SAMPLE))
    got, head = (handler.handle({"path": "/leaderBoard", "httpMethod": method}, None) for method in ("GET", "HEAD"))
    assert head == got | {"body": ""}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_another_method_is_answered_with_those_that_are_allowed(method: str) -> None:
    answer = handler.handle({"path": "/leaderBoard", "httpMethod": method}, None)
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert json.loads(answer["body"])["title"] == "Method Not Allowed"


def test_options_allows_any_page_to_read_and_revalidate() -> None:
    answer = handler.handle({"path": "/leaderBoard", "httpMethod": "OPTIONS"}, None)
    assert (answer["statusCode"], answer["body"]) == (204, "")
    assert answer["headers"]["Access-Control-Allow-Headers"] == "If-None-Match"
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"


def test_an_error_of_the_table_is_a_problem_to_come_back_to(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(FakeTable):
        def query(self, **request) -> dict:
            raise client_error("InternalServerError", 500)

    serve(monkeypatch, Broken([]))
    answer = get("/participants/1")
    assert (answer["statusCode"], answer["body"]["status"]) == (503, 503)
    assert answer["headers"]["Content-Type"] == "application/problem+json"


# ---- the board's policy


GOLF = BoardPolicy(order=Order.ASCENDING, closes_at="2026-12-01T18:00:00Z")
GOLF_ENTRIES = [("Golf", "1", "72"), ("Golf", "2", "68"), ("Golf", "3", "72"), ("Golf", "4", "-1.5")]


def test_on_an_ascending_board_the_lowest_score_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(GOLF_ENTRIES, policies={"Golf": GOLF}))
    entries = get("/leaderBoard", hackathonName="Golf")["body"]["entries"]
    assert [(one["rank"], one["position"], one["id"]) for one in entries] == [
        (1, 1, "4"),
        (2, 2, "2"),
        (3, 3, "1"),
        (3, 4, "3"),
    ]
    assert get("/leaderBoard", hackathonName="Golf", rankOfScore="70")["body"]["rank"] == 3
    body = get("/leaderBoard/Golf/participants/1")["body"]
    assert (body["rank"], body["percentile"]) == (3, 50)
    [board] = get("/participants/2")["body"]["boards"]
    assert (board["rank"], board["order"]) == (2, "ascending")


def test_participants_of_an_ascending_board_are_compared_lowest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(GOLF_ENTRIES, policies={"Golf": GOLF}))
    parameters = {"hackathonName": ["Golf"], "id": ["1", "2", "4"]}
    answer = handler.handle({"path": "/leaderBoard", "multiValueQueryStringParameters": parameters}, None)
    entries = json.loads(answer["body"])["entries"]
    assert [(entry["rank"], entry["id"]) for entry in entries] == [(1, "4"), (2, "2"), (3, "1")]


def test_a_histogram_is_in_the_order_of_the_scores_on_any_board(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(GOLF_ENTRIES, policies={"Golf": GOLF}))
    bars = get("/leaderBoard/Golf/histogram")["body"]["bars"]
    assert [bar["from"] for bar in bars] == sorted(bar["from"] for bar in bars)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/leaderBoard", {"hackathonName": "Golf"}),
        ("/leaderBoard", {"hackathonName": "Golf", "atRank": "2"}),
        ("/leaderBoard", {"hackathonName": "Golf", "rankOfScore": "70"}),
        ("/leaderBoard", {"hackathonName": "Golf", "id": "1"}),
        ("/leaderBoard/Golf/histogram", {}),
        ("/leaderBoard/Golf/participants/1", {}),
    ],
)
def test_every_answer_about_a_board_says_its_order_its_end_and_how_fresh_it_is(monkeypatch, path, parameters) -> None:
    serve(monkeypatch, FakeTable(GOLF_ENTRIES, policies={"Golf": GOLF}))
    body = get(path, **parameters)["body"]
    about = {"hackathonName": "Golf", "order": "ascending", "closesAt": GOLF.closes_at, "updatedAt": UPDATED_AT}
    assert {name: body.get(name) for name in about} == about
    assert body["total"] == 4


def test_lists_say_the_policy_of_each_board(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable([*GOLF_ENTRIES, *SAMPLE], policies={"Golf": GOLF}))
    for path in ("/leaderBoard/", "/participants/1"):
        boards = {board["hackathonName"]: board for board in get(path)["body"]["boards"]}
        assert (boards["Golf"]["order"], boards["Golf"]["closesAt"]) == ("ascending", GOLF.closes_at)
        assert boards["StarWar"]["order"] == "descending"
        assert "closesAt" not in boards["StarWar"]
        assert {board["updatedAt"] for board in boards.values()} == {UPDATED_AT}


def test_a_next_of_another_order_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(GOLF_ENTRIES)
    serve(monkeypatch, table)
    token = get("/leaderBoard", hackathonName="Golf", limit="2")["body"]["next"]
    table.policies["Golf"] = GOLF
    assert get("/leaderBoard", hackathonName="Golf", limit="2", next=token)["body"]["parameter"] == "next"


def test_a_policy_that_is_not_usable_is_a_500_that_names_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(GOLF_ENTRIES)
    monkeypatch.setattr(table, "_counters", lambda: {("policies", "Golf"): UNUSABLE})
    serve(monkeypatch, table)
    body = get("/leaderBoard", hackathonName="Golf")["body"]
    assert (body["status"], body["title"]) == (500, "Internal Server Error")
    assert "The policy of the board 'Golf' is not usable" in body["detail"]


UNUSABLE = {"collection": {"S": "policies"}, "name": {"S": "Golf"}, "order": {"S": "sideways"}}


# ---- ties in order


tied_boards = st.lists(st.tuples(st.sampled_from(["-2", "0", "7", "7.5"]), st.integers(0, 59)), min_size=1, max_size=25)


def earliest_first(entries: list[tuple[str, str, str]], reached: dict[str, str], order: Order) -> list[str]:
    """The oracle: the ids of a board, best score first, and of equal scores who was there first."""
    sign = 1 if order is Order.ASCENDING else -1
    return [one[1] for one in sorted(entries, key=lambda one: (sign * Decimal(one[2]), reached[one[1]], one[1]))]


@given(tied_boards, st.sampled_from(Order), st.integers(1, 9), st.data())
def test_where_ties_have_an_order_all_is_read_in_it(drawn: list, order: Order, limit: int, data: st.DataObject) -> None:
    entries = [("b", f"p{at:02}", score) for at, (score, _) in enumerate(drawn)]
    # Moments of their own, so that the oracle need not know how equal ones stand.
    reached = {f"p{at:02}": f"2026-01-01T00:{minute:02}:{at:02}Z" for at, (_, minute) in enumerate(drawn)}
    expected = earliest_first(entries, reached, order)
    ranks = {one["id"]: one["rank"] for one in best_first(entries, order)}
    policy = BoardPolicy(order=order, ties=Ties.EARLIEST)
    with pytest.MonkeyPatch.context() as patch:
        serve(patch, FakeTable(entries, policies={"b": policy}, reached=reached))
        seen, token = [], {}
        while token is not None:
            body = get("/leaderBoard", hackathonName="b", limit=str(limit), **token)["body"]
            seen += body["entries"]
            token = {"next": body["next"]} if "next" in body else None
        assert [one["id"] for one in seen] == expected
        assert [one["rank"] for one in seen] == [ranks[one] for one in expected]
        assert [one["position"] for one in seen] == list(range(1, len(expected) + 1))
        position = data.draw(st.integers(1, len(expected)))
        jumped = get("/leaderBoard", hackathonName="b", atRank=str(position), limit=str(limit))["body"]["entries"]
        assert jumped == seen[position - 1 : position - 1 + limit]
        body = get(f"/leaderBoard/b/participants/{expected[position - 1]}", neighbours="2")["body"]
        around = [*body["above"], {"id": body["id"], "rank": body["rank"]}, *body["below"]]
        start = max(0, min(position - 3, len(expected) - 5))
        assert [(one["id"], one["rank"]) for one in around] == [
            (one, ranks[one]) for one in expected[start : start + 5]
        ]


def test_an_entry_from_before_ties_had_an_order_still_has_a_rank_and_neighbours(monkeypatch) -> None:
    entries = [("b", "new", "5"), ("b", "old", "5"), ("b", "best", "9")]
    reached = {"new": "2026-01-03T00:00:00Z", "best": "2026-01-01T00:00:00Z"}  # the old one's last change is between
    policies = {"b": BoardPolicy(ties=Ties.EARLIEST)}
    serve(monkeypatch, FakeTable(entries, policies=policies, reached=reached))
    body = get("/leaderBoard/b/participants/old")["body"]
    assert body["rank"] == 2
    assert [[one["id"] for one in body[side]] for side in ("above", "below")] == [["best"], ["new"]]


# ---- lists, page by page


def pages_of(path: str, limit: int) -> list[list[dict]]:
    """The boards of all pages of a list."""
    pages, token = [], {}
    while True:
        body = get(path, limit=str(limit), **token)["body"]
        pages.append(body["boards"])
        if "next" not in body:
            return pages
        token = {"next": body["next"]}


@pytest.mark.parametrize("path", ["/leaderBoard/", "/participants/1"])
@pytest.mark.parametrize("limit", [1, 3, 7, 8, 100])
def test_pages_of_any_size_give_every_board_once_by_name(monkeypatch, path: str, limit: int) -> None:
    names = [f"b{at}" for at in range(7)]
    serve(monkeypatch, FakeTable([(name, "1", "5") for name in names], page_size=4))
    pages = pages_of(path, limit)
    assert [board["hackathonName"] for page in pages for board in page] == names
    assert all(len(page) <= limit for page in pages)
    assert path == "/leaderBoard/" or len(pages) == -(-7 // limit)


@pytest.mark.parametrize("path", ["/leaderBoard/", "/participants/1"])
def test_a_list_reads_a_bounded_number_of_boards_unless_asked_for_more(monkeypatch, path: str) -> None:
    table = FakeTable([(f"b{at:03}", "1", "5") for at in range(150)])
    serve(monkeypatch, table)
    body = get(path)["body"]
    assert (len(body["boards"]), "next" in body, table.read) == (100, True, 101)


def test_a_next_is_good_for_its_own_list_only(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable([(name, one, "5") for name in ("a", "b") for one in "12"]))
    token = get("/participants/1", limit="1")["body"]["next"]
    for path in ("/participants/2", "/leaderBoard/"):
        assert get(path, next=token)["body"]["parameter"] == "next"

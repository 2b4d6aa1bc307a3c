"""LeaderGet on boards with a policy, and its lists of boards."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties
from tests.support.api_fakes import SAMPLE, UPDATED_AT, Cut, FakeTable, best_first, get, serve

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
    entries = get("/leaderBoard", hackathonName="Golf", id=["1", "2", "4"])["body"]["entries"]
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
def test_every_answer_about_a_board_has_its_order_its_closing_time_and_its_last_change(
    monkeypatch: pytest.MonkeyPatch, path: str, parameters: dict[str, str]
) -> None:
    serve(monkeypatch, FakeTable(GOLF_ENTRIES, policies={"Golf": GOLF}))
    body = get(path, **parameters)["body"]
    about = {"hackathonName": "Golf", "order": "ascending", "closesAt": GOLF.closes_at, "updatedAt": UPDATED_AT}
    assert {name: body.get(name) for name in about} == about
    assert body["total"] == 4


def test_lists_have_the_policy_of_each_board(monkeypatch: pytest.MonkeyPatch) -> None:
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
    table.declare("Golf", GOLF)
    assert get("/leaderBoard", hackathonName="Golf", limit="2", next=token)["body"]["parameter"] == "next"


def test_an_unusable_policy_is_a_500_that_names_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(GOLF_ENTRIES)
    table.put_item(TableName="boards", Item=UNUSABLE)
    serve(monkeypatch, table)
    body = get("/leaderBoard", hackathonName="Golf")["body"]
    assert (body["status"], body["title"]) == (500, "Internal Server Error")
    assert "The policy of the board 'Golf' is not usable" in body["detail"]


UNUSABLE = {"collection": {"S": "policy/Golf"}, "name": {"S": "Golf"}, "order": {"S": "sideways"}}


# ---- ties in order


tied_boards = st.lists(st.tuples(st.sampled_from(["-2", "0", "7", "7.5"]), st.integers(0, 59)), min_size=1, max_size=25)


def earliest_first(entries: list[tuple[str, str, str]], reached: dict[str, str], order: Order) -> list[str]:
    """The oracle: the ids of a board, best score first; of equal scores the earliest first."""
    sign = 1 if order is Order.ASCENDING else -1
    return [one[1] for one in sorted(entries, key=lambda one: (sign * Decimal(one[2]), reached[one[1]], one[1]))]


@given(tied_boards, st.sampled_from(Order), st.integers(1, 9), st.sampled_from(Cut), st.data())
def test_on_a_board_that_orders_ties_everything_is_read_in_that_order(
    drawn: list[tuple[str, int]], order: Order, limit: int, cut: Cut, data: st.DataObject
) -> None:
    entries = [("b", f"p{at:02}", score) for at, (score, _) in enumerate(drawn)]
    # Moments of their own, so that the oracle need not know how equal ones stand.
    reached = {f"p{at:02}": f"2026-01-01T00:{minute:02}:{at:02}Z" for at, (_, minute) in enumerate(drawn)}
    expected = earliest_first(entries, reached, order)
    ranks = {one["id"]: one["rank"] for one in best_first(entries, order)}
    policy = BoardPolicy(order=order, ties=Ties.EARLIEST)
    with pytest.MonkeyPatch.context() as patch:
        serve(patch, FakeTable(entries, policies={"b": policy}, reached=reached, cut=cut))
        seen: list[Item] = []
        token: dict[str, str] | None = {}
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
        around = [*body["above"], {key: body[key] for key in ("id", "rank", "position")}, *body["below"]]
        start = max(0, min(position - 3, len(expected) - 5))
        assert [(one["id"], one["rank"], one["position"]) for one in around] == [
            (one, ranks[one], at) for at, one in enumerate(expected[start : start + 5], start + 1)
        ]
        compared = get("/leaderBoard", hackathonName="b", id=expected[:25])["body"]["entries"]
        assert compared == seen[:25]
        [board] = get(f"/participants/{expected[position - 1]}")["body"]["boards"]
        assert (board["rank"], board["position"]) == (body["rank"], position)


@pytest.mark.parametrize("order", Order)
def test_where_ties_have_an_order_participants_are_compared_in_it(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    entries = [("b", participant, "5") for participant in "abcd"] + [("b", "x", "6"), ("b", "y", "4")]
    reached = {one: f"2026-01-0{day}T00:00:00Z" for one, day in {"a": 4, "b": 2, "d": 1, "x": 9, "y": 9}.items()}
    # The board has had no order of ties yet when c was written; its last change is on the 2nd, after b's.
    policies = {"b": BoardPolicy(order=order, ties=Ties.EARLIEST)}
    serve(monkeypatch, FakeTable(entries, policies=policies, reached=reached))
    entries_of = get("/leaderBoard", hackathonName="b", id=list("abcdxy"))["body"]["entries"]
    compared = [(one["rank"], one["id"]) for one in entries_of]
    best, worst = ("x", "y") if order is Order.DESCENDING else ("y", "x")
    assert compared == [(1, best), (2, "d"), (2, "b"), (2, "c"), (2, "a"), (6, worst)]


def test_an_entry_from_before_ties_had_an_order_still_has_a_rank_and_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries = [("b", "new", "5"), ("b", "old", "5"), ("b", "best", "9")]
    reached = {"new": "2026-01-03T00:00:00Z", "best": "2026-01-01T00:00:00Z"}  # the old one's last change is between
    policies = {"b": BoardPolicy(ties=Ties.EARLIEST)}
    serve(monkeypatch, FakeTable(entries, policies=policies, reached=reached))
    body = get("/leaderBoard/b/participants/old")["body"]
    assert body["rank"] == 2
    assert "position" not in body
    assert [[one["id"] for one in body[side]] for side in ("above", "below")] == [["best"], ["new"]]


# ---- lists, page by page


def pages_of(path: str, limit: int) -> list[list[Item]]:
    """The boards of all pages of a list."""
    pages: list[list[Item]] = []
    token: dict[str, str] = {}
    while True:
        body = get(path, limit=str(limit), **token)["body"]
        pages.append(body["boards"])
        if "next" not in body:
            return pages
        token = {"next": body["next"]}


@pytest.mark.parametrize("path", ["/leaderBoard/", "/participants/1"])
@pytest.mark.parametrize("limit", [1, 3, 7, 8, 100])
def test_pages_of_any_size_give_every_board_once_by_name(
    monkeypatch: pytest.MonkeyPatch, path: str, limit: int
) -> None:
    names = [f"b{at}" for at in range(7)]
    serve(monkeypatch, FakeTable([(name, "1", "5") for name in names], page_size=4))
    pages = pages_of(path, limit)
    assert [board["hackathonName"] for page in pages for board in page] == names
    assert all(len(page) <= limit for page in pages)
    assert path == "/leaderBoard/" or len(pages) == -(-7 // limit)


@pytest.mark.parametrize("path", ["/leaderBoard/", "/participants/1"])
def test_a_list_reads_a_bounded_number_of_boards_unless_asked_for_more(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    table = FakeTable([(f"b{at:03}", "1", "5") for at in range(150)])
    serve(monkeypatch, table)
    body = get(path)["body"]
    assert (len(body["boards"]), "next" in body, table.read) == (100, True, 101)


def test_a_next_is_valid_for_its_own_list_only(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable([(name, one, "5") for name in ("a", "b") for one in "12"]))
    token = get("/participants/1", limit="1")["body"]["next"]
    for path in ("/participants/2", "/leaderBoard/"):
        assert get(path, next=token)["body"]["parameter"] == "next"

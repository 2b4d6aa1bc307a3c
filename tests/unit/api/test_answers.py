"""Every answer about a board against a sorted list: in both orders, with and without an order of ties, however cut."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from scorecast.api.endpoints import entries as entries_endpoint
from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.index.table import ROOT, SHAPE
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties
from tests.support.api_fakes import Cut, FakeTable, best_first, get, placed, serve
from tests.support.index_oracle import read_node

# Some scores are shared by more entries than a small range holds.
SCORES = [str(score) for score in (*range(-20, 20), *[3] * 9, *[-7] * 4, "0.5", "1E+20", "-1E-20")]


@dataclass
class Sorted:
    """The oracle: the entries of the board b, best first, with their ranks and positions."""

    entries: list[Item]
    has_positions: bool

    def shown(self, entry: Item) -> Item:
        """An entry in an answer other than a page."""
        return entry if self.has_positions else {name: value for name, value in entry.items() if name != "position"}


COLUMNS = "penalty:descending,solvedAt:ascending"
# Ties always have an order on a board with columns.
CASES = [*product(Order, Ties, Cut, [""]), *product(Order, [Ties.UNORDERED], Cut, [COLUMNS])]
PENALTIES = ["", "-3", "0", "12.5", "1E+20"]
TIMES = ["", "2026-01-01T10:00:00Z", "2026-01-01T10:00:00.000001Z", "1969-12-31T23:59:59.500000Z"]


def board_of(order: Order, ties: Ties, cut: Cut, then_by: str = "") -> tuple[FakeTable, Sorted]:
    """Return a board, and its entries as they are listed."""
    draw = random.Random(1)
    drawn = draw.sample(SCORES, len(SCORES))
    entries = [("b", f"p{at:02}", score) for at, score in enumerate(drawn)]
    seconds = draw.sample(range(60), len(entries))
    reached = {one[1]: f"2026-01-01T00:00:{second:02}Z" for one, second in zip(entries, seconds, strict=True)}
    policy = BoardPolicy(order=order, ties=ties, then_by=then_by)
    values = {one[1]: (draw.choice(PENALTIES), draw.choice(TIMES)) for one in entries}
    columns = {one: some[: len(policy.columns)] for one, some in values.items()}
    table = FakeTable(entries, policies={"b": policy}, reached=reached, columns=columns, cut=cut)
    return table, sorted_by(table, order, ties, then_by)


def sorted_by(table: FakeTable, order: Order, ties: Ties, then_by: str = "") -> Sorted:
    listed = best_first(table.scores_of("b"), order)
    if then_by:
        listed = [entry | {"thenBy": then_of(table.columns[entry["id"]], then_by)} for entry in listed]
        keys = {entry["id"]: (entry["rank"], worth(entry["thenBy"], then_by)) for entry in listed}
        listed = [entry | {"rank": 1 + sum(one < keys[entry["id"]] for one in keys.values())} for entry in listed]
    if ties is Ties.EARLIEST or then_by:
        listed.sort(key=lambda entry: (entry["rank"], table.reached[entry["id"]]))
    return Sorted(placed(listed), ties is Ties.EARLIEST or bool(then_by))


def then_of(values: tuple[str, ...], then_by: str) -> dict[str, Any]:
    """The columns as an answer has them."""
    names = [one.partition(":")[0] for one in then_by.split(",")]
    shown = [None if not value else value if "T" in value else Decimal(value) for value in values]
    return dict(zip(names, shown, strict=True))


def worth(then: dict[str, Any], then_by: str) -> list[tuple[bool, float]]:
    """The columns as something to sort by: a missing value is the last."""
    times = {at: number for number, at in enumerate(sorted((one for one in TIMES if one), key=datetime.fromisoformat))}
    numbers = {name: times.get(value, value) for name, value in then.items()}
    signs = [-1 if one.endswith(":descending") else 1 for one in then_by.split(",")]
    pairs = zip(numbers.values(), signs, strict=True)
    return [(value is None, 0 if value is None else float(value) * sign) for value, sign in pairs]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
def board(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sorted]:
    table, expected = board_of(*request.param)
    serve(monkeypatch, table)
    yield expected
    table.check()


def page(**parameters: str) -> Item:
    body: Item = get("/leaderBoard", hackathonName="b", **parameters)["body"]
    return body


def test_boards_are_cut_as_they_say() -> None:
    nodes = {cut: read_node(board_of(Order.DESCENDING, Ties.EARLIEST, cut)[0], "b", ROOT) for cut in Cut}
    assert {cut: (node.ties, node.shape.is_inner) for cut, node in nodes.items()} == {
        Cut.NONE: ("", False),
        Cut.REAL: ("", False),
        Cut.RANGES: ("descending", False),
        Cut.PAGES: ("descending", True),
    }
    assert len(nodes[Cut.RANGES].shape.ids) > 10
    assert len(nodes[Cut.PAGES].shape.ids) > 3


@pytest.mark.parametrize("limit", ["1", "7", "100"])
def test_pages(board: Sorted, limit: str) -> None:
    shown, body = [], page(limit=limit)
    shown += body["entries"]
    while "next" in body:
        body = page(limit=limit, next=body["next"])
        shown += body["entries"]
    assert shown == board.entries


def test_jumps_to_every_position_and_on_from_there(board: Sorted) -> None:
    for at in range(len(board.entries)):
        body = page(limit="3", atRank=str(at + 1))
        assert body["entries"] == board.entries[at : at + 3]
        if "next" in body:
            assert page(limit="3", next=body["next"])["entries"] == board.entries[at + 3 : at + 6]
    assert get("/leaderBoard", hackathonName="b", atRank=str(len(board.entries) + 1))["statusCode"] == 404


@pytest.mark.parametrize("each", [0, 1, 5])
def test_participants_with_their_neighbours(board: Sorted, each: int) -> None:
    expected = [board.shown(entry) for entry in board.entries]
    total = len(expected)
    for at, entry in enumerate(expected):
        body = get(f"/leaderBoard/b/participants/{entry['id']}", neighbours=str(each))["body"]
        assert {name: body.get(name) for name in entry} == entry
        assert ("position" in body) == board.has_positions
        start = max(0, min(at - each, total - 2 * each - 1))
        assert body["above"] == expected[start:at]
        assert body["below"] == expected[at + 1 : start + 2 * each + 1]
        worse_or_equal = total - entry["rank"] + 1
        assert abs(body["percentile"] - Decimal(100 * worse_or_equal) / total) < Decimal("0.01")


def test_several_participants(board: Sorted) -> None:
    chosen = random.Random(2).sample(board.entries, 25)
    body = page_of_ids([*(entry["id"] for entry in chosen[:24]), "nobody"])
    # Where ties have no order, those with one score are sorted by id.
    expected = sorted(chosen[:24], key=lambda one: (one["rank"], one["position"] if board.has_positions else one["id"]))
    assert body["entries"] == [board.shown(entry) for entry in expected]


def test_several_participants_are_also_ranked_among_each_other(board: Sorted) -> None:
    chosen = random.Random(3).sample(board.entries, 25)
    body = page_of_ids([*(entry["id"] for entry in chosen[:24]), "nobody"], among="true")
    ranks = [entry["rank"] for entry in chosen[:24]]
    among = [one.pop("rankAmong") for one in body["entries"]]
    assert among == [1 + sum(better < one["rank"] for better in ranks) for one in body["entries"]]
    assert body == page_of_ids([entry["id"] for entry in chosen[:24]])


def page_of_ids(ids: list[str], **parameters: str) -> Item:
    body: Item = get("/leaderBoard", hackathonName="b", id=ids, **parameters)["body"]
    return body


def test_ranks_of_scores(board: Sorted) -> None:
    descending = board.entries[0]["projectScore"] > board.entries[-1]["projectScore"]
    for score in (*SCORES, "2.5", "-7.0001", "9.99E125", "-9.99E125", "1E-130"):
        better = [one for one in board.entries if (one["projectScore"] > Decimal(score)) == descending]
        better = [one for one in better if one["projectScore"] != Decimal(score)]
        assert page(rankOfScore=score)["rank"] == len(better) + 1


def test_the_histogram(board: Sorted) -> None:
    body = get("/leaderBoard/b/histogram")["body"]
    scores = [entry["projectScore"] for entry in board.entries]
    for bar in body["bars"]:
        assert bar["count"] == sum(bar["from"] <= score < bar["to"] for score in scores)
    assert sum(bar["count"] for bar in body["bars"]) == len(scores) == body["total"]


def test_the_boards_of_a_participant(board: Sorted) -> None:
    for entry in board.entries:
        [shown] = get(f"/participants/{entry['id']}")["body"]["boards"]
        expected = board.shown(entry)
        assert {name: shown.get(name) for name in expected if name != "id"} == {
            name: value for name, value in expected.items() if name != "id"
        }
        assert ("position" in shown) == board.has_positions


# ---- a policy that changes after the board was cut


def check_answers(expected: Sorted) -> None:
    """Assert what the tests above assert, of a board as it is now."""
    test_pages(expected, "7")
    test_jumps_to_every_position_and_on_from_there(expected)
    test_participants_with_their_neighbours(expected, 5)
    test_ranks_of_scores(expected)
    test_the_histogram(expected)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("cut", [Cut.RANGES, Cut.PAGES])
def test_ties_that_get_an_order_after_the_board_was_cut(
    monkeypatch: pytest.MonkeyPatch, order: Order, cut: Cut
) -> None:
    """Ranks and pages are right once the entries were written again; positions of single entries need a rebuild."""
    table, _ = board_of(order, Ties.UNORDERED, cut)
    table.declare("b", BoardPolicy(order=order, ties=Ties.EARLIEST))
    table.put(table.scores_of("b"))  # as a backfill does
    table.check()
    serve(monkeypatch, table)
    expected = sorted_by(table, order, Ties.EARLIEST)
    expected.has_positions = False
    check_answers(expected)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("cut", [Cut.RANGES, Cut.PAGES])
def test_ties_that_lose_their_order_after_the_board_was_cut(
    monkeypatch: pytest.MonkeyPatch, order: Order, cut: Cut
) -> None:
    table, _ = board_of(order, Ties.EARLIEST, cut)
    table.declare("b", BoardPolicy(order=order))
    serve(monkeypatch, table)
    expected = sorted_by(table, order, Ties.UNORDERED)
    check_answers(expected)
    # Among very many ties a jump gives the first of them.
    monkeypatch.setattr(entries_endpoint, "SKIP_MAX", 3)
    first = next(one for one in expected.entries if one["projectScore"] == 3)
    at = first["position"] + 9
    assert page(limit="2", atRank=str(at))["entries"][0] == first


@pytest.mark.parametrize("before", ["", "earliest", "penalty:descending"])
@pytest.mark.parametrize("cut", [Cut.NONE, Cut.RANGES, Cut.PAGES])
def test_columns_that_are_declared_on_a_board_with_entries(
    monkeypatch: pytest.MonkeyPatch, before: str, cut: Cut
) -> None:
    """All is right once the entries were written again, but for positions of single entries, which need a rebuild."""
    then_by = "penalty:ascending,solvedAt:descending"
    ties = Ties.EARLIEST if before == "earliest" else Ties.UNORDERED
    table, _ = board_of(Order.DESCENDING, ties, cut, before if ":" in before else "")
    draw = random.Random(3)
    table.columns = {one: (draw.choice(PENALTIES), draw.choice(TIMES)) for one in table.columns}
    table.declare("b", BoardPolicy(then_by=then_by))
    table.put(table.scores_of("b"))  # as a backfill does
    table.check()
    serve(monkeypatch, table)
    expected = sorted_by(table, Order.DESCENDING, Ties.UNORDERED, then_by)
    expected.has_positions = bool(before) or cut is Cut.NONE
    check_answers(expected)


@pytest.mark.parametrize("cut", [Cut.NONE, Cut.RANGES, Cut.PAGES])
def test_columns_that_are_withdrawn(monkeypatch: pytest.MonkeyPatch, cut: Cut) -> None:
    table, _ = board_of(Order.DESCENDING, Ties.UNORDERED, cut, "penalty:ascending")
    table.declare("b", BoardPolicy())
    serve(monkeypatch, table)
    check_answers(sorted_by(table, Order.DESCENDING, Ties.UNORDERED))


@pytest.mark.parametrize("ties", Ties)
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("cut", [Cut.RANGES, Cut.PAGES])
def test_an_order_that_is_reversed_after_the_board_was_cut_by_it(
    monkeypatch: pytest.MonkeyPatch, order: Order, ties: Ties, cut: Cut
) -> None:
    """Ranks are counted then. Where ties have an order, all is right once the entries were written again."""
    table, _ = board_of(order, Ties.EARLIEST, cut)
    [reversed_order] = set(Order) - {order}
    table.declare("b", BoardPolicy(order=reversed_order, ties=ties))
    if ties is Ties.EARLIEST:
        table.put(table.scores_of("b"))
    serve(monkeypatch, table)
    expected = sorted_by(table, reversed_order, ties)
    check_answers(expected)


@pytest.mark.parametrize("ties", Ties)
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("cut", [Cut.RANGES, Cut.PAGES])
def test_a_board_that_is_cut_while_it_is_read_is_looked_up_again(
    monkeypatch: pytest.MonkeyPatch, order: Order, ties: Ties, cut: Cut
) -> None:
    """If the order of ties becomes a part of its keys, they are made again."""
    for at in range(0, len(SCORES), 9):
        table, expected = board_of(order, ties, Cut.NONE)
        serve(monkeypatch, table)
        cut_during_the_next_read(monkeypatch, table, cut)
        entry = expected.shown(expected.entries[at])
        body = get(f"/leaderBoard/b/participants/{entry['id']}", neighbours="0")["body"]
        assert read_node(table, "b", ROOT).shape.version
        assert {name: body.get(name) for name in entry} == entry


def cut_during_the_next_read(monkeypatch: pytest.MonkeyPatch, table: FakeTable, cut: Cut) -> None:
    """Have the board cut while its root is read: the read finds no shape, and the counts of the new one."""
    read = table.batch_get_item

    def opening(**request: Any) -> Item:
        monkeypatch.setattr(table, "batch_get_item", read)
        table.cut(cut)
        answer = read(**request)
        items = answer["Responses"]["boards"]
        return {"Responses": {"boards": [one for one in items if not one["collection"]["S"].startswith(SHAPE)]}}

    monkeypatch.setattr(table, "batch_get_item", opening)

"""A board, page by page, while its entries change between the pages."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.api.endpoints import entries as entries_endpoint
from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.index.lookup import Standing
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties
from tests.support.api_fakes import Cut, Entries, FakeTable, get, serve


def board_of(*scores: str) -> Entries:
    """Entries p00, p01, ... of the board b."""
    return [("b", f"p{at:02}", score) for at, score in enumerate(scores)]


def page_of(limit: int, **parameters: str) -> Item:
    body: Item = get("/leaderBoard", hackathonName="b", limit=str(limit), **parameters)["body"]
    return body


def walk(limit: int, between: Callable[[], None] = lambda: None) -> Iterator[Item]:
    """Read all pages of the board b; something may happen between two pages."""
    body = page_of(limit)
    yield body
    while "next" in body:
        between()
        body = page_of(limit, next=body["next"])
        yield body


def ids(pages: Iterator[Item]) -> list[str]:
    return [entry["id"] for page in pages for entry in page["entries"]]


# ---- entries that are removed, added or moved between two pages


def test_the_last_entries_are_shown_after_earlier_ones_were_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(board_of("8", "7", "6", "5", "4", "3", "2", "1"))
    serve(monkeypatch, table)
    first = page_of(3)
    table.remove("b", "p00", "p01")
    second = page_of(3, next=first["next"])
    third = page_of(3, next=second["next"])
    shown = [entry["id"] for page in (first, second, third) for entry in page["entries"]]
    assert shown == [f"p{at:02}" for at in range(8)]
    assert "next" not in third


def test_a_page_continues_after_an_entry_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(board_of("8", "7", "6", "5"))
    serve(monkeypatch, table)
    token = page_of(2)["next"]
    table.remove("b", "p01")
    assert [entry["id"] for entry in page_of(2, next=token)["entries"]] == ["p02", "p03"]


def test_a_page_after_the_last_entries_were_deleted_is_empty_and_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(board_of("8", "7", "6"))
    serve(monkeypatch, table)
    token = page_of(2)["next"]
    table.remove("b", "p02")
    body = page_of(2, next=token)
    assert (body["entries"], "next" in body, body["total"]) == ([], False, 2)


def test_a_full_last_page_has_no_next(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, FakeTable(board_of("8", "7", "6", "5")))
    assert ["next" in page for page in walk(2)] == [True, False]


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("cut", Cut)
def test_after_a_new_leader_a_later_page_has_the_ranks_of_now(
    monkeypatch: pytest.MonkeyPatch, order: Order, cut: Cut
) -> None:
    sign = "" if order is Order.DESCENDING else "-"
    entries = board_of(*(f"{sign}{score}" for score in "87654321"))
    table = FakeTable(entries, policies={"b": BoardPolicy(order=order)}, cut=cut)
    serve(monkeypatch, table)
    token = page_of(3)["next"]
    table.put([("b", "new", f"{sign}9")])
    body = page_of(3, next=token)
    ranks = [(entry["id"], entry["rank"], entry["position"]) for entry in body["entries"]]
    assert ranks == [("p03", 5, 5), ("p04", 6, 6), ("p05", 7, 7)]
    assert get("/leaderBoard/b/participants/p03")["body"]["rank"] == 5


@pytest.mark.parametrize("ties", Ties)
@pytest.mark.parametrize("limit", [2, 3, 7])
@pytest.mark.parametrize("cut", Cut)
def test_tied_entries_that_continue_on_a_page_have_the_ranks_and_positions_of_now(
    monkeypatch: pytest.MonkeyPatch, ties: Ties, limit: int, cut: Cut
) -> None:
    table = FakeTable(
        board_of("9", *["5"] * 9, "4"),
        policies={"b": BoardPolicy(ties=ties)},
        reached={f"p{at:02}": f"2026-01-01T00:00:{at:02}Z" for at in range(11)},
        cut=cut,
    )
    serve(monkeypatch, table)
    first = page_of(limit)
    table.remove("b", "p00", first["entries"][1]["id"])
    body = page_of(limit, next=first["next"])
    position = limit - 1  # two of those before are gone
    assert [entry["position"] for entry in body["entries"]] == list(range(position, position + len(body["entries"])))
    expected = [1 if entry["projectScore"] == 5 else 9 for entry in body["entries"]]
    assert [entry["rank"] for entry in body["entries"]] == expected


def test_among_very_many_ties_the_positions_continue_from_the_page_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_endpoint, "SKIP_MAX", 3)
    serve(monkeypatch, FakeTable(board_of("9", *["5"] * 20)))
    shown = [(entry["rank"], entry["position"]) for page in walk(4) for entry in page["entries"]]
    assert shown == [(1, 1), *((2, at) for at in range(2, 22))]


def test_a_later_page_reads_a_bounded_number_of_entries_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_endpoint, "SKIP_MAX", 30)
    table = FakeTable(board_of(*["5"] * 600), cut=Cut.REAL)
    serve(monkeypatch, table)
    for page in walk(100):
        assert len(page["entries"]) == 100
    assert table.read == 605
    assert table.entries_counted == 5 * 31


def test_an_entry_that_was_added_while_its_rank_was_read_makes_no_percentile_negative() -> None:
    # The total and the entries above are read one after the other.
    assert Standing(above=3, total=2).percentile == 0
    assert Standing(above=2, total=2).percentile == 0


# ---- very many ties


@pytest.mark.parametrize("limit", [7, 50, 100])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("ties", Ties)
@pytest.mark.parametrize("cut", Cut)
def test_150_tied_entries_are_each_on_one_page_with_one_rank(
    monkeypatch: pytest.MonkeyPatch, limit: int, order: Order, ties: Ties, cut: Cut
) -> None:
    best, worst = order.best_first([Decimal(9), Decimal(1)])
    entries = [("b", f"t{at:03}", "5") for at in range(150)] + [("b", "best", str(best)), ("b", "worst", str(worst))]
    reached = {entry[1]: f"2026-01-01T00:00:00.{at:06}Z" for at, entry in enumerate(entries)}
    policies = {"b": BoardPolicy(order=order, ties=ties)}
    serve(monkeypatch, FakeTable(entries, policies=policies, reached=reached, cut=cut))
    shown = [entry for page in walk(limit) for entry in page["entries"]]
    assert sorted(entry["id"] for entry in shown) == sorted(entry[1] for entry in entries)
    assert [entry["rank"] for entry in shown] == [1, *[2] * 150, 152]
    assert [entry["position"] for entry in shown] == list(range(1, 153))
    if ties is Ties.EARLIEST:
        assert [entry["id"] for entry in shown[1:-1]] == [f"t{at:03}" for at in range(150)]


# ---- a board whose policy changes between two pages


@pytest.mark.parametrize("policy", [BoardPolicy(order=Order.ASCENDING), BoardPolicy(ties=Ties.EARLIEST)], ids=str)
def test_a_next_of_another_order_or_of_unordered_ties_is_refused(
    monkeypatch: pytest.MonkeyPatch, policy: BoardPolicy
) -> None:
    table = FakeTable(board_of("3", "2", "1"))
    serve(monkeypatch, table)
    token = page_of(1)["next"]
    table.declare("b", policy)
    body = page_of(1, next=token)
    assert (body["status"], body["parameter"]) == (400, "next")


def test_a_next_outlives_the_closing_of_its_board(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(board_of("3", "2", "1"))
    serve(monkeypatch, table)
    token = page_of(2)["next"]
    table.declare("b", BoardPolicy(closes_at="2026-01-01T00:00:00Z"))
    assert [entry["id"] for entry in page_of(2, next=token)["entries"]] == ["p02"]


# ---- any changes between any pages


SCORES = st.sampled_from(["-7", "-0.5", "0", "1", "1.0", "1E0", "2", "900", "900.1"])
WRITES = st.lists(st.tuples(st.integers(0, 19), st.none() | SCORES), max_size=6)


def apply(table: FakeTable, writes: list[tuple[int, str | None]]) -> set[str]:
    """Write or delete entries; return the participants."""
    table.put(("b", f"p{at:02}", score) for at, score in writes)
    return {f"p{at:02}" for at, _ in writes}


def standing_now(table: FakeTable, order: Order, ties: Ties) -> dict[str, tuple[int, int]]:
    """The oracle: the rank and the position of every entry of the board, from a sorted list."""
    sign = 1 if order is Order.ASCENDING else -1

    def tie(participant: str) -> tuple[str, int]:
        # Where ties have no order, the index has them by id, and reads them backwards if the highest score is best.
        return (table.reached[participant], 0) if ties is Ties.EARLIEST else ("", sign * int(participant[1:]))

    ordered = sorted((sign * Decimal(score), tie(one), one) for _, one, score in table.scores_of("b"))
    scores = [score for score, _, _ in ordered]
    return {one: (1 + scores.index(score), at) for at, (score, _, one) in enumerate(ordered, start=1)}


@settings(max_examples=300)
@given(
    st.lists(SCORES, min_size=1, max_size=20),
    st.integers(1, 5),
    st.sampled_from(Order),
    st.sampled_from(Ties),
    st.sampled_from(Cut),
    st.data(),
)
def test_an_entry_that_stands_through_a_walk_is_seen_once_and_every_rank_is_that_of_its_page(
    scores: list[str], limit: int, order: Order, ties: Ties, cut: Cut, data: st.DataObject
) -> None:
    reached = {f"p{at:02}": f"2026-01-01T00:00:{59 - at:02}Z" for at in range(20)}
    policies = {"b": BoardPolicy(order=order, ties=ties)}
    table = FakeTable(board_of(*scores), policies=policies, reached=reached, cut=cut)
    stood, changed, seen = {entry[1] for entry in table.scores_of("b")}, set(), []
    with pytest.MonkeyPatch.context() as patch:
        serve(patch, table)
        body: dict[str, Any] = page_of(limit)
        while True:
            now = standing_now(table, order, ties)
            shown = {entry["id"]: (entry["rank"], entry["position"]) for entry in body["entries"]}
            assert shown == {participant: now[participant] for participant in shown}
            seen += list(shown)
            if "next" not in body:
                break
            changed |= apply(table, data.draw(WRITES))
            table.cut(data.draw(st.sampled_from([Cut.NONE, cut])))
            if not table.scores_of("b"):
                return
            body = page_of(limit, next=body["next"])
    for participant in stood - changed:
        assert seen.count(participant) == 1

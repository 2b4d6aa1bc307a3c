import json
from dataclasses import replace
from decimal import Decimal

import pytest

from scorecast.leaderboard.columns import tie_key
from scorecast.leaderboard.item import StoredEntry, read_item
from scorecast.leaderboard.policy import BoardPolicy, Order
from scorecast.standings.announce.standing_event import ranks_of
from scorecast.standings.announce.top import (
    Snapshot,
    TopEntry,
    best,
    best_entries,
    read_snapshot,
    snapshot_item,
    top_entry_of,
)
from scorecast.standings.entry import Entry

DESCENDING, ASCENDING = Order.DESCENDING, Order.ASCENDING
HIGHEST, LOWEST = BoardPolicy(), BoardPolicy(order=Order.ASCENDING)
# The lower the penalty the better; a time is only one more column.
COLUMNS = BoardPolicy(then_by="penalty:ascending,at:descending")
TOP = (TopEntry("a", "90"), TopEntry("b", "80"), TopEntry("c", "70"))


def entry(participant: str, score: str | None) -> Entry:
    return Entry(participant, "StarWar", "1", "2026-01-01T00:00:00Z", score)


def ids(top: tuple[TopEntry, ...]) -> str:
    return "".join(entry.id for entry in top)


def test_the_best_come_first_and_the_others_are_omitted() -> None:
    assert ids(best([TopEntry("x", "75"), *reversed(TOP)], (), 3, DESCENDING)) == "abx"
    assert ids(best([TopEntry("x", "75"), *reversed(TOP)], (), 3, ASCENDING)) == "cxb"


def test_among_equal_scores_the_members_of_the_previous_top_stay_ahead() -> None:
    equal = [TopEntry(name, "70") for name in "axbc"]
    before = (TopEntry("c", "70"), TopEntry("x", "70"))
    assert ids(best(equal, before, 3, DESCENDING)) == "cxa"


def test_scores_are_compared_exactly() -> None:
    large = "12345678901234567890123456789012345678"
    entries = [TopEntry("a", large), TopEntry("b", large[:-1] + "9"), TopEntry("c", f"-{large}")]
    assert ids(best(entries, (), 3, DESCENDING)) == "bac"
    assert ids(best(entries, (), 3, ASCENDING)) == "cab"


def test_the_best_entries_are_those_with_the_best_scores_ahead_of_the_last() -> None:
    entries = [entry("a", "1"), entry("b", None), entry("c", "3"), entry("d", "2")]
    assert [one.id for one in best_entries(entries, None, 2, HIGHEST)] == ["c", "d"]
    assert [one.id for one in best_entries(entries, (Decimal(-2), ""), 2, HIGHEST)] == ["c"]
    assert [one.id for one in best_entries(entries, (Decimal(3), ""), 3, LOWEST)] == ["a", "d"]


@pytest.mark.parametrize(
    ("written", "order", "may_change"),
    [
        (entry("x", "70.01"), DESCENDING, True),
        (entry("x", "70"), DESCENDING, False),  # a tie does not enter
        (entry("x", "60"), DESCENDING, False),
        (entry("x", None), DESCENDING, False),
        (entry("c", "60"), DESCENDING, True),
        (entry("c", None), DESCENDING, True),
        (entry("x", "60"), ASCENDING, True),
        (entry("x", "80"), ASCENDING, False),
    ],
)
def test_only_entries_that_reach_the_top_or_are_in_it_may_change_it(
    written: Entry, order: Order, may_change: bool
) -> None:
    assert Snapshot("StarWar", 1, TOP).may_change_top([written], 3, BoardPolicy(order=order)) is may_change


def test_any_score_may_change_a_top_that_is_not_full_and_any_write_one_that_is_too_large_or_pending() -> None:
    assert Snapshot("StarWar", 1, TOP).may_change_top([entry("x", "-5")], 4, HIGHEST)
    assert not Snapshot("StarWar", 1, TOP).may_change_top([entry("x", None)], 4, HIGHEST)
    assert Snapshot("StarWar", 1, TOP).may_change_top([entry("x", None)], 2, HIGHEST)
    assert Snapshot("StarWar", 1, TOP, pending=()).may_change_top([entry("x", None)], 3, HIGHEST)


def test_a_top_that_needs_events_is_saved_before_it_is_announced() -> None:
    first = Snapshot("StarWar").announcing(TOP, 3, "at", 1000)
    assert (first.version, first.top, first.pending) == (1000, (), TOP)
    told = first.announced(1000)
    assert (told.version, told.top, told.pending) == (1001, TOP, None)


@pytest.mark.parametrize("top", [TOP[:2], (TOP[1], TOP[0], TOP[2]), (*TOP, TopEntry("d", "1")), ()])
def test_another_leader_or_member_needs_events(top: tuple[TopEntry, ...]) -> None:
    assert Snapshot("StarWar", 5, TOP).announcing(top, 4, "at", 0).pending == top


def test_new_scores_and_names_of_the_same_members_are_only_saved() -> None:
    moved = (TopEntry("a", "99"), TopEntry("c", "85", "C"), TopEntry("b", "80"))
    saved = Snapshot("StarWar", 5, TOP).announcing(moved, 3, "at", 0)
    assert (saved.version, saved.top, saved.pending) == (6, moved, None)


@pytest.mark.parametrize("pending", [None, (), (TopEntry("名", "-0.5", "n"),)])
def test_a_snapshot_comes_back_from_its_item(pending: tuple[TopEntry, ...] | None) -> None:
    snapshot = Snapshot("StarWar", 7, TOP, pending, 3, "2026-01-01T00:00:00Z")
    assert read_snapshot(snapshot_item(snapshot)) == snapshot


def test_the_largest_snapshot_fits_into_an_item() -> None:
    item = {
        "id": {"S": "名" * 682 + "00"},
        "metadata": {"S": "b"},
        "projectScore": {"N": "-" + "1" * 38},
        "userName": {"S": "😀" * 1000},
        "tieBoard": {"S": "b"},
        "tieOrder": {"S": tie_key(Decimal("-" + "1" * 38), ("-" + "2" * 38, "2026-01-01T00:00:00Z"), COLUMNS, "", "")},
    }
    top = tuple(top_entry_of(read_item(item), COLUMNS) for _ in range(50))
    size_bytes = len(json.dumps(snapshot_item(Snapshot("b" * 1024, 1, top, top, 50)), ensure_ascii=False).encode())
    assert size_bytes < 400 * 1024


def with_penalty(participant: str, score: str, penalty: str) -> TopEntry:
    key = tie_key(Decimal(score), (penalty,), COLUMNS, "", "1")
    return top_entry_of(StoredEntry(participant, "b", "1", "", score, tie_order=key), COLUMNS)


def test_a_top_follows_the_ranks_of_a_board_with_columns() -> None:
    entries = [with_penalty("a", "5", "300"), with_penalty("b", "5", ""), with_penalty("c", "5", "20.5")]
    entries += [with_penalty("d", "4", "0"), with_penalty("e", "5", "300.0")]
    top = best(entries, (with_penalty("e", "5", "300"),), 5, DESCENDING)
    assert ids(top) == "ceabd"
    assert ranks_of(top) == {"c": 1, "e": 2, "a": 2, "b": 4, "d": 5}
    saved = Snapshot("b", 7, top, None, 5, "2026-01-01T00:00:00Z")
    assert read_snapshot(snapshot_item(saved)) == saved


@pytest.mark.parametrize(("penalty", "may_change"), [("20", True), ("20.5", False), ("21", False), ("", False)])
def test_an_entry_enters_a_full_top_by_its_columns(penalty: str, may_change: bool) -> None:
    top = Snapshot("b", 1, (with_penalty("a", "6", "9"), with_penalty("c", "5", "20.5")))
    written = replace(entry("x", "5"), columns=(penalty,))
    assert top.may_change_top([written], 2, COLUMNS) is may_change

"""The counting index on Amazon's DynamoDB Local: the real writer, the real upkeep and the real reads."""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from math import inf
from typing import Any

import pytest

from bench.measure.contention import Stress, draw_changes, write_all
from bench.rig.boards import AT, check_index, entries_on
from bench.rig.meter import Meter, one_by_one
from bench.rig.tables import BOARDS, LEADERBOARD, index_names
from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.endpoints.participant import GetEntry
from scorecast.leaderboard.index import shape
from scorecast.leaderboard.index.table import ROOT, IndexTable
from scorecast.leaderboard.item import Key
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties, policy_item
from scorecast.standings import upkeep
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard, Result
from scorecast.standings.upkeep import Upkeep
from tests.support.fakes import Item

ENTRIES = 120
BATCH = 40


@pytest.fixture(autouse=True)
def small_ranges() -> Iterator[None]:
    """Ranges of a few entries, pages of a few ranges, and many looks, so that a small board gets several pages."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"RANGE_ENTRIES": 12, "PART_ENTRIES": 4, "MERGED_ENTRIES": 6}.items():
            patch.setattr(shape, name, value)
        patch.setattr(upkeep, "PAGE_RANGES", 10)
        patch.setattr(upkeep, "ENTRIES_A_LOOK", 5)
        yield


def entry(board: str, participant: str, score: Decimal | None, sequence: int) -> Entry:
    text = None if score is None else str(score)
    return Entry(participant, board, f"{sequence:024}", AT, text, participant, score_changed=True)


def fill(dynamodb: Any, board: str, policy: BoardPolicy, scores: dict[str, Decimal]) -> None:
    """Write entries in batches, with upkeep after each, on some of the pages and at the end on all."""
    dynamodb.put_item(TableName=BOARDS, Item=policy_item(board, policy))
    leaderboard = Leaderboard(dynamodb, LEADERBOARD, BOARDS)
    looks = Upkeep(dynamodb, LEADERBOARD, *index_names(), leaderboard.index, draw=random.Random(board).random)
    entries = [entry(board, participant, score, at) for at, (participant, score) in enumerate(scores.items())]
    results: dict[Key, Result] = {}
    for at in range(0, len(entries), BATCH):
        results |= leaderboard.write(entries[at : at + BATCH], {board: policy})
        looks.after(results.values(), {board: policy}, inf)
    assert all(result.applied for result in results.values())
    for result in [*results.values()][::10]:
        assert result.made
        looks.look_at(result.made, policy, inf)


def scores_of(draw: random.Random) -> dict[str, Decimal]:
    """Scores of which some are tied, some negative, some with 38 digits."""
    kinds = [lambda: Decimal(draw.randrange(-20, 20)), lambda: Decimal(draw.randrange(10**38)).scaleb(-37)]
    return {f"p{at:03}": draw.choice(kinds)() for at in range(ENTRIES)}


POLICIES = [BoardPolicy(order=order, ties=ties) for order in Order for ties in Ties]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_every_rank_and_position_is_that_of_the_sorted_list(engine: Any, policy: BoardPolicy) -> None:
    name, scores = str(policy), scores_of(random.Random(3))
    fill(engine.dynamodb, name, policy, scores)
    check_index(engine.dynamodb, name, entries_on(engine.dynamodb, name))
    assert IndexTable(engine.dynamodb, BOARDS).read(name, [ROOT])[ROOT].shape.is_inner
    ordered, meter = sorted(scores.values()), Meter()
    meter.watch(engine.dynamodb)
    for score in sorted({*ordered, Decimal("0.5"), Decimal(-21)})[::16]:
        meter.reset()
        with one_by_one(meter):
            standing = engine.reader.open_board(name).find(score)
        below, upto = bisect_left(ordered, score), bisect_right(ordered, score)
        above = below if policy.order is Order.ASCENDING else len(ordered) - upto
        assert (standing.above, standing.total) == (above, ENTRIES)
        assert meter.trips <= 3
        assert meter.units <= 10
    best = policy.order.best_first(ordered)
    for position in range(1, ENTRIES, 39):
        answer = ListEntries(name, 3, position=position).answer(engine.reader)
        assert [one["position"] for one in answer["entries"]] == list(range(position, min(position + 3, ENTRIES + 1)))
        assert [Decimal(one["projectScore"]) for one in answer["entries"]] == best[position - 1 : position + 2]
        one = GetEntry(name, answer["entries"][0]["id"], 1).answer(engine.reader)
        assert one["rank"] == best.index(best[position - 1]) + 1
        assert policy.ties is Ties.UNORDERED or one["position"] == position


def test_counts_equal_entries_after_kills_conflicts_and_repeats_while_the_index_is_cut(engine: Any) -> None:
    stress = Stress(changes=400, participants=150, killed=0.1, batch=20)
    changes = draw_changes(stress, "strained")
    events = write_all(engine.dynamodb, stress, changes)
    assert events["killed"] > 0
    assert events["conflicts"] > 0
    assert events["upkeep_transactions"] > 0
    last = {change.id: change for change in sorted(changes, key=lambda change: change.sequence)}
    standing = {one.id: Decimal(one.score) for one in last.values() if one.score is not None}
    entries = entries_on(engine.dynamodb, "strained")
    assert {one.id: one.number for one in entries} == standing
    check_index(engine.dynamodb, "strained", entries)


def test_the_batch_of_a_killed_writer_counts_once_when_it_is_redelivered(engine: Any) -> None:
    stress = Stress(changes=60, participants=60, writers=1, killed=0.5, batch=20)
    events = write_all(engine.dynamodb, stress, draw_changes(stress, "killed"))
    assert events["redelivered"] > 0
    check_index(engine.dynamodb, "killed", entries_on(engine.dynamodb, "killed"))


@pytest.mark.parametrize("order", Order)
def test_pages_and_neighbours_follow_the_order_of_the_board(engine: Any, order: Order) -> None:
    fill(engine.dynamodb, order, BoardPolicy(order=order), {f"p{at:02}": Decimal(at // 2) for at in range(40)})
    first = ListEntries(order, 15).answer(engine.reader)
    middle = ListEntries(order, 15, token=first["next"]).answer(engine.reader)
    last = ListEntries(order, 10, position=31).answer(engine.reader)
    entries = [*first["entries"], *middle["entries"], *last["entries"]]
    assert [one["projectScore"] for one in entries] == order.best_first([Decimal(at // 2) for at in range(40)])
    assert [one["rank"] for one in entries] == [1 + 2 * (at // 2) for at in range(40)]
    assert [one["position"] for one in entries] == list(range(1, 41))
    answer = GetEntry(order, entries[20]["id"], 3).answer(engine.reader)
    shown = [*answer["above"], {name: answer[name] for name in answer["above"][0]}, *answer["below"]]
    assert [one["id"] for one in shown] == [one["id"] for one in entries[17:24]]
    assert [one["rank"] for one in shown] == [one["rank"] for one in entries[17:24]]


@pytest.mark.parametrize("order", Order)
def test_pages_and_neighbours_follow_the_order_of_ties(engine: Any, order: Order) -> None:
    name, policy = f"ties {order}", BoardPolicy(order=order, ties=Ties.EARLIEST)
    # A later participant has a smaller id, so that the order of ids is not the expected one by chance.
    fill(engine.dynamodb, name, policy, {f"p{60 - at}": Decimal(at % 3) for at in range(40)})
    leaderboard = Leaderboard(engine.dynamodb, LEADERBOARD, BOARDS)
    again = [
        replace(entry(name, f"p{60 - at}", Decimal(at % 3), at + 100), name="renamed", score_changed=False)
        for at in range(5)
    ]
    assert all(result.applied for result in leaderboard.write(again, {name: policy}).values())
    scores = order.best_first([Decimal(0), Decimal(1), Decimal(2)])
    expected = [f"p{60 - at}" for score in scores for at in range(40) if at % 3 == score]
    entries: list[Any] = []
    page: Item = {"next": None}
    while "next" in page:
        page = ListEntries(name, 15, token=page["next"]).answer(engine.reader)
        entries += page["entries"]
    assert [one["id"] for one in entries] == expected
    assert [one["position"] for one in entries] == list(range(1, 41))
    assert {one["userName"] for one in entries} >= {"renamed"}
    jump = ListEntries(name, 5, position=20).answer(engine.reader)
    assert jump["entries"] == entries[19:24]
    answer = GetEntry(name, expected[20], 2).answer(engine.reader)
    assert [one["id"] for one in [*answer["above"], *answer["below"]]] == [*expected[18:20], *expected[21:23]]
    leaderboard.write([entry(name, expected[0], None, 200)], {name: policy})
    assert ListEntries(name, 1).answer(engine.reader)["entries"][0]["id"] == expected[1]

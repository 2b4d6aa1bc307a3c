"""The counting index on Amazon's DynamoDB Local: the real writer and the real reads; ranks against a sorted list."""

from bisect import bisect_left
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bench.measure.contention import Stress, draw_changes, write_all
from bench.rig.boards import SHAPES, Oracle, count, counters_of, draw_entries, scan
from bench.rig.meter import Meter
from bench.rig.tables import BOARDS, LEADERBOARD
from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.endpoints.participant import GetEntry
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties, policy_item
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from tests.support.fakes import Item

AT = "2026-01-01T00:00:00Z"
ENTRIES = 2_000
BATCH = 100


def entry(board: str, participant: str, score: Decimal | None, sequence: int) -> Entry:
    text = None if score is None else str(score)
    return Entry(participant, board, f"{sequence:040}", AT, text, participant)


def entries_on(dynamodb: Any, board: str) -> dict[str, Decimal]:
    items = (item for item in scan(dynamodb, LEADERBOARD) if item["metadata"]["S"] == board)
    return {item["id"]["S"]: Decimal(item["projectScore"]["N"]) for item in items if "projectScore" in item}


def declare(dynamodb: Any, board: str, order: Order) -> None:
    dynamodb.put_item(TableName=BOARDS, Item=policy_item(board, BoardPolicy(order=order)))


def rank_in(oracle: Oracle, score: Decimal, order: Order) -> int:
    """Return the rank by the sorted list; the oracle's own method ranks high scores first."""
    return 1 + bisect_left(oracle.ordered, score) if order is Order.ASCENDING else oracle.rank(score)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_rank_is_that_of_the_sorted_list(engine: Any, shape: str) -> None:
    oracle, leaderboard = Oracle(), Leaderboard(engine.dynamodb, LEADERBOARD, BOARDS)
    oracle.add(draw_entries(shape, ENTRIES))
    entries = [entry(shape, participant, score, 1) for participant, score in oracle.scores.items()]
    for at in range(0, ENTRIES, BATCH):
        results = leaderboard.write(entries[at : at + BATCH])
        assert all(result.applied for result in results.values())
    assert counters_of(engine.dynamodb, shape) == count(oracle.ordered).nodes
    for order in Order:  # the same entries and counters, read in either order
        declare(engine.dynamodb, shape, order)
        board = engine.reader.open_board(shape)
        for score in sorted(set(oracle.ordered))[::20] + oracle.ordered[:1] + oracle.ordered[-1:]:
            standing = board.find(score)
            assert (standing.rank, standing.total) == (rank_in(oracle, score, order), ENTRIES)


def test_a_lookup_takes_three_round_trips_and_few_units(engine: Any) -> None:
    # The board is as large as those of the test above, so that its ranks are looked up and not counted.
    oracle, leaderboard = Oracle(), Leaderboard(engine.dynamodb, LEADERBOARD, BOARDS)
    oracle.add(draw_entries("uniform", ENTRIES))
    entries = [entry("metered", participant, score, 1) for participant, score in oracle.scores.items()]
    for at in range(0, ENTRIES, BATCH):
        leaderboard.write(entries[at : at + BATCH])
    meter = Meter()
    meter.watch(engine.dynamodb)
    for order in Order:
        declare(engine.dynamodb, "metered", order)
        for score in oracle.ordered[::100]:
            meter.reset()
            assert engine.reader.open_board("metered").find(score).rank == rank_in(oracle, score, order)
            assert meter.calls <= 3
            assert meter.units <= 20


@pytest.mark.parametrize("order", Order)
def test_pages_and_neighbours_follow_the_order_of_the_board(engine: Any, order: Order) -> None:
    leaderboard = Leaderboard(engine.dynamodb, LEADERBOARD, BOARDS)
    leaderboard.write([entry(order, f"p{at:02}", Decimal(at // 2), 1) for at in range(40)])
    declare(engine.dynamodb, order, order)
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


def test_counters_equal_entries_after_kills_conflicts_and_repeats(engine: Any) -> None:
    stress = Stress(changes=2_000, participants=500)
    changes = draw_changes(stress, "strained")
    events = write_all(engine.dynamodb, stress, changes)
    assert events["killed"] > 0
    assert events["conflicts"] > 0
    last = {change.id: change for change in sorted(changes, key=lambda change: change.sequence)}
    standing = {one.id: Decimal(one.score) for one in last.values() if one.score is not None}
    assert entries_on(engine.dynamodb, "strained") == standing
    assert counters_of(engine.dynamodb, "strained") == count(standing.values()).nodes
    oracle = Oracle()
    oracle.add(standing.items())
    for participant in list(standing)[::10]:
        answer = GetEntry("strained", participant, 0).answer(engine.reader)
        assert (answer["rank"], answer["total"]) == (oracle.rank(standing[participant]), len(standing))


def test_the_batch_of_a_killed_writer_counts_once_when_it_is_redelivered(engine: Any) -> None:
    stress = Stress(changes=100, participants=100, writers=1, killed=0.5)
    changes = [replace(change, board="killed") for change in draw_changes(stress, "killed")]
    events = write_all(engine.dynamodb, stress, changes)
    assert events["redelivered"] > 0
    entries = entries_on(engine.dynamodb, "killed")
    assert counters_of(engine.dynamodb, "killed") == count(entries.values()).nodes


@pytest.mark.parametrize("order", Order)
def test_pages_and_neighbours_follow_the_order_of_ties(engine: Any, order: Order) -> None:
    name, policy = f"ties {order}", BoardPolicy(order=order, ties=Ties.EARLIEST)
    engine.dynamodb.put_item(TableName=BOARDS, Item=policy_item(name, policy))
    leaderboard = Leaderboard(engine.dynamodb, LEADERBOARD, BOARDS)
    # A later participant has a smaller id, so that the order of ids is not the expected one by chance.
    writes = [replace(entry(name, f"p{60 - at}", Decimal(at % 3), at), score_changed=True) for at in range(40)]
    again = [replace(entry(name, f"p{60 - at}", Decimal(at % 3), at + 100), name="renamed") for at in range(5)]
    for one in [*writes, *again]:
        assert leaderboard.write([one], {name: policy})[one.key].applied
    scores = order.best_first([Decimal(0), Decimal(1), Decimal(2)])
    expected = [f"p{60 - at}" for score in scores for at in range(40) if at % 3 == score]
    entries: list[Any] = []
    page: Item = {"next": None}
    while "next" in page:
        page = ListEntries(name, 7, token=page["next"]).answer(engine.reader)
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

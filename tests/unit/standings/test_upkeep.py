"""The upkeep of the counting index, and writers that know an older shape."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from math import inf
from typing import Any

import pytest

from scorecast.leaderboard.index import shape
from scorecast.leaderboard.index.table import ROOT, SHARDS, IndexTable
from scorecast.leaderboard.item import read_item
from scorecast.leaderboard.order_key import score_order
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Order, Ties
from scorecast.standings import upkeep as module
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard, Result
from scorecast.standings.upkeep import Upkeep
from tests.support.fakes import FakeDynamoDb, client_error
from tests.support.index_oracle import check_index, read_node
from tests.support.standings_fakes import Call, Watched

BOARD = "StarWar"


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANGE_ENTRIES": 8, "PART_ENTRIES": 2, "MERGED_ENTRIES": 4}.items():
        monkeypatch.setattr(shape, name, value)
    monkeypatch.setattr(module, "PAGE_RANGES", 8)


@pytest.fixture
def table() -> Iterator[FakeDynamoDb]:
    table = FakeDynamoDb()
    yield table
    check_index(table, BOARD)


def leaderboard_of(table: Any) -> Leaderboard:
    return Leaderboard(table, "leaderboard", "boards", lambda _: None)


def upkeep_of(table: Any, **more: Any) -> Upkeep:
    return Upkeep(table, "leaderboard", "index", "ties", IndexTable(table, "boards"), **more)


def write(leaderboard: Leaderboard, scores: dict[int, int | None], sequence: int = 1) -> list[Result]:
    """Write a score for each participant."""
    entries = [
        Entry(f"p{one}", BOARD, f"{sequence:040}", "2026-01-01T00:00:00Z", None if score is None else str(score))
        for one, score in scores.items()
    ]
    results = list(leaderboard.write(entries).values())
    assert all(result.applied for result in results)
    return results


def look(upkeep: Upkeep, table: FakeDynamoDb, participant: int, policy: BoardPolicy = DEFAULT) -> None:
    upkeep.look_at(read_item(table.items[f"p{participant}", BOARD]), policy, inf)


def test_a_small_board_has_no_shape_and_its_entries_name_no_range(table: FakeDynamoDb) -> None:
    write(leaderboard_of(table), dict.fromkeys(range(8), 5))
    look(upkeep_of(table), table, 0)
    assert [key for key, _ in table.board_items if key.startswith("shape/")] == []
    assert all("range" not in item for item in table.items.values())


def test_a_full_range_is_split_and_its_entries_name_the_new_ranges(table: FakeDynamoDb) -> None:
    write(leaderboard_of(table), {one: one for one in range(9)})
    look(upkeep_of(table), table, 0)
    root = read_node(table, BOARD, ROOT)
    assert root.shape.move is None
    assert len(root.shape.ids) > 2
    assert "0" not in root.counts
    assert {shard.fence for shard in root.shards} == {root.shape.version}


def test_a_split_takes_few_round_trips(table: FakeDynamoDb) -> None:
    write(leaderboard_of(table), {one: one for one in range(9)})
    calls: list[Call] = []
    look(upkeep_of(Watched(table, calls)), table, 0)
    assert Counter(name for name, _ in calls) == {
        "batch_get_item": 3 + 2 * 2,  # the page in three states, the first of them without knowing it
        "query": 1,  # where to cut, and so what to move
        "update_item": 1 + 2 + SHARDS,  # ids, the shape with the move and without it, the fences
        "transact_write_items": 2,  # the entries, and the counts that are removed
    }


def test_counts_that_a_writer_keeps_from_being_removed_are_removed_later(table: FakeDynamoDb) -> None:
    write(leaderboard_of(table), {one: one for one in range(9)})
    removals: list[Call] = []

    def be_in_the_way(call: Call) -> None:
        if "REMOVE" in str(call[1].get("TransactItems")):
            removals.append(call)
            if len(removals) == 1:
                error = client_error("TransactionCanceledException")
                error.response["CancellationReasons"] = [{"Code": "TransactionConflict"}]
                raise error

    look(upkeep_of(Watched(table, [], before=be_in_the_way)), table, 0)
    root = read_node(table, BOARD, ROOT)
    assert len(removals) == 2
    assert "0" not in root.counts
    assert {shard.fence for shard in root.shards} == {root.shape.version}


def test_a_writer_that_knows_the_old_shape_reads_it_again(table: FakeDynamoDb) -> None:
    late = leaderboard_of(table)
    write(late, {one: one for one in range(9)})
    look(upkeep_of(table), table, 0)
    write(late, {20: 4, 3: 100}, 2)
    assert read_item(table.items["p20", BOARD]).range == read_item(table.items["p4", BOARD]).range


def test_a_writer_that_is_late_before_the_fence_is_raised_counts_in_the_old_range(table: FakeDynamoDb) -> None:
    late = leaderboard_of(table)
    write(late, {one: one for one in range(9)})
    calls: list[Call] = []

    def write_before_the_fence(call: Call) -> None:
        if call[1].get("UpdateExpression", "").startswith("SET #f") and "p30" not in {key for key, _ in table.items}:
            write(late, {30: 4}, 2)
            check_index(table, BOARD)
            assert "range" not in table.items["p30", BOARD]

    look(upkeep_of(Watched(table, calls, before=write_before_the_fence)), table, 0)
    assert "range" in table.items["p30", BOARD]


def test_a_writer_that_knew_the_root_before_a_page_was_cut_reads_it_again(table: FakeDynamoDb) -> None:
    def root_with(scores: range) -> shape.Shape:
        write(leaderboard_of(table), {one: one for one in scores})
        for participant in scores:
            look(upkeep_of(table), table, participant)
        return read_node(table, BOARD, ROOT).shape

    before = root_with(range(100, 160))
    late = leaderboard_of(table)
    late.shapes.learn([BOARD])
    after = root_with(range(160, 220))
    keys = {score: score_order(Decimal(score), Order.ASCENDING) for score in range(100, 220)}
    cut = [score for score, key in keys.items() if before.id_at(key) == before.ids[-1]]
    assert after.id_at(keys[cut[0]]) == before.ids[-1] != after.id_at(keys[cut[-1]])
    # It reads the page when it writes an entry that is still on it, and then writes one that is on a page cut from it.
    write(late, {300: cut[0]}, 2)
    write(late, {301: cut[-1]}, 2)


def test_an_entry_that_the_index_by_score_does_not_show_yet_is_moved_later(table: FakeDynamoDb) -> None:
    leaderboard = leaderboard_of(table)
    write(leaderboard, {one: one for one in range(8)})
    table.indexed = {key: dict(item) for key, item in table.items.items()}
    write(leaderboard, {8: 8})
    look(upkeep_of(table), table, 0)
    move = read_node(table, BOARD, ROOT).shape.move
    assert move
    assert move.old == ("0",)
    table.indexed = None
    look(upkeep_of(table), table, 0)
    assert read_node(table, BOARD, ROOT).shape.move is None


def test_all_that_counts_the_entries_of_a_board_that_expires_expires_with_them(table: FakeDynamoDb) -> None:
    policy, many, few = BoardPolicy(kept_until="2999-01-01T00:00:00Z"), range(60), range(3)
    leaderboard, own = leaderboard_of(table), {"N": str(policy.expires_at)}
    leaderboard.write([_entry(one, str(one), 1) for one in many], {BOARD: policy})
    for participant in many:
        look(upkeep_of(table), table, participant, policy)
    assert read_node(table, BOARD, ROOT).shape.is_inner
    assert all(item["expiresAt"] == own for item in [*table.board_items.values(), *table.items.values()])
    leaderboard.write([_entry(one, None, 2) for one in many if one not in few], {BOARD: policy})
    for participant in few:
        look(upkeep_of(table), table, participant, policy)
    assert all(item["expiresAt"] == own for item in table.board_items.values())


def _entry(one: int, score: str | None, sequence: int) -> Entry:
    return Entry(f"p{one}", BOARD, f"{sequence:040}", "2026-01-01T00:00:00Z", score)


def test_a_page_that_is_written_to_while_it_is_cut_is_cut_another_time(table: FakeDynamoDb) -> None:
    leaderboard, calls = leaderboard_of(table), list[Call]()
    write(leaderboard, {one: one for one in range(30)})
    waits = iter(range(100, 200))

    def write_first(call: Call) -> None:
        if call[0] == "transact_write_items" and "Put" in str(call[1]):
            write(leaderboard, {next(waits): 3 for _ in range(SHARDS * 4)}, 2)

    look(upkeep_of(Watched(table, calls, before=write_first)), table, 0)
    assert not read_node(table, BOARD, ROOT).shape.is_inner
    for participant in range(30):
        look(upkeep_of(table), table, participant)
    assert read_node(table, BOARD, ROOT).shape.is_inner


def test_a_board_is_not_cut_by_ties_before_every_entry_has_its_place_among_them(table: FakeDynamoDb) -> None:
    policy = BoardPolicy(ties=Ties.EARLIEST)
    leaderboard = leaderboard_of(table)
    write(leaderboard, {one: one for one in range(9)})
    look(upkeep_of(table), table, 0, policy)
    assert not read_node(table, BOARD, ROOT).shape.version
    entries = [
        Entry(f"p{one}", BOARD, f"{2:040}", "2026-01-02T00:00:00Z", str(one), score_changed=True) for one in range(9)
    ]
    leaderboard.write(entries, {BOARD: policy})
    look(upkeep_of(table), table, 0, policy)
    assert read_node(table, BOARD, ROOT).ties
    leaderboard.write([Entry("p50", BOARD, f"{1:040}", "2026-01-02T00:00:00Z", "4")])  # the policy was taken back
    assert "tieOrder" in table.items["p50", BOARD]


def test_pages_of_what_was_written_and_replaced_are_looked_at_by_chance(table: FakeDynamoDb) -> None:
    leaderboard = leaderboard_of(table)
    write(leaderboard, {one: one for one in range(9)})
    results = write(leaderboard, {0: None}, 2)
    upkeep_of(table, draw=lambda: 1.0).after(results, {BOARD: DEFAULT}, inf)
    assert not read_node(table, BOARD, ROOT).shape.version
    write(leaderboard, {9: 9}, 3)
    upkeep_of(table, draw=lambda: 0.0, clock=lambda: 5.0).after(results, {BOARD: DEFAULT}, 5.0)
    assert not read_node(table, BOARD, ROOT).shape.version  # no time is left
    upkeep_of(table, draw=lambda: 0.0).after(results, {BOARD: DEFAULT}, inf)
    assert read_node(table, BOARD, ROOT).shape.version


def test_a_page_is_looked_at_once_a_batch(table: FakeDynamoDb) -> None:
    calls: list[Call] = []
    results = write(leaderboard_of(table), dict.fromkeys(range(8), 5))
    upkeep_of(Watched(table, calls), draw=lambda: 0.0).after(results, {BOARD: DEFAULT}, inf)
    assert [name for name, _ in calls] == ["batch_get_item"] * 3  # the root's shape, its counts, and its shape again


@pytest.mark.parametrize("operation", ["update_item", "query", "batch_get_item", "transact_write_items"])
def test_a_busy_table_ends_the_upkeep_and_not_the_batch(table: FakeDynamoDb, operation: str) -> None:
    write(leaderboard_of(table), {one: one for one in range(9)})

    def refuse(call: Call) -> None:
        if call[0] == operation:
            raise client_error("ThrottlingException")

    look(upkeep_of(Watched(table, [], before=refuse)), table, 0)


def test_an_entry_that_changes_while_it_is_moved_holds_up_no_other(table: FakeDynamoDb) -> None:
    write(leaderboard_of(table), {one: one for one in range(9)})
    attempts: list[int] = []

    def change_first(call: Call) -> None:
        if call[0] == "transact_write_items":
            attempts.append(len(call[1]["TransactItems"]))
            if len(attempts) == 1:
                write(leaderboard_of(table), {4: 400}, 2)

    look(upkeep_of(Watched(table, [], before=change_first)), table, 0)
    assert attempts[:2] == [10, 9]  # nine entries and their counts, then eight
    assert read_node(table, BOARD, ROOT).shape.move is None


def test_a_board_whose_index_somebody_broke_holds_up_no_other() -> None:
    table = FakeDynamoDb()
    broken = {"collection": {"S": "shape//Broken"}, "name": {"S": "Broken"}, "version": {"S": "one"}}
    table.put_item(TableName="boards", Item=broken)
    entries = [Entry("p", board, f"{1:040}", "2026-01-01T00:00:00Z", "5") for board in ("Broken", BOARD, "Chess")]
    results = leaderboard_of(table).write(entries)
    assert {board: result.applied for (_, board), result in results.items()} == {
        "Broken": False,
        BOARD: True,
        "Chess": True,
    }

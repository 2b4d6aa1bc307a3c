"""The counting index is compared with the entries, and its shapes with each other."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from scorecast.leaderboard.index.shape import FIRST, Move, Shape
from scorecast.leaderboard.index.table import ROOT, SHARDS, Shard, shape_item, shard_item
from scorecast.leaderboard.item import Item
from scorecast.leaderboard.order_key import HIGHEST, LOWEST, score_order, tie_order
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties, policy_item
from scorecast.ops.recovery.counters import (
    Fault,
    Miscount,
    Misplaced,
    Unlisted,
    compare_counters,
    find_broken,
    number_of,
)
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.stack import Stack
from tests.support.ops_fakes import FakeClock, entry, fake_stack
from tests.support.recovery_fakes import RecoveryTables


@pytest.fixture
def tables() -> RecoveryTables:
    return RecoveryTables()


def stack_of(tables: RecoveryTables) -> Stack:
    stack = fake_stack(dynamodb=tables)
    return replace(stack, outputs=dict(stack.outputs) | {"BoardTableName": "boards"})


def faults(tables: RecoveryTables, settle_s: float = 0) -> list[Fault]:
    fake = FakeClock()
    return compare_counters(stack_of(tables), settle_s, Clock(fake.now, fake.sleep)).faults


def test_counters_that_count_the_entries_are_not_miscounts(tables: RecoveryTables) -> None:
    tables.put("leaderboard", entry("1", "a", "60"), entry("2", "a", "-0.5"), entry("3", "b", "0"))
    tables.count()
    assert faults(tables) == []


def test_a_wrong_count_is_found_and_shards_are_summed(tables: RecoveryTables) -> None:
    tables.put("leaderboard", entry("1", "a", "60"))
    tables.count()
    tables.put("boards", shard_item("a", ROOT, 2, Shard({FIRST: 1, "7": -1}, 0, 1, "2026-01-01T00:00:00Z")))
    assert faults(tables) == [Miscount("a", "range 0", 2, 1), Miscount("a", "range 7", -1, 0)]
    assert str(faults(tables)[0]) == "a: range 0 counts 2, but 1 entries are there"


def cut(tables: RecoveryTables) -> None:
    """A board of two pages; its entries score 60 in the range B1, and 5 in A1."""
    tables.put("leaderboard", entry("1", "a", "60") | {"range": {"S": "B1"}})
    tables.put("leaderboard", entry("2", "a", "5") | {"range": {"S": "A1"}})
    tables.put("boards", {"collection": {"S": "boards"}, "name": {"S": "a"}})
    ends = score_order(Decimal(7)), score_order(Decimal(50))
    nodes = {
        ROOT: (Shape(9, (LOWEST, ends[0]), ("A0", "B0"), is_inner=True), {"A0": 1, "B0": 1}),
        "A0": (Shape(3, (LOWEST,), ("A1",), ends[0]), {"A1": 1}),
        "B0": (Shape(3, ends, ("B2", "B1"), HIGHEST, Move(*ends, ("B3",))), {"B1": 1}),
    }
    for node, (one, counts) in nodes.items():
        tables.put("boards", shape_item("a", node, one, ties="") | {"next": {"N": str(number_of("ZZ"))}})
        for number in range(SHARDS):
            shard = Shard({} if number else counts, one.version, 1, "2026-01-01T00:00:00Z")
            tables.put("boards", shard_item("a", node, number, shard))


def test_a_board_of_pages_has_no_faults(tables: RecoveryTables) -> None:
    cut(tables)
    assert faults(tables) == []
    tables.put("leaderboard", entry("3", "a", "9") | {"range": {"S": "B3"}})
    add(tables, "counters/0//a", "B0", 1)
    add(tables, "counters/0/B0/a", "B3", 1)
    assert faults(tables) == [], "a range that was replaced still counts an entry"


def add(tables: RecoveryTables, collection: str, one: str, delta: int) -> None:
    item = tables.tables["boards"][collection, "a"]
    count = int(item.get(one, {"N": "0"})["N"]) + delta
    tables.put("boards", item | {one: {"N": str(count)}})


def test_the_sum_of_a_page_is_compared(tables: RecoveryTables) -> None:
    cut(tables)
    add(tables, "counters/0//a", "B0", 1)
    assert [str(fault) for fault in faults(tables)] == ["a: page B0 counts 2, but 1 entries are there"]


@pytest.mark.parametrize("named", ["A1", "B2", "B3", "ZZ", ""])
def test_an_entry_that_is_not_in_the_range_that_it_names_is_misplaced(tables: RecoveryTables, named: str) -> None:
    cut(tables)
    tables.put("leaderboard", entry("1", "a", "60") | ({"range": {"S": named}} if named else {}))
    found = [fault for fault in faults(tables) if not isinstance(fault, Miscount)]
    assert found == [Misplaced("a", 1)]
    assert str(found[0]) == "a: 1 entries are not in the range that they name"


@pytest.mark.parametrize(
    ("collection", "changes", "said"),
    [
        ("shape//a", {"version": {"S": "9"}}, "the root has a shape that cannot be read"),
        ("shape//a", {"starts": {"S": " 9"}}, "the root has a shape that is not valid"),
        ("shape//a", {"next": {"N": "7"}}, "the root would give ids again"),
        ("shape/A0/a", None, "page A0 has no shape"),
        ("shape/A0/a", {"ids": {"S": "B1"}}, "the root has an id twice"),
        ("shape/A0/a", {"high": {"S": "2199"}}, "page A0 has a shape that does not fit the root"),
        ("shape/A0/a", {"ties": {"S": "descending"}}, "page A0 has a shape that does not fit the root"),
        ("counters/2/A0/a", None, "page A0 lacks some of its counters"),
        ("counters/2//a", None, "the root lacks some of its counters"),
        ("counters/2/A0/a", {"n": {"N": "-1"}}, "page A0 lacks some of its counters"),
        ("counters/2//a", {"n": {"N": "-1"}}, "the root lacks some of its counters"),
        ("counters/2/A0/a", {"A1": {"S": "many"}}, "page A0 has counters that cannot be read"),
        ("counters/1/B0/a", {"f": {"N": "4"}}, "page B0 has counters of a newer shape"),
        ("shape/C0/a", {"version": {"N": "1"}}, "the item shape/C0/a belongs to no part of the index"),
        ("counters/3//a", {"b132": {"N": "1"}}, "the item counters/3//a belongs to no part of the index"),
    ],
)
def test_a_broken_index_is_told(tables: RecoveryTables, collection: str, changes: Item | None, said: str) -> None:
    cut(tables)
    before = tables.tables["boards"].pop((collection, "a"), {"collection": {"S": collection}, "name": {"S": "a"}})
    if changes is not None:
        tables.put("boards", before | changes)
    assert f"a: {said}" in [str(fault) for fault in faults(tables)]
    assert bool(find_broken(stack_of(tables))) == ("belongs to no part" not in said)


def test_a_first_cut_that_was_interrupted_before_its_fences_is_not_broken(tables: RecoveryTables) -> None:
    tables.put("leaderboard", entry("1", "a", "60"))
    tables.count()
    begun = Shape().replaced(LOWEST, HIGHEST, [LOWEST], ["1"])
    tables.put("boards", shape_item("a", ROOT, begun, ties="") | {"next": {"N": "1"}})
    assert faults(tables) == []
    tables.put("boards", shape_item("a", ROOT, begun.finished(), ties="") | {"next": {"N": "1"}})
    assert "a: the root lacks some of its counters" in [str(fault) for fault in faults(tables)]


def test_a_place_among_ties_that_does_not_fit_the_score_or_the_policy_is_misplaced(tables: RecoveryTables) -> None:
    place = {"tieBoard": {"S": "a"}, "tieOrder": {"S": tie_order(Decimal(60), Order.DESCENDING, "", "7")}}
    tables.put("leaderboard", entry("1", "a", "60") | place)
    tables.put("boards", {"collection": {"S": "boards"}, "name": {"S": "a"}})
    root = Shape(1, (LOWEST,), ("1",))
    tables.put("boards", shape_item("a", ROOT, root, ties="descending") | {"next": {"N": "1"}})
    for number in range(SHARDS):
        shard = Shard({} if number else {"1": 1}, 1, 1, "2026-01-01T00:00:00Z")
        tables.put("boards", shard_item("a", ROOT, number, shard))
    [one] = tables.tables["leaderboard"].values()
    tables.put("leaderboard", one | {"range": {"S": "1"}})
    assert faults(tables) == []
    tables.put("boards", policy_item("a", BoardPolicy(order=Order.ASCENDING, ties=Ties.EARLIEST)))
    assert faults(tables) == []  # look-ups count, until a rebuild
    tables.put("boards", shape_item("a", ROOT, root, ties="ascending") | {"next": {"N": "1"}})
    assert faults(tables) == [Misplaced("a", 1)]


def test_entries_without_counters_and_counters_without_entries_are_miscounts(tables: RecoveryTables) -> None:
    tables.put("leaderboard", entry("1", "a", "60"))
    tables.count()
    tables.drop("leaderboard", entry("1", "a", "60"))
    tables.put("leaderboard", entry("1", "b", "60"))
    found = [one for one in faults(tables) if isinstance(one, Miscount)]
    assert {(one.board, one.counted, one.entries) for one in found} == {("a", 1, 0), ("b", 0, 1)}


class BusyTables(RecoveryTables):
    """A change is written and counted between the first read of the counters and that of the entries."""

    def scan(self, *, TableName: str, **request: Any) -> dict[str, Any]:
        read = super().scan(TableName=TableName, **request)
        is_read = TableName == "boards" and "LastEvaluatedKey" not in read
        if is_read and not self.tables["leaderboard"]:
            self.put("boards", shard_item("a", ROOT, 0, Shard({FIRST: 2}, 0, 2, "2026-01-01T00:00:01Z")))
            self.put("leaderboard", entry("1", "a", "60"))
        return read


def test_a_change_that_is_counted_during_the_comparison_hides_no_wrong_counter() -> None:
    tables = BusyTables()
    tables.put("leaderboard", entry("1", "a", "60"))
    tables.count()
    tables.drop("leaderboard", entry("1", "a", "60"))  # by hand: the counters still have it
    fake = FakeClock()
    compared = compare_counters(stack_of(tables), 0, Clock(fake.now, fake.sleep))
    assert compared.busy == ["a"]
    assert [str(fault) for fault in faults(tables) if isinstance(fault, Miscount)] == [
        "a: range 0 counts 2, but 1 entries are there"
    ]


def test_a_board_with_entries_that_is_not_listed_is_found(tables: RecoveryTables) -> None:
    tables.put("leaderboard", entry("1", "a", "60"), entry("2", "a", "5"))
    tables.count()
    tables.drop("boards", {"collection": {"S": "boards"}, "name": {"S": "a"}})
    assert faults(tables) == [Unlisted("a", 2)]
    assert str(faults(tables)[0]) == "a: is not in the list of boards (entries: 2)"


def test_an_empty_board_that_is_not_listed_is_found(tables: RecoveryTables) -> None:
    tables.put("boards", shard_item("a", ROOT, 0, Shard({"0": 0}, 0, 2, "2026-01-01T00:00:00Z")))
    assert faults(tables) == [Unlisted("a", 0)]


def test_a_board_that_has_only_tombstones_need_not_be_listed(tables: RecoveryTables) -> None:
    tables.put("boards", shard_item("a", ROOT, 0, Shard({}, 0, 2, "2026-01-01T00:00:00Z")))
    assert faults(tables) == []

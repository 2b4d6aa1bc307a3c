"""The parts of the benchmarks: the meter corrects DynamoDB Local, and transactions conflict as on AWS."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.measure.contention import Collisions, Stress, draw_changes
from bench.rig.boards import build_index, entry_item
from bench.rig.memory import ListedBoard, MemoryClient, MemoryTables
from bench.rig.meter import Meter, PlainWriter, one_by_one
from bench.rig.scores import SHAPES, Oracle, draw_entries, draw_scores
from bench.rig.sizes import item_bytes, number_bytes
from bench.rig.tables import BOARDS, LEADERBOARD, definition_of, index_names
from scorecast.leaderboard.index.entries import entry_index
from scorecast.leaderboard.index.lookup import RankIndex
from scorecast.leaderboard.index.shape import FIRST, PART_ENTRIES, RANGE_ENTRIES
from scorecast.leaderboard.index.table import IndexTable
from scorecast.leaderboard.order_key import score_order
from scorecast.runtime.together import together
from scorecast.twin.consumed_capacity import read_units

UPDATE = {"Update": {"TableName": BOARDS, "Key": {"collection": {"S": "counters"}, "name": {"S": "board"}}}}


def test_a_key_without_an_item_is_charged_half_a_unit() -> None:
    meter = Meter()
    meter._ask({"RequestItems": {BOARDS: {"Keys": [{}, {}, {}], "ConsistentRead": False}}})
    meter._count({"Responses": {BOARDS: [{}]}, "ConsumedCapacity": [{"CapacityUnits": 0.5}]})
    assert (meter.units, meter.calls, meter.trips) == (1.5, 1, 1)


def test_calls_that_are_made_together_take_one_round_trip() -> None:
    meter = Meter()

    def call(units: float) -> float:
        meter.read(units)
        return units

    def two_in_a_row() -> float:
        return call(2.0) + sum(together([partial(call, 3.0), partial(call, 4.0)]))

    with one_by_one(meter):
        calls: list[Callable[[], float]] = [partial(call, 1.0), two_in_a_row, partial(call, 5.0)]
        assert together(calls) == [1.0, 9.0, 5.0]
        call(6.0)
    assert (meter.units, meter.calls, meter.trips) == (21.0, 6, 3)


def test_a_query_that_finds_nothing_is_charged_half_a_unit() -> None:
    meter = Meter()
    meter._ask({})
    meter._count({"Count": 0, "ConsumedCapacity": {"CapacityUnits": 0.0}})
    assert meter.units == 0.5


def test_a_transaction_costs_twice_in_the_table_and_once_in_the_index() -> None:
    class Plain:
        def put_item(self, **_: object) -> dict[str, Any]:
            return {"ConsumedCapacity": {"CapacityUnits": 3.0, "Table": {"CapacityUnits": 1.0}}}

        def update_item(self, **_: object) -> dict[str, Any]:
            return {"ConsumedCapacity": {"CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}}}

    writer = PlainWriter(Plain())
    writer.transact_write_items(TransactItems=[{"Put": {"TableName": LEADERBOARD}}, UPDATE, UPDATE])
    assert (writer.entry_units, writer.extra_units, writer.nodes) == (3.0, 5.0, 2)
    writer.update_item(**UPDATE["Update"])
    assert writer.extra_units == 6.0


def test_a_transaction_conflicts_with_another_one_only_while_that_is_in_flight() -> None:
    collisions = Collisions()
    with collisions.in_flight([UPDATE]), pytest.raises(ClientError) as conflict, collisions.in_flight([UPDATE]):
        pass
    assert conflict.value.response["CancellationReasons"] == [{"Code": "TransactionConflict"}]
    with collisions.in_flight([UPDATE]), pytest.raises(ClientError, match="TransactionConflictException"):
        collisions.check(UPDATE)
    with collisions.in_flight([UPDATE]):
        pass
    collisions.check(UPDATE)


def test_changes_include_the_repeats_and_are_the_same_at_every_draw() -> None:
    stress = Stress(changes=100, participants=10)
    changes = draw_changes(stress, "board")
    assert changes == draw_changes(stress, "board")
    assert (len(changes), len({change.sequence for change in changes})) == (110, 100)


def test_tied_scores_share_a_rank_in_the_oracle() -> None:
    oracle = Oracle()
    oracle.add(draw_entries("tied", 500))
    assert [oracle.rank(score) for score in oracle.ordered[-1:]] == [1]
    participant = next(iter(oracle.scores))
    oracle.replace(participant, oracle.ordered[0] - 1)
    assert oracle.rank(oracle.scores[participant]) == 500


def test_the_tables_are_those_of_the_template() -> None:
    assert definition_of(LEADERBOARD)["KeySchema"][0] == {"AttributeName": "id", "KeyType": "HASH"}
    assert index_names() == ("hackathonName-projectScore", "tieBoard-tieOrder")
    assert "GlobalSecondaryIndexes" not in definition_of(BOARDS)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("entries", [300, 5_000, 60_000])
def test_a_built_index_counts_every_score_once(shape: str, entries: int) -> None:
    ordered = sorted(draw_scores(shape, entries))
    index = build_index(ordered, shape)
    held: dict[str, int] = {}
    for score in ordered:
        one = index.range_of(score_order(score)) or FIRST
        held[one] = held.get(one, 0) + 1
    pages = [node for node, shape in index.shapes.items() if not shape.is_inner]
    assert held == {one: many for page in pages for one, many in index.counts[page].items() if many}
    for shape_of_node in index.shapes.values():
        shape_of_node._check()
    alone = {count for count in Counter(ordered).values() if count > PART_ENTRIES}
    assert all(many <= RANGE_ENTRIES + PART_ENTRIES or many in alone for many in held.values())
    board = RankIndex(IndexTable(ListedBoard("board", ordered, index), BOARDS), None, None, together)  # type: ignore[arg-type]
    assert board.open(["board"])["board"].total == entries


def test_tables_in_memory_sort_and_meter_their_entries() -> None:
    tables = MemoryTables()
    client = MemoryClient(tables)
    for number in (3, -1, 20, 5):
        item = entry_item("board", f"p{number}", Decimal(number))
        client.transact_write_items(TransactItems=[{"Put": {"TableName": LEADERBOARD, "Item": item}}])
    # Two units in the table, because it is a transaction, and one in the index by score.
    assert client.meter.write_units == 4 * 3
    index = entry_index(client.query, LEADERBOARD, *index_names(), ties=False)
    assert index.count("board", score_order(Decimal(0)), score_order(Decimal(20))) == 2
    assert client.meter.units == 0.5
    moved = entry_item("board", "p3", Decimal(30))
    client.transact_write_items(TransactItems=[{"Put": {"TableName": LEADERBOARD, "Item": moved}}])
    assert client.meter.write_units == 4 * 3 + 4
    found = client.query(**index.request("board"))["Items"]
    assert [item["projectScore"]["N"] for item in found] == ["-1", "5", "20", "30"]


def test_an_item_is_as_large_as_the_rules_say() -> None:
    item = {"name": {"S": "Ann"}, "é": {"N": "-123"}, "l": {"L": [{"S": "ab"}, {"BOOL": True}]}}
    assert item_bytes(item) == (4 + 3) + (2 + 4) + (1 + 3 + (1 + 2) + (1 + 1))
    assert [number_bytes(text) for text in ("0", "7", "100", "0.05", "123.45")] == [1, 2, 2, 2, 4]
    assert (read_units(0), read_units(4097), read_units(4096, consistent=True)) == (0.5, 1.0, 1.0)

"""The parts of the benchmarks: the meter corrects DynamoDB Local, and transactions conflict as on AWS."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.measure.contention import Collisions, Stress, draw_changes
from bench.rig.boards import Oracle, draw_entries
from bench.rig.meter import Meter, PlainWriter
from bench.rig.tables import BOARDS, LEADERBOARD, definition_of, index_names

UPDATE = {"Update": {"TableName": BOARDS, "Key": {"collection": {"S": "counters"}, "name": {"S": "board"}}}}


def test_a_key_without_an_item_is_charged_half_a_unit() -> None:
    meter = Meter()
    meter._ask({"RequestItems": {BOARDS: {"Keys": [{}, {}, {}], "ConsistentRead": False}}})
    meter._count({"Responses": {BOARDS: [{}]}, "ConsumedCapacity": [{"CapacityUnits": 0.5}]})
    assert (meter.units, meter.calls) == (1.5, 1)


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
    writer.transact_write_items(TransactItems=[{"Put": {}}, UPDATE, UPDATE])
    assert (writer.entry_units, writer.extra_units, writer.nodes) == (3.0, 5.0, 2)


def test_a_transaction_conflicts_with_another_one_only_while_that_is_in_flight() -> None:
    collisions = Collisions()
    with collisions.in_flight([UPDATE]), pytest.raises(ClientError) as conflict, collisions.in_flight([UPDATE]):
        pass
    assert conflict.value.response["CancellationReasons"] == [{"Code": "TransactionConflict"}]
    with collisions.in_flight([UPDATE]):
        pass


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

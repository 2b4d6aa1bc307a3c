from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scorecast.leaderboard.board_list import board_item
from scorecast.leaderboard.derived_board import policy_by_name
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Corrections, Every, policy_key
from scorecast.ops.boards.policies import Policies
from tests.support.fakes import FakeDynamoDb

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PAST, FUTURE = BoardPolicy(closes_at="2026-11-30T18:00:00Z"), BoardPolicy(closes_at="2026-12-01T18:00:00Z")


@pytest.fixture
def table() -> FakeDynamoDb:
    return FakeDynamoDb()


def closings(table: FakeDynamoDb) -> list[tuple[str, str]]:
    """The closings to announce: boards and times."""
    kept = [(name, item) for (collection, name), item in table.board_items.items() if collection == "closings"]
    return sorted((item["board"]["S"], name.partition(" ")[0]) for name, item in kept)


def declare(table: FakeDynamoDb, policy: BoardPolicy) -> None:
    Policies(table, "boards").declare("Quiz", policy, NOW)


@pytest.mark.parametrize("policy", [PAST, FUTURE])
def test_a_closing_time_is_declared_with_its_closing(table: FakeDynamoDb, policy: BoardPolicy) -> None:
    declare(table, policy)
    assert closings(table) == [("Quiz", policy.closes_at)]


def test_a_closing_that_was_announced_is_not_announced_again_by_another_change(table: FakeDynamoDb) -> None:
    table.declare("Quiz", PAST)
    declare(table, replace(PAST, corrections=Corrections.OPEN))
    assert closings(table) == []


def test_a_closing_to_come_is_declared_again_with_each_change(table: FakeDynamoDb) -> None:
    table.declare("Quiz", FUTURE)  # as a version without closings left it
    declare(table, replace(FUTURE, corrections=Corrections.OPEN))
    assert closings(table) == [("Quiz", FUTURE.closes_at)]


def test_a_malformed_policy_is_replaced_with_its_closing(table: FakeDynamoDb) -> None:
    table.put_item(TableName="boards", Item=policy_key("Quiz") | {"keep": {"S": "worst"}})
    declare(table, PAST)
    assert closings(table) == [("Quiz", PAST.closes_at)]


def test_a_board_that_never_closes_and_a_copy_have_no_closing(table: FakeDynamoDb) -> None:
    declare(table, DEFAULT)
    declare(table, replace(FUTURE, freezes_at="2026-12-01T17:00:00Z"))
    assert closings(table) == [("Quiz", FUTURE.closes_at)]


def test_a_board_that_the_policy_no_longer_derives_stays_as_it_is_but_has_the_readers(table: FakeDynamoDb) -> None:
    policies, base = Policies(table, "boards"), BoardPolicy(every=Every.WEEK, by=("country",))
    found = {name: policy_by_name(name, {"Quiz": base}) for name in ("Quiz~2999-W01", "Quiz~country.CN")}
    derived = {name: policy for name, policy in found.items() if policy}
    for name, policy in derived.items():
        table.declare(name, policy)
        table.put_item(TableName="boards", Item=board_item(name, policy))
    declare(table, replace(FUTURE, readers="k3y"))
    assert {name: policies.of(name) for name in found} == {
        name: replace(policy, readers="k3y") for name, policy in derived.items()
    }

"""Every entry against the main table."""

from decimal import Decimal

import pytest

from scorecast.leaderboard.policy import BoardPolicy, Keep, Order
from scorecast.ops.recovery.comparison import (
    Agreement,
    Comparison,
    ScoreAndName,
    compare,
    differences,
    summary,
    wait_until_equal,
)
from scorecast.ops.stack.polling import Clock
from tests.support.ops_fakes import FakeClock, FakeTables, entry, fake_stack


@pytest.fixture
def tables() -> FakeTables:
    return FakeTables()


def put(tables: FakeTables, table: str, *items: dict) -> None:
    for item in items:
        tables.tables[table][item["id"]["S"], item["metadata"]["S"]] = item


def test_equal_tables_have_no_differences_however_numbers_are_written(tables: FakeTables) -> None:
    put(tables, "main", entry("1", "StarWar", "60.0", "userA"), entry("2", "StarWar", "9" * 38))
    put(tables, "leaderboard", entry("1", "StarWar", "60", "userA"), entry("2", "StarWar", "9" * 38))
    comparison = compare(fake_stack(dynamodb=tables))
    assert comparison == Comparison(entries=2, differing=0, examples=())
    assert str(comparison) == "all 2 entries are as in the main table"


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ([], "StarWar/1 has no entry, the main table says 60 (userA)"),
        ([entry("1", "StarWar", "61", "userA")], "StarWar/1 shows 61 (userA), the main table says 60 (userA)"),
        ([entry("1", "StarWar", "60")], "StarWar/1 shows 60, the main table says 60 (userA)"),
        (
            [entry("1", "StarWar", "60", "userA"), entry("2", "Other", "5")],
            "Other/2 shows 5, the main table has no such item",
        ),
    ],
)
def test_each_difference_is_found_and_named(tables: FakeTables, shown: list[dict], says: str) -> None:
    put(tables, "main", entry("1", "StarWar", "60", "userA"))
    put(tables, "leaderboard", *shown)
    comparison = compare(fake_stack(dynamodb=tables))
    assert comparison.differing == 1
    assert says in str(comparison)


def test_what_makes_no_entry_is_not_missed(tables: FakeTables) -> None:
    no_score = {"id": {"S": "1"}, "metadata": {"S": "profile"}}
    text_score = entry("2", "StarWar", "0") | {"projectScore": {"S": "ninety"}}
    put(tables, "main", no_score, text_score)
    assert compare(fake_stack(dynamodb=tables)).entries == 0


def test_of_items_that_make_the_same_entry_either_may_stand(tables: FakeTables) -> None:
    named = {"hackathonName": {"S": "StarWar"}}
    put(tables, "main", entry("1", "project-a", "60") | named, entry("1", "project-b", "70") | named)
    put(tables, "leaderboard", entry("1", "StarWar", "70"))
    assert compare(fake_stack(dynamodb=tables)).is_equal


def test_other_boards_can_be_left_out(tables: FakeTables) -> None:
    put(tables, "main", entry("1", "StarWar", "60"), entry("2", "Other", "5"))
    put(tables, "leaderboard", entry("1", "StarWar", "60"), entry("3", "Other", "7"))
    assert compare(fake_stack(dynamodb=tables)).differing == 2
    assert compare(fake_stack(dynamodb=tables), ["StarWar"]) == Comparison(entries=1, differing=0, examples=())


def test_a_message_names_a_few_and_counts_all() -> None:
    expected = {(str(number), "b"): {ScoreAndName(Decimal(number), None)} for number in range(8)}
    comparison = summary(8, differences(expected, []))
    assert comparison.differing == 8
    assert len(comparison.examples) == 5
    assert str(comparison).endswith("; and 3 more")


def test_the_wait_ends_when_all_are_equal(tables: FakeTables) -> None:
    put(tables, "main", entry("1", "StarWar", "60"))
    seen: list[int] = []

    def arrive_at_the_third_look(comparison: Comparison) -> None:
        seen.append(comparison.differing)
        if len(seen) == 2:
            put(tables, "leaderboard", entry("1", "StarWar", "60"))

    fake = FakeClock()
    stack = fake_stack(dynamodb=tables)
    assert wait_until_equal(stack, None, 60, arrive_at_the_third_look, Clock(fake.now, fake.sleep)).is_equal
    assert seen == [1, 1, 0]


def test_the_wait_gives_up_at_the_deadline(tables: FakeTables) -> None:
    put(tables, "main", entry("1", "StarWar", "60"))
    fake = FakeClock()
    comparison = wait_until_equal(fake_stack(dynamodb=tables), None, 60, lambda _: None, Clock(fake.now, fake.sleep))
    assert not comparison.is_equal
    assert fake.time_s == 60


# ---------------------------------------------------------------- policies

BEST = BoardPolicy(keep=Keep.BEST)
LOWEST = BoardPolicy(keep=Keep.BEST, order=Order.ASCENDING)
FIRST = BoardPolicy(keep=Keep.FIRST)
LATEST_UNTIL = BoardPolicy(closes_at="2026-01-01T00:00:00Z")
ITEM = ScoreAndName(Decimal(60), "userA")


@pytest.mark.parametrize(
    ("policy", "shown", "holds"),
    [
        (BEST, ScoreAndName(Decimal(60), "userA"), True),
        (BEST, ScoreAndName(Decimal(90), "userA"), True),
        (BEST, ScoreAndName(Decimal(59), "userA"), False),
        (BEST, ScoreAndName(Decimal(90), "userB"), False),
        (BEST, None, False),
        (LOWEST, ScoreAndName(Decimal(59), "userA"), True),
        (LOWEST, ScoreAndName(Decimal(61), "userA"), False),
        (FIRST, ScoreAndName(Decimal(5), "userA"), True),
        (FIRST, ScoreAndName(Decimal(5), "userB"), False),
        (FIRST, None, False),
        (LATEST_UNTIL, None, True),
        (LATEST_UNTIL, ScoreAndName(Decimal(5), "userB"), True),
    ],
)
def test_an_entry_is_compared_as_far_as_its_boards_policy_lets_it(
    policy: BoardPolicy, shown: ScoreAndName | None, *, holds: bool
) -> None:
    agreement = Agreement({"b": policy}, lambda: "2026-01-01T00:00:01Z")
    assert agreement.holds("b", ITEM, shown) is holds
    assert agreement.is_loose("b")
    assert not agreement.is_loose("another")


def test_a_board_that_has_yet_to_close_is_compared_strictly() -> None:
    agreement = Agreement({"b": LATEST_UNTIL}, lambda: "2025-12-31T23:59:59Z")
    assert not agreement.holds("b", ITEM, ScoreAndName(Decimal(5), "userA"))
    assert not agreement.is_loose("b")


@pytest.mark.parametrize("policy", [BEST, FIRST])
def test_an_entry_without_an_item_is_one_too_many_unless_its_board_is_closed(policy: BoardPolicy) -> None:
    assert not Agreement({"b": policy}).holds("b", None, ITEM)
    assert Agreement({"b": LATEST_UNTIL}).holds("b", None, ITEM)


def test_a_comparison_says_how_many_entries_were_compared_loosely(tables: FakeTables) -> None:
    put(tables, "main", entry("1", "Golf", "60"), entry("2", "StarWar", "5"))
    put(tables, "leaderboard", entry("1", "Golf", "90"), entry("2", "StarWar", "5"))
    assert not compare(fake_stack(dynamodb=tables)).is_equal
    tables.declare("Golf", BEST)
    comparison = compare(fake_stack(dynamodb=tables))
    assert comparison == Comparison(entries=2, differing=0, examples=(), loose=1)
    assert str(comparison).startswith("all 2 entries are as in the main table, 1 of them as far as")

"""When an entry agrees with its item, and how a comparison reads."""

from decimal import Decimal

import pytest

from scorecast.leaderboard.policy import BoardPolicy, Keep, Order
from scorecast.ops.recovery.comparison import STRICT, Agreement, Comparison, Difference, ScoreAndName

ITEM = ScoreAndName(Decimal(60), "userA")


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        (None, "StarWar/1 has no entry, the main table says 60 (userA)"),
        (ScoreAndName(Decimal(61), "userA"), "StarWar/1 shows 61 (userA), the main table says 60 (userA)"),
        (ScoreAndName(Decimal(60), None), "StarWar/1 shows 60, the main table says 60 (userA)"),
        (
            ScoreAndName(Decimal(60), "userA", (("pro", True), ("team", "Lynx"))),
            "StarWar/1 shows 60 (userA, pro True, team Lynx), the main table says 60 (userA)",
        ),
    ],
)
def test_a_difference_says_what_both_tables_have(shown: ScoreAndName | None, says: str) -> None:
    assert str(Difference("1", "StarWar", ITEM, shown)) == says


def test_an_entry_without_an_item_is_named_as_such() -> None:
    says = "Other/2 shows 60 (userA), the main table has no such item"
    assert str(Difference("2", "Other", None, ITEM)) == says


def test_a_comparison_of_equal_tables_counts_the_entries() -> None:
    assert str(Comparison(2, 0, ())) == "all 2 entries are as in the main table"
    assert str(Comparison(2, 0, (), loose=1)).startswith("all 2 entries are as in the main table, 1 of them as far as")


def test_a_comparison_names_a_few_differences_and_counts_all() -> None:
    examples = tuple(Difference(str(number), "b", ITEM, None) for number in range(5))
    said = str(Comparison(10, 8, examples))
    assert said.startswith("8 of 10 entries differ: b/0 has no entry")
    assert said.endswith("; and 3 more")


# ---------------------------------------------------------------- policies

BEST = BoardPolicy(keep=Keep.BEST)
LOWEST = BoardPolicy(keep=Keep.BEST, order=Order.ASCENDING)
FIRST = BoardPolicy(keep=Keep.FIRST)
GAIN = BoardPolicy(keep=Keep.GAIN)
LATEST_UNTIL = BoardPolicy(closes_at="2026-01-01T00:00:00Z")


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
        (GAIN, ScoreAndName(Decimal(-5), "userA"), True),
        (GAIN, ScoreAndName(Decimal(-5), "userB"), False),
        (GAIN, None, False),
        (BEST, ScoreAndName(Decimal(90), "userA", (("team", "Lynx"),)), False),
        (FIRST, ScoreAndName(Decimal(60), "userA", (("team", "Lynx"),)), False),
        (LATEST_UNTIL, None, True),
        (LATEST_UNTIL, ScoreAndName(Decimal(5), "userB"), True),
    ],
)
def test_an_entry_is_compared_as_strictly_as_the_policy_of_its_board_allows(
    policy: BoardPolicy, shown: ScoreAndName | None, *, holds: bool
) -> None:
    agreement = Agreement({"b": policy}, lambda: "2026-01-01T00:00:01Z")
    assert agreement.holds("b", ITEM, shown) is holds
    assert agreement.is_loose("b")
    assert not agreement.is_loose("another")


def test_an_open_board_is_compared_strictly() -> None:
    agreement = Agreement({"b": LATEST_UNTIL}, lambda: "2025-12-31T23:59:59Z")
    assert not agreement.holds("b", ITEM, ScoreAndName(Decimal(5), "userA"))
    assert not agreement.is_loose("b")


@pytest.mark.parametrize("policy", [BEST, FIRST, GAIN])
def test_an_entry_without_an_item_is_one_too_many_unless_its_board_is_closed(policy: BoardPolicy) -> None:
    assert not Agreement({"b": policy}).holds("b", None, ITEM)
    assert Agreement({"b": LATEST_UNTIL}).holds("b", None, ITEM)


def test_without_a_policy_an_entry_equals_its_item() -> None:
    assert STRICT.holds("b", ITEM, ITEM)
    assert not STRICT.holds("b", ITEM, None)
    assert not STRICT.is_loose("b")

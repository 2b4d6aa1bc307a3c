"""Tie-break columns: which values an item has, and how keys that hold them sort and are read."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.leaderboard.columns import (
    prefix_in,
    rank_prefix,
    shared_prefix,
    shown_values,
    tie_key,
    values_in,
    values_of,
)
from scorecast.leaderboard.order_key import HIGHEST, follows
from scorecast.leaderboard.policy import BoardPolicy, Order

AT = "2026-01-01T00:00:00Z"
ONE = BoardPolicy(then_by="penalty:ascending")
TWO = BoardPolicy(then_by="penalty:ascending,at:descending", order=Order.ASCENDING)
numbers = st.decimals(-(10**30), 10**30, allow_nan=False, places=6) | st.integers(-9, 9).map(Decimal)
times = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def value_of(value: dict[str, Any]) -> str:
    [found] = values_of({"penalty": value}, ONE)
    return found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"N": "12.50"}, "12.5"),
        ({"N": "1E+3"}, "1000"),
        ({"N": "-0"}, "0"),
        ({"N": "1E-20"}, "1E-20"),
        ({"N": "9.99E125"}, "9.99E+125"),
        ({"S": "2026-01-01T10:00:00+01:00"}, "2026-01-01T09:00:00Z"),
        ({"S": "2026-01-01T09:00:00.250000Z"}, "2026-01-01T09:00:00.250000Z"),
        ({"S": "2026-01-01"}, "2026-01-01T00:00:00Z"),
        ({"S": "2026-01-01T09:00"}, "2026-01-01T09:00:00Z"),
    ],
)
def test_a_value_is_a_number_or_a_time_in_one_form(value: dict[str, Any], text: str) -> None:
    assert value_of(value) == text


@pytest.mark.parametrize(
    "value",
    [
        *({"S": text} for text in ("", "soon", "12", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00")),
        {"BOOL": True},
        {"NULL": True},
        {"L": []},
        {},
    ],
)
def test_what_is_neither_counts_as_missing(value: dict[str, Any]) -> None:
    assert value_of(value) == ""
    assert values_of({}, ONE) == ("",)


@given(st.lists(numbers, min_size=2, max_size=5), st.sampled_from(Order))
def test_numbers_sort_as_numbers_and_a_missing_one_is_last(values: list[Decimal], order: Order) -> None:
    policy = BoardPolicy(then_by=f"penalty:{order}")
    texts = [values_of({"penalty": {"N": str(value)}}, policy) for value in values]
    in_order = sorted([*texts, ("",)], key=lambda one: rank_prefix(Decimal(5), one, policy))
    assert in_order.pop() == ("",)
    assert [Decimal(value) for (value,) in in_order] == sorted(values, reverse=order is Order.DESCENDING)


@given(st.lists(times, min_size=2, max_size=5), st.sampled_from(Order))
def test_times_sort_as_times_whatever_their_zone(values: list[datetime], order: Order) -> None:
    policy = BoardPolicy(then_by=f"at:{order}")
    texts = [values_of({"at": {"S": value.isoformat()}}, policy) for value in values]
    in_order = sorted(texts, key=lambda one: rank_prefix(Decimal(5), one, policy))
    assert [datetime.fromisoformat(one) for (one,) in in_order] == sorted(values, reverse=order is Order.DESCENDING)


@given(
    numbers, st.lists(numbers.map(str) | times.map(str) | st.just("x"), min_size=2, max_size=2), st.sampled_from(Order)
)
def test_a_key_says_its_values(score: Decimal, given_: list[str], order: Order) -> None:
    policy = BoardPolicy(order=order, then_by="a:ascending,b:descending")
    image = {name: {"S" if ":" in one or one == "x" else "N": one} for name, one in zip("ab", given_, strict=True)}
    values = values_of(image, policy)
    key = tie_key(score, values, policy, AT, "7")
    assert values_in(key, policy) == values
    assert follows(key, score, policy.key_order)
    assert shared_prefix(key, score, policy) == prefix_in(key, policy) == rank_prefix(score, values, policy)
    assert rank_prefix(score, values, policy) < key < rank_prefix(score, values, policy) + HIGHEST
    assert key.isascii()
    assert len(key) <= 250


def test_a_better_score_comes_before_all_columns_and_these_before_the_time() -> None:
    keys = [
        tie_key(Decimal(1), ("5", AT), TWO, AT, "9"),
        tie_key(Decimal(2), ("4", ""), TWO, AT, "9"),
        tie_key(Decimal(2), ("5", "2026-01-02T00:00:00Z"), TWO, AT, "9"),
        tie_key(Decimal(2), ("5", AT), TWO, AT, "8"),
        tie_key(Decimal(2), ("5", AT), TWO, AT, "9"),
        tie_key(Decimal(2), ("5", ""), TWO, AT, "7"),
        tie_key(Decimal(2), ("", AT), TWO, AT, "7"),
    ]
    assert keys == sorted(keys)


def test_a_key_of_another_policy_has_no_values_and_ranks_last_with_its_score() -> None:
    plain, one, two = (tie_key(Decimal(5), ("7",), policy, AT, "1") for policy in (BoardPolicy(), ONE, TWO))
    for key, score_first in ((plain, BoardPolicy().key_order), (one, ONE.key_order), (two, TWO.key_order)):
        assert [follows(other, Decimal(5), score_first) for other in (plain, one, two)].count(True) == 1
        assert follows(key, Decimal(5), score_first)
    for key in (plain, two, ""):
        assert values_in(key, ONE) == ()
        assert shared_prefix(key, Decimal(5), ONE) == rank_prefix(Decimal(5), ("",), ONE)
    assert values_in(plain, BoardPolicy()) == ()


@pytest.mark.parametrize("end", ["", "2", "2135", "21355", "~"])
def test_a_cut_before_the_end_of_the_columns_begins_with_no_prefix(end: str) -> None:
    assert prefix_in(end, ONE) == ""


def test_values_are_shown_by_name_in_the_order_of_the_policy() -> None:
    shown = shown_values(("12.5", AT), TWO)
    assert list(shown.items()) == [("penalty", Decimal("12.5")), ("at", AT)]
    assert shown_values(("", ""), TWO) == {"penalty": None, "at": None}
    assert shown_values((), TWO) == {}

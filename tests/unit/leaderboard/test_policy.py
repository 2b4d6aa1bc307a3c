import re

import pytest

from scorecast.errors import CannotRead
from scorecast.leaderboard.policy import (
    DEFAULT,
    BoardPolicy,
    Column,
    Keep,
    Order,
    Ties,
    make_policy,
    policy_item,
    policy_key,
    read_policy,
)

GOLF = BoardPolicy(Order.ASCENDING, Keep.BEST, Ties.EARLIEST, "2026-12-01T18:00:00Z")
ICPC = BoardPolicy(then_by="penalty:ascending,last:solved:descending")


def test_a_policy_comes_back_from_its_item() -> None:
    assert read_policy(policy_item("Golf", GOLF)) == GOLF
    assert read_policy(policy_item("Final", ICPC)) == ICPC


def test_a_board_without_a_policy_has_the_default() -> None:
    assert read_policy(None) == read_policy({}) == DEFAULT


def test_default_values_are_omitted() -> None:
    item = policy_item("Golf", BoardPolicy(order=Order.ASCENDING))
    assert item == policy_key("Golf") | {"order": {"S": "ascending"}}


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("order", "down", "descending, ascending"),
        ("keep", "worst", "latest, best, first"),
        ("ties", "broken", "unordered, earliest"),
        ("closes_at", "tomorrow", "2026-12-01T18:00:00Z"),
        ("closes_at", "2026-12-01T18:00:00", "time zone"),
    ],
)
def test_an_invalid_value_is_refused_with_its_name_and_the_allowed_values(name: str, value: str, allowed: str) -> None:
    with pytest.raises(CannotRead, match=f"{name} is '{value}'") as refused:
        make_policy(**{name: value})
    assert allowed in str(refused.value)


def test_columns_have_names_and_orders_and_give_ties_an_order() -> None:
    assert ICPC.columns == (Column("penalty", Order.ASCENDING), Column("last:solved", Order.DESCENDING))
    assert ICPC.key_order == "descending,penalty:ascending,last:solved:descending"
    assert (GOLF.key_order, GOLF.columns) == ("ascending", ())
    assert (ICPC.orders_ties, GOLF.orders_ties, DEFAULT.orders_ties) == (True, True, False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("penalty", "then_by has 'penalty'; it must be the name of an attribute and an order, such as penalty:asc"),
        ("penalty:up", "then_by has 'penalty:up'; it must be the name"),
        (":ascending", "then_by has ':ascending'; it must be the name"),
        ("a:ascending,", "then_by has ''; it must be the name"),
        (f"{'n' * 256}:ascending", "then_by has 'nnn"),
        ("a:ascending,a:descending", "then_by is 'a:ascending,a:descending'; it may have 3 columns, and each attr"),
        (",".join(f"{name}:ascending" for name in "abcd"), "it may have 3 columns"),
    ],
)
def test_columns_that_are_not_usable_are_refused(text: str, says: str) -> None:
    with pytest.raises(CannotRead, match=re.escape(says)):
        make_policy(then_by=text)


def test_an_invalid_item_is_refused_with_the_boards_name() -> None:
    with pytest.raises(CannotRead, match="The policy of the board 'Golf' is not usable: keep is 'worst'"):
        read_policy(policy_key("Golf") | {"keep": {"S": "worst"}})


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        ("2026-12-01T17:59:59.999Z", True),
        ("2026-12-01T18:00:00Z", True),
        ("2026-12-01T18:00:00.001Z", False),
        ("2026-12-01T18:00:01Z", False),
    ],
)
def test_a_board_counts_changes_until_it_closes(at: str, *, counts: bool) -> None:
    assert GOLF.is_open(at) is counts


def test_an_order_says_which_scores_are_better() -> None:
    scores = [3, 1, 2]
    assert Order.DESCENDING.best_first(scores) == [3, 2, 1]
    assert Order.ASCENDING.best_first(scores) == [1, 2, 3]
    for order in Order:
        assert order.is_better(*order.best_first([1, 2]))
        assert not order.is_better(1, 1)


def test_a_board_that_never_closes_counts_everything() -> None:
    assert DEFAULT.is_open("9999-12-31T23:59:59Z")


def test_a_time_of_another_zone_is_converted_to_utc() -> None:
    policy = make_policy(closes_at="2026-12-01T20:00:00+02:00")
    assert policy.is_open("2026-12-01T18:00:00Z")
    assert not policy.is_open("2026-12-01T18:00:01Z")


def test_a_value_of_another_type_makes_a_policy_unusable_and_nothing_worse() -> None:
    with pytest.raises(CannotRead, match="The policy of the board 'Golf' is not usable: keep is "):
        read_policy(policy_key("Golf") | {"keep": {"N": "1"}})

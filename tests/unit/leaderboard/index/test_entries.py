"""Queries between two order keys."""

from decimal import Decimal

import pytest

from scorecast.leaderboard.index.entries import entry_index
from scorecast.leaderboard.order_key import HIGHEST, LOWEST, score_order, tie_order
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from tests.support.fakes import FakeDynamoDb

LARGEST = "9.9999999999999999999999999999999999999E+125"
SCORES = ["-" + LARGEST, "-3", "-1E-130", "0", "1E-130", "2", "2.5", "90", LARGEST]


@pytest.fixture
def table() -> FakeDynamoDb:
    table = FakeDynamoDb()
    leaderboard = Leaderboard(table, "leaderboard", "boards")
    for at, score in enumerate(SCORES):
        entry = Entry(f"p{at}", "StarWar", f"{at:040}", "2026-01-01T00:00:00Z", score, score_changed=True)
        leaderboard.write([entry], {"StarWar": BoardPolicy(ties=Ties.EARLIEST)})
    return table


def keys_of(order: Order, score: str, *, ties: bool) -> list[str]:
    """Return the ends of the entries of a score."""
    key = score_order(Decimal(score), order if ties else Order.ASCENDING)
    return [key, key + HIGHEST]


@pytest.mark.parametrize("ties", [False, True])
def test_a_count_between_two_keys_counts_the_first_and_not_the_last(table: FakeDynamoDb, *, ties: bool) -> None:
    index = entry_index(table.query, "leaderboard", "index", "ties", ties=ties)
    ends = [LOWEST, HIGHEST, *(end for score in SCORES for end in keys_of(Order.DESCENDING, score, ties=ties))]
    at = "2026-01-01T00:00:00Z"
    whole = [
        tie_order(Decimal(one), Order.DESCENDING, at, f"{number:040}") if ties else score_order(Decimal(one))
        for number, one in enumerate(SCORES)
    ]
    for low in ends:
        for high in (end for end in ends if end > low):
            assert index.count("StarWar", low, high) == sum(low <= key < high for key in whole)


def test_between_the_shortened_key_of_a_score_and_the_whole_one_there_is_nothing(table: FakeDynamoDb) -> None:
    """A range may begin with the first digits of a key; DynamoDB refuses a query that ends before it begins."""
    index, whole = entry_index(table.query, "leaderboard", "index", "ties", ties=False), score_order(Decimal("2.5"))
    assert index.count("StarWar", whole.rstrip("0"), whole) == 0
    assert index.count("StarWar", whole.rstrip("0"), whole + HIGHEST) == 1

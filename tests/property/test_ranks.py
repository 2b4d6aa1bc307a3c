"""The counting index against a sorted list: any scores, any order of changes."""

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from decimal import Context, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.leaderboard.index.counters import Counters, above_outside_range, locate, path_nodes, total
from scorecast.leaderboard.index.digits import above_in_range, path_of, range_of
from scorecast.leaderboard.index.histogram import MOST_BARS, histogram
from scorecast.leaderboard.policy import Order

DIGITS = Context(prec=38)
scores = st.one_of(
    st.integers(-1000, 1000).map(Decimal),
    st.builds(
        lambda sign, digits, exponent: DIGITS.scaleb(Decimal((sign, digits, 0)), exponent),
        st.integers(0, 1),
        st.lists(st.integers(0, 9), min_size=1, max_size=38).map(tuple),
        st.integers(-90, 60),
    ),
)


orders = st.sampled_from(Order)


def rank_of(counters: Counters, ordered: list[Decimal], score: Decimal, order: Order) -> int:
    """Return the rank as LeaderGet finds it: from the nodes on the path, and a count of the entries in one BETWEEN."""
    between = above_in_range(score, order)
    inside = sum(between[0] <= other <= between[1] for other in ordered) if between else 0
    return 1 + above_outside_range(counters.read(path_nodes(score)), score, order) + inside


def rank_in(ordered: list[Decimal], score: Decimal, order: Order) -> int:
    """Return the rank in a list that is sorted by score, the lowest first."""
    better = bisect_left(ordered, score) if order is Order.ASCENDING else len(ordered) - bisect_right(ordered, score)
    return 1 + better


@given(scores, scores)
def test_the_places_are_in_the_order_of_the_scores(left: Decimal, right: Decimal) -> None:
    buckets = [[step.bucket for step in path_of(score)] for score in (left, right)]
    if left < right:
        assert buckets[0] <= buckets[1]
    if left == right:
        assert buckets[0] == buckets[1]


@given(scores)
def test_a_range_holds_exactly_the_scores_that_share_their_places(score: Decimal) -> None:
    low, high = range_of(score)
    assert low <= score <= high
    assert path_of(low) == path_of(high) == path_of(score)
    if score:
        step = Decimal((0, (1,), low.adjusted() - 37))
        assert path_of(Context(prec=80).subtract(low, step)) != path_of(score)
        assert path_of(Context(prec=80).add(high, step)) != path_of(score)


@given(scores)
def test_the_better_scores_of_a_range_start_at_the_next_higher_number(score: Decimal) -> None:
    between = above_in_range(score, Order.DESCENDING)
    if between is None:
        assert score == range_of(score)[1]
    else:
        assert score < between[0] <= between[1] == range_of(score)[1]
        assert DIGITS.next_plus(score) == between[0]


@given(scores)
def test_on_an_ascending_board_they_end_at_the_next_lower_number(score: Decimal) -> None:
    between = above_in_range(score, Order.ASCENDING)
    if between is None:
        assert score == range_of(score)[0]
    else:
        assert range_of(score)[0] == between[0] <= between[1] < score
        assert DIGITS.next_minus(score) == between[1]


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | scores), max_size=30), scores, orders)
def test_every_rank_is_that_of_the_sorted_list(
    changes: list[tuple[int, Decimal | None]], asked: Decimal, order: Order
) -> None:
    counters = Counters()
    entries: dict[int, Decimal | None] = {}
    for participant, score in changes:
        counters.replace(entries.get(participant), score)
        entries[participant] = score
        counters._check()
    ordered = sorted(score for score in entries.values() if score is not None)
    assert total(counters.read([""])) == len(ordered)
    for score in [*ordered, asked]:
        assert rank_of(counters, ordered, score, order) == rank_in(ordered, score, order)


@given(st.lists(scores, max_size=40), orders)
def test_a_position_is_located_in_the_range_that_holds_it(given_scores: list[Decimal], order: Order) -> None:
    counters = Counters()
    for score in given_scores:
        counters.replace(None, score)
    best_first = order.best_first(given_scores)
    for position, score in enumerate(best_first, start=1):
        located = locate(counters.read, position, order)
        assert located is not None
        assert path_of(located.score) == path_of(score)
        low, high = range_of(score)
        assert located.above == sum(other < low if order is Order.ASCENDING else other > high for other in best_first)
    assert locate(counters.read, len(best_first) + 1, order) is None


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("shape", ["uniform", "tied", "long tail", "negative"])
def test_a_long_run_keeps_the_invariants_and_the_ranks(shape: str, order: Order) -> None:
    draw = random.Random(shape)
    draws: dict[str, Callable[[], Decimal]] = {
        "uniform": lambda: Decimal(draw.randrange(1_000_000)),
        "tied": lambda: Decimal(draw.randrange(20)),
        "long tail": lambda: DIGITS.create_decimal_from_float(draw.paretovariate(1.2)),
        "negative": lambda: Decimal(draw.randrange(-5000, 5000)) / 8,
    }
    make, counters = draws[shape], Counters()
    entries: dict[int, Decimal] = {}
    ordered: list[Decimal] = []
    for _ in range(3000):
        participant = draw.randrange(800)
        old, new = entries.pop(participant, None), make() if draw.random() < 0.8 else None
        counters.replace(old, new)
        if old is not None:
            ordered.remove(old)
        if new is not None:
            entries[participant] = new
            insort(ordered, new)
    counters._check()
    for score in draw.sample(ordered, 100):
        assert rank_of(counters, ordered, score, order) == rank_in(ordered, score, order)


@given(st.lists(scores, max_size=60))
def test_a_histogram_counts_every_score_in_its_bar(given_scores: list[Decimal]) -> None:
    counters = Counters()
    for score in given_scores:
        counters.replace(None, score)
    bars = histogram(counters.read)
    assert sum(bar.count for bar in bars) == len(given_scores)
    assert len(bars) <= MOST_BARS
    if not bars or bars[0].low == bars[0].high:
        return
    assert len({bar.high - bar.low for bar in bars}) == 1
    assert all(left.high == right.low for left, right in pairwise(bars))
    assert bars[0].count
    assert bars[-1].count
    for bar in bars:
        inside = sum(bar.low <= score < bar.high for score in given_scores)
        at_ends = sum(score in (bar.low, bar.high) for score in given_scores)
        assert abs(bar.count - inside) <= at_ends  # below zero an edge belongs to the other bar


def test_a_histogram_of_close_scores_has_finer_bars() -> None:
    counters = Counters()
    for score in range(1000, 1100):
        counters.replace(None, Decimal(score))
    bars = histogram(counters.read)
    assert len(bars) >= 8
    assert sum(bar.count for bar in bars) == 100

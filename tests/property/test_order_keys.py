"""Order keys against the order of scores and moments, and the numbers that the ends of ranges stand for."""

from datetime import UTC, datetime
from decimal import Context, Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from scorecast.leaderboard.order_key import (
    HIGHEST,
    LARGEST,
    difference,
    last_before,
    lowest_score,
    next_score,
    previous_score,
    score_order,
    separator,
    tie_order,
)
from scorecast.leaderboard.policy import Order

DIGITS = Context(prec=38)
# Every DynamoDB number: 38 digits, magnitudes from -130 to 125, both signs, and zero.
scores = st.one_of(
    st.integers(-1000, 1000).map(Decimal),
    st.builds(
        lambda sign, digits, exponent: DIGITS.create_decimal(Decimal((sign, digits, exponent - len(digits) + 1))),
        st.integers(0, 1),
        st.lists(st.integers(0, 9), min_size=1, max_size=38).map(lambda digits: (digits[0] or 1, *digits[1:])),
        st.integers(-130, 125),
    ),
)
orders = st.sampled_from(Order)

moments = st.datetimes(datetime(2020, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001 - hypothesis wants them naive
    lambda moment: moment.replace(tzinfo=UTC)
)
sequences = st.integers(0, 10**21).map(lambda number: str(number).zfill(40))


def written(moment: datetime) -> str:
    """Return a moment as a change has it: with a fraction only if there is one."""
    return moment.isoformat().replace("+00:00", "Z")


@given(scores, scores, orders)
def test_the_text_of_the_better_score_comes_first(one: Decimal, other: Decimal, order: Order) -> None:
    texts = score_order(one, order), score_order(other, order)
    assert (texts[0] < texts[1]) == order.is_better(one, other)
    assert (texts[0] == texts[1]) == (one == other)


@given(st.lists(st.tuples(st.integers(-3, 3).map(Decimal), moments, sequences), max_size=20), orders)
def test_the_texts_are_in_the_order_of_score_then_moment_then_sequence(
    entries: list[tuple[Decimal, datetime, str]], order: Order
) -> None:
    sign = 1 if order is Order.ASCENDING else -1
    by_text = sorted(entries, key=lambda one: tie_order(one[0], order, written(one[1]), one[2]))
    assert by_text == sorted(entries, key=lambda one: (sign * one[0], one[1], one[2]))


@given(scores, scores, orders, moments, sequences)
def test_a_page_that_begins_at_a_score_begins_with_its_first(
    one: Decimal, other: Decimal, order: Order, moment: datetime, sequence: str
) -> None:
    text = tie_order(one, order, written(moment), sequence)
    assert (text >= score_order(other, order)) == (one == other or order.is_better(other, one))


@given(scores, orders)
def test_all_notations_of_a_score_have_one_text(score: Decimal, order: Order) -> None:
    texts = {score_order(Decimal(form.format(score)), order) for form in ("{}", "{:f}", "{:e}")}
    assert len(texts) == 1
    assert len(texts.pop()) == 42


def test_an_entry_without_a_time_is_the_first_of_those_with_its_score() -> None:
    by_hand = tie_order(Decimal(9), Order.DESCENDING, "", "")
    dated = tie_order(Decimal(9), Order.DESCENDING, "2026-01-01T00:00:00Z", "1".zfill(40))
    better = tie_order(Decimal(10), Order.DESCENDING, "2026-01-01T00:00:00Z", "1".zfill(40))
    assert better < by_hand < dated


@given(scores)
def test_a_key_stands_for_its_score(score: Decimal) -> None:
    assert lowest_score(score_order(score)) == score


@given(scores)
def test_the_next_score_is_the_next_number_of_38_digits(score: Decimal) -> None:
    after = next_score(score)
    assert after > score
    assert score_order(score) < score_order(after)
    assert previous_score(after) == score
    assert lowest_score(score_order(score) + HIGHEST) == after


@given(scores, scores, scores)
def test_the_end_of_a_range_divides_scores_as_it_divides_their_keys(
    one: Decimal, other: Decimal, third: Decimal
) -> None:
    assume(one != other)
    low, high = sorted([score_order(one), score_order(other)])
    for end in (separator(low, high), high, high + HIGHEST):
        assert low < end
        assert (score_order(third) >= end) == (third >= lowest_score(end))
        assert len(end) <= len(high) + 1


@given(st.text("0129/T:.-", min_size=1), st.text("0129/T:.-", min_size=1))
def test_the_last_text_before_a_key_leaves_nothing_out(one: str, key: str) -> None:
    assert last_before(key) < key
    assert (one < key) == (one <= last_before(key))


@given(scores, scores)
def test_a_difference_is_the_nearest_number_that_dynamodb_has(one: Decimal, other: Decimal) -> None:
    exact, found = Fraction(one) - Fraction(other), difference(one, other)
    assert found == DIGITS.plus(found)
    assert not found or -130 <= found.adjusted() <= 125
    assert found.copy_abs() <= LARGEST
    if abs(exact) <= Fraction(LARGEST):
        nearer = [abs(Fraction(near) - exact) for near in (previous_score(found), next_score(found))]
        assert abs(Fraction(found) - exact) <= min(nearer) or not found

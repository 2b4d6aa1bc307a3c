"""The names, the periods and the policies of derived boards."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scorecast.errors import CannotRead
from scorecast.leaderboard.derived_board import period_at, period_named, period_policy, policy_by_name, value_of
from scorecast.leaderboard.policy import BoardPolicy, Corrections, Every, Keep, Order, Ties, make_policy

MOMENT = datetime(2027, 1, 1, 12, tzinfo=UTC)
BASE = BoardPolicy(
    order=Order.ASCENDING,
    keep=Keep.BEST,
    ties=Ties.EARLIEST,
    closes_at="2026-11-28T00:00:00Z",
    corrections=Corrections.OPEN,
    every=Every.WEEK,
    by=("country", "a.b"),
)


@pytest.mark.parametrize(
    ("every", "name", "start", "end"),
    [
        (Every.DAY, "2027-01-01", "2027-01-01", "2027-01-02"),
        (Every.WEEK, "2026-W53", "2026-12-28", "2027-01-04"),
        (Every.MONTH, "2027-01", "2027-01-01", "2027-02-01"),
    ],
)
def test_a_period_has_a_name_a_start_and_an_end(every: Every, name: str, start: str, end: str) -> None:
    found = period_at(BoardPolicy(every=every), MOMENT)
    assert (found.name, str(found.start.date()), str(found.end.date())) == (name, start, end)


@pytest.mark.parametrize("every", Every)
@pytest.mark.parametrize("time_zone", ["UTC", "America/New_York", "Africa/Casablanca", "Pacific/Apia"])
def test_periods_follow_each_other_without_a_gap(every: Every, time_zone: str) -> None:
    policy = BoardPolicy(every=every, time_zone=time_zone)
    found = period_at(policy, MOMENT)
    for _ in range(60):
        before = found.before(policy)
        assert before.end == found.start
        assert period_at(policy, before.start) == before == period_named(policy, before.name)
        assert period_at(policy, before.end - timedelta(seconds=1)) == before
        found = before


@pytest.mark.parametrize(
    ("every", "many", "kept_until"),
    [
        (Every.DAY, 1, "2027-01-03T00:00:00Z"),
        (Every.WEEK, 12, "2027-03-29T00:00:00Z"),
        (Every.MONTH, 11, "2028-01-01T00:00:00Z"),
        (Every.MONTH, 12, "2028-02-01T00:00:00Z"),
        (Every.MONTH, 1000, "2110-06-01T00:00:00Z"),
    ],
)
def test_a_period_is_kept_until_so_many_others_have_ended(every: Every, many: int, kept_until: str) -> None:
    policy = BoardPolicy(every=every, keep_periods=many)
    found = period_policy("Golf", policy, period_at(policy, MOMENT))
    assert (found.kept_until, found.keep_periods) == (kept_until, None)
    assert found.has_expired(kept_until)
    assert not found.has_expired("2027-01-02T23:59:59Z")


def test_periods_are_kept_until_midnight_in_their_time_zone() -> None:
    policy = BoardPolicy(every=Every.MONTH, keep_periods=5, time_zone="America/New_York")
    assert period_policy("Golf", policy, period_at(policy, MOMENT)).kept_until == "2027-07-01T04:00:00Z"


def test_a_day_is_as_long_as_its_time_zone_makes_it() -> None:
    found = period_at(BoardPolicy(every=Every.DAY, time_zone="Europe/Berlin"), datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert found.end.astimezone(UTC) - found.start.astimezone(UTC) == timedelta(hours=25)


@pytest.mark.parametrize("name", ["2026-W54", "2026-11-31", "2026-13", "2026-11", "country.CN", "2026-11-26 "])
def test_other_names_are_no_periods(name: str) -> None:
    assert all(period_named(BoardPolicy(every=every), name) is None for every in (Every.DAY, Every.WEEK))


def test_a_period_ends_with_its_base() -> None:
    inherited = BoardPolicy(BASE.order, BASE.keep, BASE.ties, BASE.closes_at, BASE.corrections, base="Golf")
    policy = policy_by_name("Golf~2026-W48", {"Golf": BASE})
    assert policy == period_policy("Golf", BASE, period_at(BASE, datetime(2026, 11, 26, tzinfo=UTC)))
    assert policy == replace(inherited, starts_at="2026-11-23T00:00:00Z")
    earlier = policy_by_name("Golf~2026-W47", {"Golf": BASE})
    assert earlier is not None
    assert earlier.closes_at == "2026-11-23T00:00:00Z"


@pytest.mark.parametrize(
    ("board", "base", "attribute", "value"),
    [
        ("Golf~country.CN", "Golf", "country", "CN"),
        ("Golf~a.b.c", "Golf", "a.b", "c"),
        ("Golf~2~country.a~b", "Golf~2", "country", "a~b"),
    ],
)
def test_the_board_of_a_value_is_known_by_its_name(board: str, base: str, attribute: str, value: str) -> None:
    policy = policy_by_name(board, {base: BASE})
    assert policy is not None
    assert (policy.base, policy.attribute, policy.starts_at, policy.order) == (base, attribute, None, BASE.order)
    assert value_of(board, policy) == value


@pytest.mark.parametrize("board", ["Golf", "Golf~2026", "Golf~team.x", "Chess~2026-W48", "~2026-W48", "Golf~"])
def test_any_other_board_is_no_derived_one(board: str) -> None:
    assert policy_by_name(board, {"Golf": BASE, "Chess": BoardPolicy(order=Order.ASCENDING)}) is None


@pytest.mark.parametrize("time_zone", ["Mars/Base", "", "../etc/passwd", "Europe", "/etc/localtime", "a\0b"])
def test_an_unknown_time_zone_is_refused(time_zone: str) -> None:
    with pytest.raises(CannotRead, match="it must be an IANA name such as Asia/Shanghai"):
        make_policy(time_zone=time_zone)


def test_too_many_attributes_are_refused_and_repeats_are_one() -> None:
    assert make_policy(by="a,b,a").by == ("a", "b")
    for by in ("a,b,c,d,e,f", "a,,b"):
        with pytest.raises(CannotRead, match="at most 5 attributes"):
            make_policy(by=by)

"""Deliveries are tried again as often and as long as their policy says, at growing intervals."""

import pytest

from scorecast.twin.pace import TIME_FACTOR
from scorecast.twin.retry_schedule import AGE_S, LONGEST_PAUSE_S, exhausted, next_attempt


def test_the_defaults_are_185_retries_and_24_hours() -> None:
    end = 24 * 3600 / TIME_FACTOR
    assert exhausted({}, 184, since=0, now=end - 1) is None
    assert exhausted({}, 185, since=0, now=1) == "MaximumRetryAttempts"
    assert exhausted({}, 7, since=0, now=end) == "MaximumEventAgeInSeconds"


def test_a_policy_may_allow_no_retry_and_a_minute() -> None:
    assert exhausted({"MaximumRetryAttempts": 0}, 0, since=0, now=0) == "MaximumRetryAttempts"
    assert exhausted({"MaximumEventAgeInSeconds": 60}, 0, since=0, now=60 / TIME_FACTOR) == "MaximumEventAgeInSeconds"


@pytest.mark.parametrize(
    ("retries", "longest_s"), [(0, 1), (1, 2), (5, 32), (8, 256), (9, LONGEST_PAUSE_S), (180, 480)]
)
def test_pauses_double_up_to_eight_minutes_and_vary_by_half(retries: int, longest_s: int) -> None:
    pauses = [TIME_FACTOR * (next_attempt({}, retries, since=0, now=7) - 7) for _ in range(50)]
    assert longest_s / 2 <= min(pauses) < max(pauses) <= longest_s * (1 + 1e-9)


def test_the_last_attempt_is_at_the_end_of_the_age() -> None:
    policy = {"MaximumEventAgeInSeconds": 600}
    assert next_attempt(policy, 12, since=0, now=599 / TIME_FACTOR) == 600 / TIME_FACTOR


def test_185_retries_fill_24_hours() -> None:
    longest_s = sum(min(2**retries, LONGEST_PAUSE_S) for retries in range(185))
    assert 0.95 * AGE_S < longest_s < AGE_S

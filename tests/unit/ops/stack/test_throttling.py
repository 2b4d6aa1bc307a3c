"""Calls that DynamoDB throttles are repeated, and others are not."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.throttling import GIVE_UP_S, repeat_throttled
from tests.support.ops_fakes import FakeClock, refusal


def refusing(times: int, code: str) -> Callable[[], str]:
    """A call that is refused some times."""
    errors = iter([refusal(code)] * times)

    def call() -> str:
        if error := next(errors, None):
            raise error
        return "done"

    return call


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"]
)
def test_a_throttled_call_is_repeated_after_pauses(code: str) -> None:
    fake = FakeClock()
    assert repeat_throttled(refusing(5, code), "wait", Clock(fake.now, fake.sleep)) == "done"
    assert 0.5 < fake.time_s < 2


def test_a_call_that_is_throttled_for_a_minute_is_given_up_with_advice() -> None:
    fake = FakeClock()
    with pytest.raises(UserError, match="throttled a call for 60 s: choose a lower --rate"):
        repeat_throttled(refusing(10**6, "ThrottlingException"), "choose a lower --rate", Clock(fake.now, fake.sleep))
    assert fake.time_s == pytest.approx(GIVE_UP_S)


def test_any_other_error_is_raised_at_once() -> None:
    fake = FakeClock()
    with pytest.raises(ClientError):
        repeat_throttled(refusing(1, "AccessDeniedException"), "wait", Clock(fake.now, fake.sleep))
    assert fake.time_s == 0

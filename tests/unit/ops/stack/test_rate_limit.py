"""A rate limit counts the items of all callers, and starts at once."""

from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.rate_limit import RateLimit
from tests.support.ops_fakes import FakeClock


def test_the_rate_limit_applies_to_all_callers_together() -> None:
    fake = FakeClock()
    rate_limit = RateLimit(50, Clock(fake.now, fake.sleep))
    for _ in range(5):
        rate_limit.wait(100)
    assert fake.time_s == 8


def test_no_items_wait_for_nothing() -> None:
    fake = FakeClock()
    limit = RateLimit(1, Clock(fake.now, fake.sleep))
    limit.wait(100)
    limit.wait(0)
    assert fake.time_s == 0

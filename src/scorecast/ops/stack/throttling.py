"""Throttling: calls that DynamoDB throttles are repeated after a pause, for at most a minute."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.stack.aws_errors import aws_code_of
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until

GIVE_UP_S = 60
LONGEST_PAUSE_S = 5
_THROTTLED = {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}

T = TypeVar("T")


def is_throttled(error: ClientError) -> bool:
    """Whether DynamoDB's answer means to try again later."""
    return aws_code_of(error) in _THROTTLED


def first_pause_s() -> float:
    """Return how long to wait before the second attempt; random, because several threads call at once."""
    return 0.05 * random.uniform(1, 2)


def repeat_throttled(call: Callable[[], T], advice: str, clock: Clock = CLOCK) -> T:
    """Make a call, and repeat it while DynamoDB throttles it; return its result.

    `advice` is the next step that the error names after GIVE_UP_S: `run it again`.
    """
    for _ in poll_until(GIVE_UP_S, first_pause_s(), LONGEST_PAUSE_S, clock):
        try:
            return call()
        except ClientError as error:
            if not is_throttled(error):
                raise
    raise UserError(f"DynamoDB has throttled a call for {GIVE_UP_S} s: {advice}.")

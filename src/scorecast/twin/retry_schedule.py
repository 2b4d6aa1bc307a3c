"""When EventBridge retries a failed delivery, and when it gives up. Pure.

Policies and pauses are in seconds of AWS, all other times in seconds of the twin.
"""

import random
from collections.abc import Mapping

from scorecast.twin.pace import here

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html: the defaults, which are also the
# maximum.
RETRIES = 185
AGE_S = 86_400
# AWS says "exponential back off and jitter" and gives no figures. With pauses of at most eight minutes, 185 retries
# fill the 24 hours.
LONGEST_PAUSE_S = 480

Policy = Mapping[str, int]


def exhausted(policy: Policy, retries: int, since: float, now: float) -> str | None:
    """Return the limit that a failed delivery has reached, as EventBridge names it; None if it will be retried."""
    if retries >= policy.get("MaximumRetryAttempts", RETRIES):
        return "MaximumRetryAttempts"
    return "MaximumEventAgeInSeconds" if now >= _end(policy, since) else None


def next_attempt(policy: Policy, retries: int, since: float, now: float) -> float:
    """Return the time of the next attempt; the last one is when the event reaches its maximum age."""
    longest = min(2**retries, LONGEST_PAUSE_S)
    pause_s: float = random.uniform(longest / 2, longest)
    return min(now + here(pause_s), _end(policy, since))


def _end(policy: Policy, since: float) -> float:
    return since + here(policy.get("MaximumEventAgeInSeconds", AGE_S))

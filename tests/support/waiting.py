"""Waiting with a deadline instead of a sleep."""

from collections.abc import Callable
from typing import TypeVar

from scorecast.ops.stack.polling import poll_until

Value = TypeVar("Value")


def eventually(
    check: Callable[[], Value], deadline_s: float = 60.0, *, also: type[Exception] = AssertionError
) -> Value:
    """Call `check` until it raises no AssertionError, nor `also`, and return its value; show the last error at the end.

    Wait for all that is asserted: changes of different items, their backups, dead letters and log lines arrive in any
    order, so one that is there says nothing about the others.
    """
    last: Exception | None = None
    for _ in poll_until(deadline_s, pause_s=0.02, longest_pause_s=0.2):
        try:
            return check()
        except (AssertionError, also) as error:
            last = error
    raise AssertionError(f"The deadline of {deadline_s} s is over.") from last

"""Waiting with a deadline instead of a sleep."""

from collections.abc import Callable
from typing import TypeVar

from scorecast.ops.stack.polling import poll_until

Value = TypeVar("Value")


def eventually(check: Callable[[], Value], deadline_s: float = 60.0) -> Value:
    """Call `check` until it raises no AssertionError, and return its value; past the deadline, show the last one."""
    last = None
    for _ in poll_until(deadline_s, pause_s=0.02, longest_pause_s=0.2):
        try:
            return check()
        except AssertionError as error:
            last = error
    raise AssertionError(f"The deadline of {deadline_s} s is over.") from last

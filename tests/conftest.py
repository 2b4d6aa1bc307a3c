"""What all tests share: waiting for something to become true, with a deadline instead of a sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def eventually(check: Callable[[], Value], deadline_s: float = 30.0) -> Value:
    """Call `check` until it raises no AssertionError any more, and return its value; past the deadline it raises."""
    until = time.monotonic() + deadline_s
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > until:
                raise
        time.sleep(0.05)

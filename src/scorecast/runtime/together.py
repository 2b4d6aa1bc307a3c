"""Calls at the same time: what does not depend on each other takes one round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

# As many connections as the functions' HTTP client keeps to one service.
CALLS = 10

T = TypeVar("T")
Together = Callable[[Iterable[Callable[[], Any]]], list[Any]]
"""What makes calls at the same time."""


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make calls at the same time; return their results in order, or raise the first error."""
    waiting = [*calls]
    if not waiting:
        return []
    first, *others = waiting
    futures = [(_threads().submit(call), call) for call in others]
    # A call that no thread has begun is made here; so calls that make calls themselves never wait for a free thread.
    return [first(), *(call() if future.cancel() else future.result() for future, call in futures)]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CALLS)

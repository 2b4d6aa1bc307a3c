"""Concurrent calls: calls that do not depend on each other take one round trip together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

# As many connections as the functions' HTTP client keeps to one service.
CALLS = 10

T = TypeVar("T")
Together = Callable[[Iterable[Callable[[], Any]]], list[Any]]
"""Makes calls concurrently."""


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make calls concurrently; return their results in order, or raise the first error."""
    waiting = [*calls]
    if not waiting:
        return []
    first, *others = waiting
    futures = [(_threads().submit(call), call) for call in others]
    # A call that no thread has begun runs here, so nested calls never wait for a free thread.
    return [first(), *(call() if future.cancel() else future.result() for future, call in futures)]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CALLS)

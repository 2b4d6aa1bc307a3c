"""Calls at the same time: what does not depend on each other takes one round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

# As many connections as the functions' HTTP client keeps to one service.
CALLS = 10

T = TypeVar("T")


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make calls at the same time; return their results in order, or raise the first error."""
    first, *others = [*calls] or [None]
    if first is None:
        return []
    futures = [_threads().submit(call) for call in others]
    return [first(), *(future.result() for future in futures)]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CALLS)

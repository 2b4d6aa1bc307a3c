"""Work that MiniStack does for each event or item, and that nobody needs; `patches.apply` leaves it out.

It was found by profiling the engine during `scorecast load`; docs/performance.md has what is left.
"""

import gc
import logging
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from ministack.services import dynamodb, eventbridge

from scorecast.twin.patch import wrap


def apply() -> None:
    """Leave out all of it."""
    write_no_line_for_each_event()
    forget_events_that_were_delivered()
    collect_garbage_seldom()
    copy_items_without_memory()
    read_numbers_once()


def write_no_line_for_each_event() -> None:
    """MiniStack logs each event that it delivers to a queue: 4 % of the engine's time, and a log without end."""
    logging.getLogger("events").setLevel(logging.WARNING)


def forget_events_that_were_delivered() -> None:
    """MiniStack keeps every event for ever, and reads none of them."""
    last = deque[object](maxlen=1)
    eventbridge._events_log_list = lambda: last


def collect_garbage_seldom() -> None:
    """Python searches all objects for garbage whenever their number has grown by a quarter, so often during a load.

    The young ones are still searched. All are when the engine has become quiet, or after 200 million new ones.
    """
    gc.set_threshold(10_000, 20, 1_000)


def copy_items_without_memory() -> None:
    """MiniStack copies items with `deepcopy`, which remembers every part of them; an item is a tree of JSON."""
    dynamodb.copy = SimpleNamespace(deepcopy=copied)


_LEAVES = {str, int, float, bool, bytes, type(None)}


def copied(value: Any) -> Any:
    """Copy JSON, as `deepcopy` does, in a quarter of the time.

    >>> copied({"a": {"L": [{"S": "x"}]}})
    {'a': {'L': [{'S': 'x'}]}}
    """
    kind = type(value)
    if kind in _LEAVES:
        return value
    if kind is dict:
        return {name: copied(part) for name, part in value.items()}
    return [copied(part) for part in value] if kind is list else deepcopy(value)


def read_numbers_once() -> None:
    """MiniStack checks the same number in a request, an item and an index, several times a write."""
    wrap(dynamodb, "_ddb_canonicalize_number", _canonical)


def _canonical(original: Callable[[Any], str | None], number: Any) -> str | None:
    return _canonical_text(original, number) if isinstance(number, str) else original(number)


@lru_cache(maxsize=10_000)
def _canonical_text(original: Callable[[Any], str | None], number: str) -> str | None:
    return original(number)

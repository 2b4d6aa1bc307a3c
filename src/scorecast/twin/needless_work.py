"""Unneeded work that MiniStack does for each event or item; `patches.apply` leaves it out.

It was found by profiling the engine during `scorecast load`; docs/performance.md lists what remains.
"""

import gc
import logging
import re
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from copy import deepcopy
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import dynamodb, eventbridge

from scorecast.twin.patch import holding, wrap


def apply() -> None:
    """Leave out all of it."""
    write_no_line_for_each_event()
    forget_events_that_were_delivered()
    collect_garbage_seldom()
    copy_items_without_memory()
    update_once()
    check_conditions_once()
    read_numbers_once()
    measure_texts_without_encoding()
    read_policies_once()


def write_no_line_for_each_event() -> None:
    """MiniStack logs each event that it delivers to a queue: 4 % of the engine's time, and a log without end."""
    logging.getLogger("events").setLevel(logging.WARNING)


def forget_events_that_were_delivered() -> None:
    """MiniStack keeps every event for ever, and reads none of them."""
    last = deque[object](maxlen=1)
    eventbridge._events_log_list = lambda: last


def collect_garbage_seldom() -> None:
    """Python searches all objects for garbage whenever their number has grown by a quarter: often, during a load.

    Young objects are still searched. All are searched once the engine is idle, or after 200 million new ones.
    """
    gc.set_threshold(10_000, 20, 1_000)


def copy_items_without_memory() -> None:
    """MiniStack copies items with `deepcopy`, which keeps a memo of every part; a tree of JSON needs none."""
    dynamodb.copy = SimpleNamespace(deepcopy=copied)


_LEAVES = {str, int, float, bool, bytes, type(None)}
# An attribute of these types is one value, which is replaced and never changed.
_SCALARS = {"S", "N", "B", "BOOL", "NULL"}


def copied(value: Any) -> Any:
    """Copy JSON, as `deepcopy` does, in an eighth of the time; scalar attributes are shared with the copy.

    >>> copied({"a": {"L": [{"S": "x"}]}})
    {'a': {'L': [{'S': 'x'}]}}
    """
    kind = type(value)
    if kind in _LEAVES:
        return value
    if kind is dict:
        if len(value) == 1:
            ((name, part),) = value.items()
            if name in _SCALARS and type(part) in _LEAVES:
                return value
        return {name: copied(part) for name, part in value.items()}
    return [copied(part) for part in value] if kind is list else deepcopy(value)


def update_once() -> None:
    """MiniStack updates an item of a transaction three times: to test the index keys, to test it, and to write it."""
    wrap(dynamodb, "_transact_write_items", _transact_write)
    wrap(dynamodb, "_apply_update_expression", _update)


# What a transaction has updated so far, by the id of the action's values, which JSON gives a dictionary per action.
_updates: ContextVar[dict[int, Any] | None] = ContextVar("updates", default=None)


def _transact_write(original: Callable[[Any], Any], data: Any) -> Any:
    with holding(_updates, {}):
        return original(data)


def _update(original: Callable[..., Any], item: Any, expression: str, values: Any, *of: Any) -> Any:
    updates = _updates.get()
    if updates is None or not values:
        return original(item, expression, values, *of)
    if id(values) not in updates:
        updates[id(values)] = original(item, expression, values, *of)
    return updates[id(values)]


def check_conditions_once() -> None:
    """MiniStack tests the condition of a transaction's action on nothing, to find its mistakes, and then on the item.

    A condition has the same mistakes with other values of the same types.
    """
    wrap(dynamodb, "_transact_write_action_error", _action_error)
    wrap(dynamodb, "_evaluate_condition", _condition)


_only_checks: ContextVar[bool] = ContextVar("only_checks", default=False)
# Conditions known to have no mistakes: the condition, its names, and the types of its values.
_checked: set[tuple[Any, ...]] = set()
_MOST_CHECKED = 10_000
# Its bounds may be in the wrong order.
_BETWEEN = re.compile("between", re.IGNORECASE)


def _action_error(original: Callable[..., Any], kind: str, action: Any) -> Any:
    with holding(_only_checks, True):
        return original(kind, action)


def _condition(original: Callable[..., bool], text: str, item: Any, values: Any, names: Any, **of: Any) -> bool:
    if not _only_checks.get() or _BETWEEN.search(text) or not _are_plain(values, names):
        return original(text, item, values, names, **of)
    checked = (text, *names.items(), *((name, *value) for name, value in values.items()))
    if checked not in _checked:
        original(text, item, values, names, **of)
        if len(_checked) >= _MOST_CHECKED:
            _checked.clear()
        _checked.add(checked)
    return False  # nobody uses the result


def _are_plain(values: Any, names: Any) -> bool:
    return (
        isinstance(values, dict)
        and isinstance(names, dict)
        and all(type(one) is dict for one in values.values())
        and all(type(one) is str for one in names.values())
    )


def measure_texts_without_encoding() -> None:
    """MiniStack encodes every name and text of an item to count its bytes, and takes every number apart."""
    wrap(dynamodb, "_item_size_bytes", _item_bytes)
    dynamodb._number_size_bytes = lru_cache(maxsize=10_000)(dynamodb._number_size_bytes)


def _item_bytes(original: Callable[[Any], int], item: Any) -> int:
    if not isinstance(item, dict):
        return original(item)
    size = 0
    for name, value in item.items():
        text = value.get("S") if type(value) is dict and len(value) == 1 else None
        size += _bytes_of(name)
        size += _bytes_of(text) if isinstance(text, str) else dynamodb._attribute_value_size(value)
    return size


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def read_numbers_once() -> None:
    """MiniStack checks the same number in a request, an item and an index, several times per write."""
    wrap(dynamodb, "_ddb_canonicalize_number", _canonical)


def _canonical(original: Callable[[Any], str | None], number: Any) -> str | None:
    return _canonical_text(original, number) if isinstance(number, str) else original(number)


@lru_cache(maxsize=10_000)
def _canonical_text(original: Callable[[Any], str | None], number: str) -> str | None:
    return original(number)


def read_policies_once() -> None:
    """MiniStack reads all policies of a function's role, twice for each of its requests."""
    read = iam_evaluator.parse_policy_document
    read_text = lru_cache(maxsize=1024)(read)
    iam_evaluator.parse_policy_document = lambda policy: (
        [*read_text(policy)] if isinstance(policy, str) else read(policy)
    )

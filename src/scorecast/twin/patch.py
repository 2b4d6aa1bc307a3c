"""What patches are made of: a function of MiniStack wrapped in another one, and a variable that holds during a call."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, TypeVar

T = TypeVar("T")


def wrap(module: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace `module.name(...)` by `wrapper(original, ...)`."""
    original = getattr(module, name)
    setattr(module, name, wraps(original)(partial(wrapper, original)))


def wrap_handler(module: Any, action: str, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace `module.name(...)` as `wrap` does, also where MiniStack has it for an action."""
    wrap(module, name, wrapper)
    module._HANDLERS[action] = getattr(module, name)


@contextmanager
def holding(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Let a variable have a value in the calls inside, and the one before afterwards."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)

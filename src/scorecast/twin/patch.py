"""Tools for patches: wrap a function of MiniStack in another one, and set a variable for the duration of a call."""

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
    """Replace `module.name(...)` as `wrap` does, and also MiniStack's handler for the action."""
    wrap(module, name, wrapper)
    module._HANDLERS[action] = getattr(module, name)


@contextmanager
def holding(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Set a variable within the context, and restore its previous value afterwards."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)

"""Wrap a function of MiniStack in another one, which receives the original as its first argument."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any


def wrap(module: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace `module.name(...)` by `wrapper(original, ...)`."""
    original = getattr(module, name)
    setattr(module, name, wraps(original)(partial(wrapper, original)))

"""How a function of MiniStack is put right: by another one around it, which is handed the original."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any


def wrap(module: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace module.name by wrapper(original, ...)."""
    original = getattr(module, name)
    setattr(module, name, wraps(original)(partial(wrapper, original)))

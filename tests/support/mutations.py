"""Documents with one value replaced: every way in which a message can have one wrong value."""

import copy
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def paths_of(document: Any, parent: Path = ()) -> Iterator[Path]:
    """The path of every value in a document, containers included, from the root down."""
    steps = document.items() if isinstance(document, dict) else enumerate(document)
    for step, value in steps:
        yield (*parent, step)
        if isinstance(value, dict | list):
            yield from paths_of(value, (*parent, step))


def exchanged(document: Any, path: Path, value: Any) -> Any:
    """A copy of the document with another value at the path."""
    changed = copy.deepcopy(document)
    *parents, last = path
    holder = changed
    for step in parents:
        holder = holder[step]
    holder[last] = value
    return changed

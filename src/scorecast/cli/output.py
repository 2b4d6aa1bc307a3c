"""How commands print: data on standard output, progress and notes on standard error, tables that never cut text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

data = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


def plain(text: str) -> Text:
    """Text without markup; unprintable characters cannot reach the terminal."""
    return Text("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))


def make_table(*columns: str | Text, right: Collection[str] = (), **attributes: Any) -> Table:
    """Make a table whose cells fold if the terminal or the pipe is too narrow; `right` has right-aligned columns."""
    table = Table(title_justify="left", **attributes)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


@contextmanager
def counting(title: str, total: int | None = None, *, is_hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """Show how many things are done, and of how many if known; call the result with each further number."""
    count = "{task.completed:,}" if total is None else "{task.completed:,} of {task.total:,}"
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn(count), TimeElapsedColumn())
    is_hidden = is_hidden or not notes.is_terminal
    with Progress(*columns, console=notes, transient=True, disable=is_hidden) as progress:
        task = progress.add_task(title, total=total)
        yield lambda count: progress.advance(task, count)

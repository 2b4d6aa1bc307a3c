"""How commands answer: data on standard output, progress and notes on standard error, tables that never cut text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

data = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


def plain(text: str) -> Text:
    """Text without markup; a character that is not printable cannot reach the terminal."""
    return Text("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))


def make_table(*columns: str | Text, right: Collection[str] = (), **attributes: Any) -> Table:
    """Make a table whose cells fold where the terminal or the pipe is too narrow; `right` aligns some columns."""
    table = Table(title_justify="left", **attributes)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table

"""The command `scorecast`: thin commands over ops and twin. What a user can mend is one sentence, never a traceback."""

from __future__ import annotations

import sys

import typer
from rich.markup import escape

from scorecast.cli import board, boards, consumers, cost, dlq, load, rebuild, recovery, twin
from scorecast.cli.options import notes
from scorecast.errors import ScorecastError
from scorecast.ops.stack.aws_errors import explained

app = typer.Typer(
    name="scorecast",
    help="Every change of a DynamoDB table as an event on a bus, and live, exact leaderboards from them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

for module in (twin, board, boards, load, consumers, rebuild, dlq, recovery, cost):
    app.add_typer(module.app)


def main() -> None:
    """Run the command line."""
    try:
        with explained():
            app()
    except ScorecastError as error:
        notes.print(f"[red]scorecast:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(getattr(error, "exit_code", 1))

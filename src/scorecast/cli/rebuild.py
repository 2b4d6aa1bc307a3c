"""The command that makes the index's counters anew."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from scorecast.cli.options import (
    DEFAULT_NAME,
    Json,
    Port,
    Profile,
    Region,
    StackName,
    data,
    notes,
    open_stack,
    print_json,
)
from scorecast.ops import rebuild as ops

app = typer.Typer()


@app.command()
def rebuild(
    as_json: Json = False,
    stack: StackName = DEFAULT_NAME,
    profile: Profile = None,
    region: Region = None,
    port: Port = None,
) -> None:
    """Count all entries of all boards anew, so that ranks and totals agree with them.

    Needed only where somebody has changed the leaderboard's tables by hand, or they are from before there was the
    index. Changes go on meanwhile: the consumer's queue keeps them, and the boards stand still until it is done.
    """
    where = open_stack(stack, profile, region, port)
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=notes) as progress:
        task = progress.add_task("Entries counted", total=None)
        rebuilt = ops.rebuild(where, lambda count: progress.advance(task, count))
    if as_json:
        print_json(asdict(rebuilt))
    else:
        data.print(f"Counted {rebuilt.entries:,} entries of {rebuilt.boards:,} boards into {rebuilt.nodes:,} nodes.")

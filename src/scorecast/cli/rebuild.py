"""The command that makes the index's counters anew."""

from __future__ import annotations

from dataclasses import asdict

from rich.progress import Progress, TextColumn, TimeElapsedColumn

from scorecast.cli.command import command, json_option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, notes
from scorecast.ops.recovery import rebuild as ops
from scorecast.ops.stack.stack import Options


@command()
@json_option
@with_stack_options
def rebuild(options: Options, as_json: bool) -> None:
    """Count all entries of all boards anew, so that ranks and totals agree with them.

    Needed only where somebody has changed the leaderboard's tables by hand, or they are from before there was the
    index. Changes go on meanwhile: the consumer's queue keeps them, and the boards stand still until it is done.
    """
    where = open_stack(options)
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=notes) as progress:
        task = progress.add_task("Entries counted", total=None)
        rebuilt = ops.rebuild(where, lambda count: progress.advance(task, count))
    if as_json:
        print_json(asdict(rebuilt))
    else:
        data.print(f"Counted {rebuilt.entries:,} entries of {rebuilt.boards:,} boards into {rebuilt.nodes:,} nodes.")

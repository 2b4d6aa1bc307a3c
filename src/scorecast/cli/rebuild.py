"""The command that counts the entries again for the index."""

from __future__ import annotations

from dataclasses import asdict

from rich.progress import Progress, TextColumn, TimeElapsedColumn

from scorecast.cli.command import command, json_option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, notes, plain
from scorecast.ops.recovery import rebuild as ops
from scorecast.ops.stack.stack import Options


@command()
@json_option
@with_stack_options
def rebuild(options: Options, as_json: bool) -> None:
    """Count all entries of all boards again, and correct the index that gives ranks and totals.

    Needed only if the leaderboard's tables were changed by hand (`scorecast verify --repair` corrects those boards), if
    they are older than the index, or to give positions on a board whose ties got an order later.
    The boards do not change until it is done; the consumer's queue keeps the changes that arrive meanwhile. Ctrl-C
    resumes the queue before it stops; after that or a kill, run this again.
    """
    stack = open_stack(options)
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=notes) as progress:
        task = progress.add_task("Entries counted", total=None)
        rebuilt = ops.rebuild(stack, lambda count: progress.advance(task, count), _tell)
    if as_json:
        print_json(asdict(rebuilt))
    else:
        data.print(_summary(rebuilt))


def _summary(rebuilt: ops.Rebuilt) -> str:
    counted = f"Counted {rebuilt.entries:,} entries of {rebuilt.boards:,} boards"
    if not rebuilt.replaced:
        return f"{counted}: the index was right."
    replaced = f"the index of {len(rebuilt.replaced):,} was replaced"
    return f"{counted}; {replaced}, and {rebuilt.moved:,} entries are in another range."


def _tell(text: str) -> None:
    notes.print(plain(text), soft_wrap=True)

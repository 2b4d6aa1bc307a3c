"""The commands for dead letters: list, show, redrive, purge."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scorecast.cli.command import (
    CommandGroup,
    Decorator,
    Whole,
    json_option,
    option,
    pass_gathered,
    print_json,
    rate_option,
)
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, make_table, notes, plain
from scorecast.errors import UserError
from scorecast.ops.dead_letters.destinations import Destinations
from scorecast.ops.dead_letters.filters import Filter, Group, group, read_filter
from scorecast.ops.dead_letters.images import with_images
from scorecast.ops.dead_letters.letters import STAGES, ParkedLetter
from scorecast.ops.dead_letters.queue import LetterQueue, open_letters
from scorecast.ops.dead_letters.redrive import Redrive, Redriven, purge
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options, Stack

CALLS_AT_ONCE = 4
SECTION = "Which letters"


def _filter_option(name: str, metavar: str, text: str) -> Decorator:
    declarations = (f"--{name}", "id_") if name == "id" else (f"--{name}",)
    return option(*declarations, metavar=metavar, section=SECTION, help=text)


with_filter = pass_gathered(
    lambda **given: read_filter(datetime.now(UTC), **given),
    {
        "reason": _filter_option("reason", "TEXT", "Only letters with this error code, or this text in their reason."),
        "stage": _filter_option("stage", "STAGE", f"Only letters of this stage: {', '.join(STAGES)}."),
        "older_than": _filter_option("older-than", "TIME", "Only letters parked before a time or age: 15m, 2h, 3d."),
        "newer_than": _filter_option("newer-than", "TIME", "Only letters parked after a time or age: 15m, 2h, 3d."),
        "board": _filter_option("board", "BOARD", "Only letters about this board."),
        "id_": _filter_option("id", "ID", "Only letters with this participant id, change id or message id."),
    },
)
"""Give a command the options that select letters; their filter is its next positional argument."""

dry_run_option = option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")


@click.group("dlq", cls=CommandGroup)
def dlq() -> None:
    """Inspect, redrive and delete dead letters."""


@dlq.command("list")
@json_option
@with_stack_options
@with_filter
def list_(options: Options, wanted: Filter, as_json: bool) -> None:
    """Count dead letters by stage and error code, with an example of a reason for each."""
    with open_letters(open_stack(options)) as queue:
        groups = group(_letters(queue, wanted))
    if as_json:
        print_json({"letters": sum(one.count for one in groups), "groups": [_shown_group(one) for one in groups]})
    elif groups:
        data.print(_groups_table(groups))
    else:
        data.print("There are no such dead letters.")


@dlq.command()
@option("--limit", "-n", type=Whole(1), default=10, metavar="N", help="Maximum number of letters to show.")
@option("--images", is_flag=True, help="Fetch images that were too large for a letter from S3.")
@json_option
@with_stack_options
@with_filter
def show(options: Options, wanted: Filter, limit: int, images: bool, as_json: bool) -> None:
    """Show dead letters in full: reason, times, attempts and content."""
    stack = open_stack(options)
    with open_letters(stack) as queue:
        letters = list(islice(_letters(queue, wanted), limit))
    if images:
        letters = [replace(letter, content=with_images(letter.content, stack.claims)) for letter in letters]
    if as_json:
        print_json({"letters": [letter.shown() for letter in letters]})
    elif not letters:
        data.print("There are no such dead letters.")
    for letter in [] if as_json else letters:
        _show(letter)


@dlq.command()
@rate_option("letters")
@dry_run_option
@json_option
@with_stack_options
@with_filter
def redrive(options: Options, wanted: Filter, rate: float | None, dry_run: bool, as_json: bool) -> None:
    """Send dead letters back to where they belong; each is deleted after its destination accepted it.

    Sending twice is harmless, and an interrupted run can be repeated. A letter whose cause is not fixed returns to the
    queue.
    """
    stack = open_stack(options)
    with ThreadPoolExecutor(CALLS_AT_ONCE) as executor, open_letters(stack) as queue:
        destinations = Destinations(stack, executor)
        if dry_run:
            _print_plan(queue, wanted, destinations, as_json)
            return
        with _progress(queue, "Sending again") as progress:
            done = Redrive(queue, destinations, wanted, progress).run(rate)
    _report(done, as_json)


@dlq.command("purge")
@option("--yes", is_flag=True, help="Delete without asking.")
@dry_run_option
@json_option
@with_stack_options
@with_filter
def purge_(options: Options, wanted: Filter, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete dead letters permanently.

    Without --yes it asks first, and deletes only the letters that it counted in its question.
    """
    stack = open_stack(options)
    if dry_run:
        with open_letters(stack) as queue:
            _print_plan(queue, wanted, None, as_json)
        return
    is_selected = wanted.matches if yes else _confirm_purge(stack, wanted)
    with open_letters(stack) as queue, _progress(queue, "Deleting") as progress:
        deleted = purge(queue, is_selected, progress)
    if as_json:
        print_json({"deleted": deleted})
    else:
        data.print(f"Deleted {_count_of(deleted)}.")


def _confirm_purge(stack: Stack, wanted: Filter) -> Callable[[ParkedLetter], bool]:
    """Ask whether to delete the selected letters; return a filter for them that excludes letters arriving later."""
    with open_letters(stack) as queue:
        counted = {letter.message_id for letter in _letters(queue, wanted)}
    question = f"Delete {_count_of(len(counted))} ({str(wanted) or 'no filter'}) permanently?"
    if counted and not click.confirm(plain(question).plain, err=True):
        raise UserError("Nothing was deleted.")
    return lambda letter: letter.message_id in counted


# ---------------------------------------------------------------- shared by the commands


def _letters(queue: LetterQueue, wanted: Filter) -> Iterator[ParkedLetter]:
    with _progress(queue, "Reading") as progress:
        for batch in queue.batches():
            progress(len(batch))
            yield from filter(wanted.matches, batch)


@contextmanager
def _progress(queue: LetterQueue, title: str) -> Iterator[Any]:
    """Show a progress bar over the approximate number of messages in the queue."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task(title, total=queue.count() if notes.is_terminal else None)
        yield lambda count: progress.advance(task, count)


def _print_plan(queue: LetterQueue, wanted: Filter, destinations: Destinations | None, as_json: bool) -> None:
    letters = list(_letters(queue, wanted))
    groups = group(letters)
    goes = {(one.stage, one.error_code): destinations.name_of(one.content) for one in letters} if destinations else {}
    if as_json:
        shown = [_shown_group(one) | {"to": goes.get((one.stage, one.error_code))} for one in groups]
        print_json({"dryRun": True, "letters": len(letters), "groups": shown})
        return
    for one in groups:
        destination = goes.get((one.stage, one.error_code))
        does = f"to {destination}" if destination else "to be deleted"
        data.print(plain(f"{one.count:,} of {one.stage}, {one.error_code}: {does}"), soft_wrap=True)
    data.print(f"{_count_of(len(letters))} in total; nothing was done.")


def _report(done: Redriven, as_json: bool) -> None:
    if as_json:
        counts = {"meant": done.selected, "sent": done.sent, "cameBack": done.came_back, "stayed": done.stayed}
        print_json(counts | {"refusals": dict(done.refusals)})
    elif not done.is_interrupted:
        more = f"; {done.came_back:,} came back or are about the same changes" if done.came_back else ""
        data.print(f"Sent {done.sent:,} of {_count_of(done.selected)} again{more}.")
    if done.is_interrupted:
        raise UserError(f"Stopped: sent {done.sent:,} again; the others are still in the queue.", ExitCode.INTERRUPTED)
    if done.stayed:
        reason, count = done.refusals.most_common(1)[0]
        of_them = f"{count:,} of them: " if count < done.stayed else ""
        raise UserError(
            f"Not accepted, and still in the queue: {_count_of(done.stayed)}; {of_them}{reason}", ExitCode.FAILED
        )


def _shown_group(one: Group) -> dict[str, Any]:
    return {
        "stage": one.stage,
        "errorCode": one.error_code,
        "count": one.count,
        "oldest": one.oldest,
        "newest": one.newest,
        "reason": one.example,
    }


def _count_of(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count:,} dead letters"


def _show(letter: ParkedLetter) -> None:
    """Print a letter for people: reason, participant, times, and its content as indented JSON."""
    data.print(plain(f"{letter.stage}, {letter.error_code}: {letter.reason}"), style="bold", soft_wrap=True)
    about = f"{letter.participant} on {letter.board}; " if letter.participant else ""
    tried = "1 attempt" if letter.attempts == 1 else f"{letter.attempts:,} attempts"
    since = f"parked at {letter.parked_at} after {tried}; message {letter.message_id}"
    data.print(plain(about + since), style="dim", soft_wrap=True)
    content = {name: _read(value) for name, value in letter.shown()["content"].items() if value is not None}
    for line in json.dumps(content, ensure_ascii=False, indent=2).splitlines():
        data.print(plain(line), soft_wrap=True)
    data.print()


def _read(value: Any) -> Any:
    """Parse a JSON text; return any other value unchanged."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _groups_table(groups: list[Group]) -> Table:
    table = make_table("stage", "error code", "count", "oldest", "reason, for example", right=["count"])
    table.columns[3].min_width = len("2026-01-31T12:00Z")
    for one in groups:
        oldest = one.oldest[: len("2026-01-31T12:00")] + "Z"
        table.add_row(*map(plain, (one.stage, one.error_code, f"{one.count:,}", oldest, one.example)))
    return table

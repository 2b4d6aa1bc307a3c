"""The commands for dead letters: list, show, redrive, purge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scorecast.cli.command import CommandGroup, Whole, json_option, option, pass_gathered, print_json, rate_option
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, make_table, notes, plain
from scorecast.errors import UserError
from scorecast.ops.dead_letters.destinations import Destinations
from scorecast.ops.dead_letters.filters import Filter, Group, group, read_filter
from scorecast.ops.dead_letters.images import with_images
from scorecast.ops.dead_letters.letters import ParkedLetter
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.dead_letters.redrive import Redrive, Redriven, purge
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options, Stack

CALLS_AT_ONCE = 4
SECTION = "Which letters"


def _filter_option(name: str, text: str, metavar: str = "TEXT") -> Any:
    return option(name, metavar=metavar, section=SECTION, help=text)


with_filter = pass_gathered(
    lambda **given: read_filter(datetime.now(UTC), **given),
    {
        "reason": _filter_option("--reason", "Only this error code, or part of the reason."),
        "stage": _filter_option(
            "--stage", "Only this stage: fanout, standings, stream, invocation, delivery, queue, unknown."
        ),
        "older_than": _filter_option("--older-than", "Only letters parked before: 15m, 2h, 3d, or a time.", "AGE"),
        "newer_than": _filter_option("--newer-than", "Only letters parked since: 15m, 2h, 3d, or a time.", "AGE"),
        "board": _filter_option("--board", "Only changes of this board."),
        "id_": _filter_option("--id", "Only this participant id, change id or message id."),
    },
)
"""Give a command the options that select letters; their filter is its next positional argument."""

dry_run_option = option("--dry-run", is_flag=True, help="Only say what would be done.")


@click.group("dlq", cls=CommandGroup)
def dlq() -> None:
    """Inspect, redrive and delete dead letters."""


@dlq.command("list")
@json_option
@with_stack_options
@with_filter
def list_(options: Options, wanted: Filter, as_json: bool) -> None:
    """Count the dead letters by stage and error code, with a reason of each kind."""
    with _queue(open_stack(options)) as queue:
        groups = group(_letters(queue, wanted))
    if as_json:
        print_json({"letters": sum(one.count for one in groups), "groups": [_shown_group(one) for one in groups]})
    elif groups:
        data.print(_groups_table(groups))
    else:
        data.print("There are no such dead letters.")


@dlq.command()
@option("--limit", "-n", type=Whole(1), default=10, metavar="N", help="Most letters to show.")
@option("--images", is_flag=True, help="Fetch images that were too large for the letter.")
@json_option
@with_stack_options
@with_filter
def show(options: Options, wanted: Filter, limit: int, images: bool, as_json: bool) -> None:
    """Show dead letters whole: why, since when, how often it was tried, and the change itself."""
    where = open_stack(options)
    with _queue(where) as queue:
        letters = list(islice(_letters(queue, wanted), limit))
    if images:
        letters = [replace(letter, content=with_images(letter.content, where.claims)) for letter in letters]
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
    """Send dead letters again to where they belong; each is deleted once it was taken there.

    Sending twice is harmless, and an interrupted run can be run again. What is not mended comes back to the queue.
    """
    where = open_stack(options)
    with ThreadPoolExecutor(CALLS_AT_ONCE) as executor, _queue(where) as queue:
        destinations = Destinations(where, executor)
        if dry_run:
            _say_what_is_meant(queue, wanted, destinations, as_json)
            return
        with _progress(queue, "Sending again") as progress:
            done = Redrive(queue, destinations, wanted, progress).run(rate)
    _report(done, as_json)


@dlq.command("purge")
@option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@json_option
@with_stack_options
@with_filter
def purge_(options: Options, wanted: Filter, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete dead letters for good."""
    with _queue(open_stack(options)) as queue:
        if dry_run:
            _say_what_is_meant(queue, wanted, None, as_json)
            return
        if not yes and not click.confirm("Delete these dead letters for good?", err=True):
            raise UserError("Nothing was deleted.")
        with _progress(queue, "Deleting") as progress:
            deleted = purge(queue, wanted, progress)
    if as_json:
        print_json({"deleted": deleted})
    else:
        data.print(f"Deleted {_letters_counted(deleted)}.")


# ---------------------------------------------------------------- what they share


def _queue(stack: Stack) -> LetterQueue:
    return LetterQueue(stack.client("sqs"), stack.output("FanoutDlqUrl"), stack.attributes)


def _letters(queue: LetterQueue, wanted: Filter) -> Iterator[ParkedLetter]:
    with _progress(queue, "Reading") as progress:
        for batch in queue.batches():
            progress(len(batch))
            yield from filter(wanted.matches, batch)


@contextmanager
def _progress(queue: LetterQueue, title: str) -> Iterator[Any]:
    """A bar over all messages of the queue, as many as SQS believes that there are."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task(title, total=queue.count())
        yield lambda count: progress.advance(task, count)


def _say_what_is_meant(queue: LetterQueue, wanted: Filter, destinations: Destinations | None, as_json: bool) -> None:
    letters = list(_letters(queue, wanted))
    groups = group(letters)
    goes = {(one.stage, one.error_code): destinations.name_of(one.content) for one in letters} if destinations else {}
    if as_json:
        shown = [_shown_group(one) | {"to": goes.get((one.stage, one.error_code))} for one in groups]
        print_json({"dryRun": True, "letters": len(letters), "groups": shown})
        return
    for one in groups:
        place = goes.get((one.stage, one.error_code))
        does = f"to {place}" if place else "to be deleted"
        data.print(plain(f"{one.count:,} of {one.stage}, {one.error_code}: {does}"), soft_wrap=True)
    data.print(f"{_letters_counted(len(letters))} in all; nothing was done.")


def _report(done: Redriven, as_json: bool) -> None:
    if as_json:
        counts = {"meant": done.meant, "sent": done.sent, "cameBack": done.came_back, "stayed": done.stayed}
        print_json(counts | {"refusals": dict(done.refusals)})
    elif not done.is_interrupted:
        more = f"; {done.came_back:,} came back, or are about the same changes" if done.came_back else ""
        data.print(f"Sent {done.sent:,} of {_letters_counted(done.meant)} again{more}.")
    if done.is_interrupted:
        raise UserError(f"Stopped: sent {done.sent:,} again, the others are still in the queue.", ExitCode.INTERRUPTED)
    if done.stayed:
        reason, count = done.refusals.most_common(1)[0]
        of_them = f"{count:,} of them: " if count < done.stayed else ""
        raise UserError(
            f"Not taken, and still in the queue: {_letters_counted(done.stayed)}; {of_them}{reason}", ExitCode.FAILED
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


def _letters_counted(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count:,} dead letters"


def _show(letter: ParkedLetter) -> None:
    """A letter for people: why, whose, since when, and what it holds, indented."""
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
    """What a text of JSON says; whatever else as it is."""
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

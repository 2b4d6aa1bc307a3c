"""The command that erases a participant: forget."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from scorecast.cli.command import Number, command, id_argument, json_option, option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, make_table, notes, plain
from scorecast.errors import UserError
from scorecast.ops.erasure.erasure import ENTRIES, ITEMS, LETTERS, SNAPSHOTS, Erasure, Holdings
from scorecast.ops.erasure.letters import About
from scorecast.ops.erasure.objects import IMAGES, LINES, RECORDS
from scorecast.ops.erasure.report import ErasureReport
from scorecast.ops.erasure.stack_erasure import erasure_of, refuse_paused, report_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.moments import read_moment
from scorecast.ops.stack.stack import Options

CALLS_AT_ONCE = 16
_NAMES = {
    ITEMS: ("item of the main table", "items of the main table"),
    ENTRIES: ("entry", "entries"),
    SNAPSHOTS: ("place in a snapshot", "places in snapshots"),
    LETTERS: ("dead letter", "dead letters"),
    LINES: ("line of the backup", "lines of the backup"),
    IMAGES: ("object with images", "objects with images"),
    RECORDS: ("record of a given-up batch", "records of given-up batches"),
}


@command()
@id_argument
@option("--dry-run", is_flag=True, help="List everything that is found, and erase nothing.")
@option("--yes", is_flag=True, help="Erase without asking.")
@option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE",
    help="Write a report to keep: JSON, with only the participant's id.",
)
@option("--since", metavar="TIME", help="Skip changes in the backup from before a time or age: 3d.")
@option("--timeout", type=Number(0.1), default=300, metavar="SECONDS", help="Longest time to wait for each step.")
@json_option
@with_stack_options
def forget(
    options: Options,
    participant: str,
    dry_run: bool,
    yes: bool,
    report: Path | None,
    since: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Erase a participant: items, entries, snapshots, dead letters and the lines of the backup.

    Without --yes it lists what it found and asks first. It can be repeated, even after an interruption: the next run
    finds what is left, and says so if there is nothing.
    """
    moment = None if since is None else read_moment(since, _now())
    if report:
        _refuse_unwritable(report)
    stack, started_at, progress = open_stack(options), _now(), _Steps()
    with ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
        erasure = erasure_of(stack, participant, moment, timeout, executor, progress.step, progress.read, _now)
        with progress.shown():
            found = erasure.find()
        is_asked = not (dry_run or yes or found.is_nothing)
        if (dry_run or is_asked) and not as_json:
            _show(found)
        if is_asked and not click.confirm(_question(erasure.who.id, stack.name, found), err=True):
            raise UserError("Nothing was erased.")
        stopped_by = None
        if not (dry_run or found.is_nothing):
            refuse_paused(stack)
            stopped_by = _erase(erasure, found, progress)
        made = report_of(stack, erasure, found, started_at, dry_run=dry_run, stopped_by=stopped_by)
    if report:
        report.write_text(json.dumps(made.document(), indent=2) + "\n", encoding="utf-8")
    if stopped_by:
        raise stopped_by
    if as_json:
        print_json(made.document() | {"details": _details(found)})
    else:
        _tell(made)
    if made.unfinished and not dry_run:
        raise UserError(f"Not all is erased: {made.unfinished[0]}", ExitCode.FAILED)


def _erase(erasure: Erasure, found: Holdings, progress: _Steps) -> UserError | None:
    """Erase what was found; return the error that stopped it, so that the report can say so."""
    try:
        with progress.shown():
            erasure.erase(found)
    except UserError as error:
        return error
    return None


def _now() -> datetime:
    return datetime.now(UTC)


def _refuse_unwritable(report: Path) -> None:
    """Refuse, before anything is erased, a report path that cannot be written."""
    try:
        is_new = not report.exists()
        report.open("a").close()
        if is_new:
            report.unlink()
    except OSError as error:
        raise UserError(f"The report {report} cannot be written: {error.strerror}.", ExitCode.USAGE) from None


class _Steps:
    """Shows on standard error each step and the number of objects read; shows nothing if that is not a terminal."""

    def __init__(self) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.fields[read]}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)
        self._task = self._progress.add_task("", total=None, read="")
        self._read = 0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the steps within the context."""
        with self._progress:
            yield

    def step(self, text: str) -> None:
        """Begin a step."""
        self._progress.update(self._task, description=text)

    def read(self, count: int) -> None:
        """Count objects that were read."""
        self._read += count
        self._progress.update(self._task, read=f"{self._read:,} objects")


def _question(participant: str, stack: str, found: Holdings) -> str:
    return plain(f"Erase {_counted(found.counts)} of {participant!r} from the stack {stack!r} permanently?").plain


def _counted(counts: Mapping[str, int]) -> str:
    """Put counts into words.

    >>> _counted({ITEMS: 2, ENTRIES: 1, SNAPSHOTS: 0})
    '2 items of the main table and 1 entry'
    """
    parts = [f"{count:,} {_NAMES[kind][count != 1]}" for kind, count in counts.items() if count]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _show(found: Holdings) -> None:
    """Print everything that was found."""
    table = make_table("found", "count", "where", right=["count"])
    for kind, places in _places(found).items():
        if found.counts[kind]:
            table.add_row(_NAMES[kind][1], f"{found.counts[kind]:,}", Text("\n").join(map(plain, places)))
    if table.rows:
        data.print(table)


def _places(found: Holdings) -> dict[str, list[str]]:
    """Where data was found: keys of items, boards, dead letters, objects."""
    letters = [*found.letters[About.PARTICIPANT], *found.letters[About.SHARED]]
    places = {
        ITEMS: [", ".join(map(_key_part, key.items())) for key in found.items],
        ENTRIES: [entry.board for entry in found.entries],
        SNAPSHOTS: found.snapshots,
        LETTERS: [f"{letter.stage}, message {letter.message_id}" for letter in letters],
    }
    for one in found.versions:
        older = "" if one.version.is_latest else " (an older version)"
        places.setdefault(one.kind, []).append(f"{one.version.key}{older}")
    return places


def _key_part(part: tuple[str, Mapping[str, Any]]) -> str:
    """Name a part of a key.

    >>> _key_part(("id", {"S": "7"}))
    'id 7'
    """
    name, value = part
    return f"{name} {next(iter(value.values()))}"


def _details(found: Holdings) -> dict[str, Any]:
    """What was found, for programs; unlike the report, it names the boards."""
    return {kind: [*places] for kind, places in _places(found).items() if places}


def _tell(made: ErasureReport) -> None:
    """Print what was done, what expires, and what is out of reach."""
    if made.erased is None:
        done = f"Found {_counted(made.found)} of {made.id!r}; nothing was erased."
    else:
        done = f"Erased {_counted(made.erased)} of {made.id!r}."
    is_nothing = not (made.found or made.erased)
    data.print(plain(f"Nothing of {made.id!r} was found." if is_nothing else done), soft_wrap=True)
    for row in made.expires():
        count = f"{row['count']:,} " if "count" in row else ""
        data.print(plain(f"Expires by {row['until']}: {count}{row['what']}."), soft_wrap=True)
    for sentence in made.unfinished:
        data.print(plain(f"Left to you: {sentence}"), soft_wrap=True)
    for place in made.not_reached():
        data.print(plain(f"Not reached: {place}."), soft_wrap=True)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(made.requests.items()))
    notes.print(f"Requests to S3: {counts}; about ${made.dollars:.4f}.", style="dim", soft_wrap=True)
    if made.erased and made.is_complete:
        notes.print("Run it again after two days: what was still under way may have come late.", style="dim")

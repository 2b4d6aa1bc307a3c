"""The commands that write boards to files and read them back: export, import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

import click

from scorecast.changes.change import iso_now
from scorecast.cli.command import BOARD, argument, board_argument, command, json_option, option, print_json, rate_option
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import counting, data, notes, plain
from scorecast.errors import ScorecastError, UserError
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.ops.boards.policies import policies_of
from scorecast.ops.files.board_file import Format, format_of, read_lines, write_lines
from scorecast.ops.files.checked_line import check_line
from scorecast.ops.files.export import Export, export_of
from scorecast.ops.files.import_report import ImportReport
from scorecast.ops.files.importer import Importer
from scorecast.ops.files.staged_lines import Check, StagedLines, stage_lines, staged_lines
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.main_table import main_table_of
from scorecast.ops.stack.stack import Options
from scorecast.runtime.batches import cut_batches

FILE = click.Path(path_type=Path, dir_okay=False)
# How many lines are written, or counted, together.
LINES_AT_ONCE = 100

format_option = option(
    "--format",
    "form",
    type=click.Choice([*map(str, Format)]),
    help="Format of the file (default: json for a name that ends in .json, .jsonl or .ndjson, else csv).",
)


@command()
@board_argument
@format_option
@option("--into", type=FILE, metavar="FILE", help="File to write (default: standard output).")
@rate_option("entries")
@json_option
@with_stack_options
def export(
    options: Options, board: str, form: str | None, into: Path | None, rate: float | None, as_json: bool
) -> None:
    """Write the entries of a board to a file, best first, with their ranks.

    Reads the tables with your own rights, page by page. JSON is one object a line. `scorecast import` reads both.
    """
    if as_json and into is None:
        raise UserError("--json describes the file that --into names: add --into FILE, or omit --json.", ExitCode.USAGE)
    format_ = Format(form) if form else format_of(into or Path())
    exported = export_of(open_stack(options), board, rate)
    with _opened(into) as file, counting("Entries", exported.root.total, is_hidden=file.isatty()) as on_read:
        for lines in cut_batches(write_lines(exported.rows(on_read), exported.fields, format_), LINES_AT_ONCE):
            file.write("".join(lines))
    _finish(exported, into, format_, as_json)


@contextmanager
def _opened(into: Path | None) -> Iterator[TextIO]:
    """Open the file to write, or standard output. A complete file replaces an existing one only at the end."""
    if into is None:
        yield click.get_text_stream("stdout", encoding="utf-8")
        return
    path = into.resolve()
    # Only a file can be replaced; a pipe or a device is written to directly.
    new = path if path.exists() and not path.is_file() else path.with_name(f"{path.name}.new")
    try:
        with new.open("w", encoding="utf-8", newline="") as file:
            yield file
        if new != path:
            new.replace(path)
    except OSError as error:
        raise UserError(f"{into} cannot be written: {error.strerror}.") from None
    finally:
        if new != path:
            new.unlink(missing_ok=True)


def _finish(exported: Export, into: Path | None, form: Format, as_json: bool) -> None:
    """Say what was written, and whether the board changed meanwhile."""
    board, total, is_changed = exported.entries.board, exported.root.total, exported.has_changed()
    if as_json:
        answer = {"hackathonName": board, "file": str(into), "format": str(form), "entries": exported.count}
        print_json(answer | {"total": total, "changedMeanwhile": is_changed})
    elif into is not None:
        data.print(plain(f"Wrote {exported.count:,} of {total:,} entries of {board} to {into}."), soft_wrap=True)
    if is_changed:
        remark = f"The board {board} changed meanwhile: an entry that moved may be in the file twice or not at all."
        notes.print(plain(f"{remark} Export it again when nothing changes, or after it has closed."), soft_wrap=True)
    elif exported.count != total:
        advice = "run it again in a moment"
        if exported.policy.orders_ties:
            advice += "; entries from before ties had an order need `scorecast backfill`"
        raise UserError(f"The file has {exported.count:,} of the {total:,} entries of {board}: {advice}.")


@command("import")
@argument("path", type=FILE, metavar="FILE", help="File to read.")
@option("--board", type=BOARD, metavar="BOARD", help="Board of all lines (default: the hackathonName of each).")
@format_option
@option("--dry-run", is_flag=True, help="Check the lines, compare them with the main table, and write nothing.")
@rate_option("writes")
@json_option
@with_stack_options
def import_(
    options: Options,
    path: Path,
    board: str | None,
    form: str | None,
    dry_run: bool,
    rate: float | None,
    as_json: bool,
) -> None:
    """Write the scores and names of a file to the main table; the boards follow.

    Every line is checked before the first is written. Other attributes of an item stay, and so does its name if a line
    has none. A line whose item says the same already is not written: after an interruption, the same command continues.
    """
    stack, report = open_stack(options), ImportReport()
    table, policies = main_table_of(stack), policies_of(stack).all()
    check = partial(check_line, table=table, policies=policies, board=board)
    with staged_lines() as lines:
        _check(path, Format(form) if form else format_of(path), check, lines, report)
        ended_by = None
        if report.is_checked:
            _warn_of_closed(policies, lines.boards())
            ended_by = _write(Importer(table, report, rate, dry_run), lines)
    _answer(report, path, dry_run, as_json)
    _refuse_rest(report, path, ended_by)


def _check(path: Path, form: Format, check: Check, lines: StagedLines, report: ImportReport) -> None:
    """Check all lines and keep the good ones."""
    try:
        # Invalid UTF-8 is reported line by line.
        opened = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
        with opened as file, counting("Lines checked") as on_read:
            checked = stage_lines(read_lines(file, form), check, lines, report)
            for page in cut_batches(checked, LINES_AT_ONCE):
                on_read(len(page))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", ExitCode.USAGE) from None


def _write(importer: Importer, lines: StagedLines) -> UserError | None:
    """Write the lines that differ from the main table; return the error that ended this early, if any."""
    with counting("Lines compared", lines.count) as importer.on_lines:
        try:
            importer.run(lines)
        except KeyboardInterrupt:
            return UserError("you stopped it.", ExitCode.INTERRUPTED)
        except ScorecastError as error:
            return UserError(str(error), getattr(error, "exit_code", ExitCode.FAILED))
    return None


def _warn_of_closed(policies: Mapping[str, BoardPolicy], boards: list[str]) -> None:
    """Name the boards on which the file's scores no longer count."""
    now = iso_now()
    for board in boards:
        if board in policies and not policies[board].is_open(now):
            closed = f"The board {board} closed at {policies[board].closes_at}"
            notes.print(plain(f"{closed}: what is written now does not count on it."), soft_wrap=True)


def _answer(report: ImportReport, path: Path, is_dry_run: bool, as_json: bool) -> None:
    """Account for every line."""
    counts = {name: getattr(report, name) for name in ("written", "unchanged", "refused", "left")}
    if as_json:
        faults = [{"line": fault.line, "reason": fault.reason} for fault in report.faults]
        answer = {"file": str(path), "dryRun": is_dry_run, "lines": report.lines} | counts
        print_json(answer | {"faults": faults, "faultCount": report.fault_count})
        return
    for fault in report.faults:
        data.print(plain(str(fault)), soft_wrap=True)
    if report.fault_count > len(report.faults):
        data.print(f"... and {report.fault_count - len(report.faults):,} more faults.", soft_wrap=True)
    words = {"written": "to write"} if is_dry_run else {}
    said = ", ".join(f"{count:,} {words.get(name, name)}" for name, count in counts.items() if count or name != "left")
    data.print(plain(f"{report.lines:,} lines of {path}: {said}."), soft_wrap=True)


def _refuse_rest(report: ImportReport, path: Path, ended_by: UserError | None) -> None:
    """Raise an error for an incomplete import."""
    if ended_by:
        again = "Run the same command again to continue: what is written is not written twice."
        raise UserError(f"The import ended early: {ended_by} {again}", ended_by.exit_code)
    if report.refused:
        rest = "the others are done" if report.is_checked else "nothing was written; correct them"
        raise UserError(f"{report.refused:,} of {report.lines:,} lines of {path} were refused: {rest}.")

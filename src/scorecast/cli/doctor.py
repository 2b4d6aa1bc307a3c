"""The command that checks a deployed stack's health: doctor."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scorecast.cli.command import Number, command, json_option, option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, notes, plain
from scorecast.errors import UserError
from scorecast.ops.boards.api_client import api_of
from scorecast.ops.dead_letters.queue import open_letters
from scorecast.ops.doctor.canary import canary_of
from scorecast.ops.doctor.checkup import run_checks
from scorecast.ops.doctor.finding import Finding, State, is_healthy
from scorecast.ops.doctor.report import ending_of, gather, write_report
from scorecast.ops.doctor.system import System, system_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options

_MARKS = {State.OK: "✓", State.FAULT: "✗", State.HINT: "!", State.NOT_CHECKED: "-"}
_STYLES = {State.OK: "green", State.FAULT: "red", State.HINT: "yellow", State.NOT_CHECKED: "dim"}
_NAME_WIDTH = 26


@command()
@option("--canary/--no-canary", default=True, help="Follow a test item on its own board; --no-canary writes nothing.")
@option("--backup/--no-backup", default=True, help="Wait for the canary in the backup (on AWS, more than a minute).")
@option("--timeout", type=Number(1), default=60, metavar="SECONDS", help="Longest time for a step of the canary.")
@option("--report", metavar="FILE", help="Write what only AWS can confirm, without names or ids (- prints it).")
@json_option
@with_stack_options
def doctor(options: Options, canary: bool, backup: bool, timeout: float, report: str | None, as_json: bool) -> None:
    """Check everything that a deployed stack relies on, and follow an item through it.

    Each line names what was found, and the remedy if something is wrong. Exits 10 if there is a fault.
    """
    if report == "-" and as_json:
        raise UserError("Both --json and --report - print to standard output: give --report a file.", ExitCode.USAGE)
    system = system_of(open_stack(options))
    show = _ignore if as_json or report == "-" else _print
    findings = []
    for finding in run_checks(system):
        show(finding)
        findings.append(finding)
    steps, ending = _follow_canary(system, backup, timeout, show) if canary else ([], None)
    if report is not None:
        evidence = gather(system, api_of(system.stack), steps, ending, open_letters(system.stack))
        _write(report, write_report(system, findings + steps, evidence))
    found = findings + steps
    if as_json:
        print_json(_answer(system, findings, steps if canary else None))
    elif report != "-":
        data.print(_summary(found))
    if not is_healthy(found):
        sys.exit(ExitCode.UNHEALTHY)


def _follow_canary(system: System, with_backup: bool, step_s: float, show: Any) -> tuple[list[Finding], str | None]:
    """Run the canary; return its steps, and what follows the last event in its object of the backup."""
    steps: list[Finding] = []

    def on_step(finding: Finding) -> None:
        show(finding)
        steps.append(finding)

    try:
        runner = canary_of(system.stack, with_backup, step_s)
    except UserError as error:
        on_step(Finding("canary", State.NOT_CHECKED, str(error).rstrip(".")))
        return steps, None
    try:
        with notes.status("Following an item ..."):
            runner.run(on_step)
    except KeyboardInterrupt:
        raise UserError("Stopped; the canary's item is deleted.", ExitCode.INTERRUPTED) from None
    if runner.backup is None or runner.backup.found is None:
        return steps, None
    return steps, ending_of(system.client("s3"), system.output("BackupBucketName"), runner.backup.found.key)


def _ignore(_finding: Finding) -> None:
    pass


def _print(finding: Finding) -> None:
    line = plain(f"{_MARKS[finding.state]} {finding.name:<{_NAME_WIDTH}} ")
    line.stylize(_STYLES[finding.state], 0, 1)
    took = "" if finding.seconds is None else f" ({finding.seconds:.2f} s)"
    not_checked = "not checked: " if finding.state is State.NOT_CHECKED else ""
    remedy = f". {finding.remedy}" if finding.remedy else ""
    data.print(line + plain(f"{not_checked}{finding.found}{took}{remedy}"), soft_wrap=True)


def _summary(findings: list[Finding]) -> str:
    counts = _counts(findings)
    faults, hints, unknown = counts[State.FAULT], counts[State.HINT], counts[State.NOT_CHECKED]
    said = ["no fault" if not faults else "1 fault" if faults == 1 else f"{faults} faults"]
    said += [f"{hints} hint{'s' if hints > 1 else ''}"] if hints else []
    said += [f"{unknown} not checked"] if unknown else []
    return f"{len(findings)} checks: {', '.join(said)}."


def _counts(findings: list[Finding]) -> Counter[State]:
    return Counter(finding.state for finding in findings)


def _answer(system: System, findings: list[Finding], steps: list[Finding] | None) -> dict[str, Any]:
    found = findings + (steps or [])
    counts = _counts(found)
    return {
        "stack": system.stack.name,
        "engine": system.stack.target.engine,
        "healthy": is_healthy(found),
        "faults": counts[State.FAULT],
        "hints": counts[State.HINT],
        "notChecked": counts[State.NOT_CHECKED],
        "checks": [_shown(finding) for finding in findings],
        "canary": None if steps is None else [_shown(step) for step in steps],
    }


def _shown(finding: Finding) -> dict[str, Any]:
    shown = asdict(finding)
    if finding.seconds is None:
        del shown["seconds"]
    else:
        shown["seconds"] = round(finding.seconds, 3)
    return shown


def _write(file: str, text: str) -> None:
    if file == "-":
        sys.stdout.write(text)
        return
    Path(file).write_text(text, encoding="utf-8")
    notes.print(f"The report is in {file}; it has no names, ids or account numbers.", soft_wrap=True)

"""The command that compares the leaderboard with the main table, and repairs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from scorecast.cli.command import Number, Whole, command, json_option, option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, notes, plain
from scorecast.errors import UserError
from scorecast.ops.recovery.comparison import Difference, ScoreAndName
from scorecast.ops.recovery.counters import KINDS, Fault, compare_counters, find_broken
from scorecast.ops.recovery.rebuild import correct
from scorecast.ops.recovery.repair import Repair, repair_of
from scorecast.ops.recovery.verification import OnProgress, Verifier, kind_of, verifier_of
from scorecast.ops.recovery.warnings import warnings_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options, Stack

_BUSY = "The index of these boards changed while it was compared; verify them again when less is written: {}."


@dataclass(frozen=True, slots=True)
class _Repaired:
    """How many entries were repaired, which ones still differ, and the boards whose counters were corrected."""

    entries: int
    left: list[Difference]
    boards: list[str]


@dataclass(slots=True)
class _Findings:
    """What a verification read and found; it keeps the first few differences."""

    limit: int
    warnings: list[str] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Difference] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    repaired: _Repaired | None = None

    def add(self, difference: Difference) -> None:
        self.counts[kind_of(difference)] += 1
        if len(self.examples) < self.limit:
            self.examples.append(difference)

    @property
    def is_equal(self) -> bool:
        """Whether everything was correct when it was read."""
        return not self.counts and not self.faults

    def of_kind(self, kind: str) -> int:
        """How many faults of a kind were found."""
        return sum(fault.kind == kind for fault in self.faults)


@command()
@option(
    "--settle",
    type=Number(0),
    default=10,
    metavar="SECONDS",
    help="Time to wait for changes in progress.",
)
@option(
    "--limit",
    "-n",
    type=Whole(0),
    default=20,
    metavar="N",
    help="Maximum number of differences to print; all are counted.",
)
@option("--repair", is_flag=True, help="Correct wrong entries and a wrong index.")
@json_option
@with_stack_options
def verify(options: Options, settle: float, limit: int, repair: bool, as_json: bool) -> None:
    """Compare every entry of the leaderboard with the main table, and the whole counting index with the entries.

    Exits 0 if all agree, or if --repair made them agree; else 9. Both tables are read once, page by page. A repair
    sends the entries through the consumer's queue, never overwrites anything newer, and waits until they are applied.
    Then it pauses that queue, as `scorecast rebuild` does, to correct the boards whose index is wrong; first of all if
    an index is so broken that no entry can be written. On boards that are closed, or keep the best or the first score
    or the gain, an entry may differ from its item; the report counts these separately.
    """
    stack = open_stack(options)
    found = _Findings(limit, warnings_of(stack))
    _print_warnings(found.warnings)
    with _comparing(found.read) as on_progress:
        verifier = verifier_of(stack, settle, on_progress)
        sender = repair_of(stack, verifier) if repair else None
        broken = find_broken(stack) if sender else []
        corrected = _correct(stack) if broken else []
        _compare(verifier, found, sender)
        left = sender.wait() if sender else []
        counters = compare_counters(stack, settle)
        found.faults = broken + counters.faults
    if sender:
        corrected += _correct(stack) if counters.faults or counters.busy else []
        found.repaired = _Repaired(len(sender.sent), left, sorted(set(corrected)))
    elif counters.busy:
        found.warnings.append(_BUSY.format(", ".join(counters.busy)))
        _print_warnings(found.warnings[-1:])
    if as_json:
        print_json(_answer(found))
    else:
        _print(found)
    _exit(found)


def _print_warnings(warnings: list[str]) -> None:
    for warning in warnings:
        notes.print(plain(warning), style="yellow", soft_wrap=True)


def _compare(verifier: Verifier, found: _Findings, sender: Repair | None) -> None:
    """Find all differences, and send a change for each if there is a sender to repair them."""
    for difference in verifier.find():
        found.add(difference)
        if sender:
            sender.send(difference)
    found.read["loose"] = verifier.loose


def _correct(stack: Stack) -> list[str]:
    def tell(text: str) -> None:
        notes.print(plain(text), soft_wrap=True)

    tell("The index is wrong: counting the entries again, while changes wait in the queue.")
    return correct(stack, lambda _: None, tell)


@contextmanager
def _comparing(read: Counter[str]) -> Iterator[OnProgress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task("Comparing", total=None)

        def on_progress(items: int, entries: int) -> None:
            read.update(items=items, entries=entries)
            progress.update(task, description=f"{read['items']:,} items, {read['entries']:,} entries")

        yield on_progress


def _answer(found: _Findings) -> dict[str, Any]:
    repaired = found.repaired
    return {
        "items": found.read["items"],
        "entries": found.read["entries"],
        "loose": found.read["loose"],
        "missing": found.counts["missing"],
        "extra": found.counts["extra"],
        "stale": found.counts["stale"],
        **{name: found.of_kind(kind) for kind, name in KINDS.items()},
        "examples": [_shown(one) for one in found.examples] + [str(one) for one in found.faults[:5]],
        "repaired": repaired
        and {
            "entries": repaired.entries - len(repaired.left),
            "notApplied": len(repaired.left),
            "boards": repaired.boards,
        },
        "warnings": found.warnings,
    }


def _shown(difference: Difference) -> dict[str, Any]:
    return {
        "kind": kind_of(difference),
        "id": difference.participant,
        "hackathonName": difference.board,
        "mainTable": _score_and_name(difference.main),
        "leaderboard": _score_and_name(difference.leaderboard),
    }


def _score_and_name(shown: ScoreAndName | None) -> dict[str, Any] | None:
    if shown is None:
        return None
    fields: dict[str, Any] = {"projectScore": shown.score, "userName": shown.name}
    fields |= {"attributes": dict(shown.attributes)} if shown.attributes else {}
    return fields | ({"columns": list(shown.columns)} if shown.columns else {})


def _print(found: _Findings) -> None:
    for one in found.examples:
        data.print(plain(f"{kind_of(one)}: {one}"), soft_wrap=True)
    for fault in found.faults[: found.limit]:
        data.print(plain(f"{fault.kind}: {fault}"), soft_wrap=True)
    if found.is_equal:
        data.print(
            f"All {found.read['entries']:,} entries agree with the {found.read['items']:,} items of the main table, "
            "and the index matches.",
            soft_wrap=True,
        )
    elif found.repaired and not found.repaired.left:
        data.print(plain(f"Repaired: {_sum(found)}. {_done(found.repaired)}"), soft_wrap=True)
    if found.read["loose"]:
        loosely = "of closed boards and periods, or kept as the best, the first or the gain, were compared loosely"
        data.print(f"{found.read['loose']:,} entries {loosely}.", soft_wrap=True)


def _exit(found: _Findings) -> None:
    """Raise an error for whatever still differs."""
    if found.is_equal or (found.repaired and not found.repaired.left):
        return
    if found.repaired:
        raise UserError(
            f"{len(found.repaired.left):,} entries still differ, for example {found.repaired.left[0]}: their repair "
            "was sent but not applied within a minute. Look at `scorecast dlq list`, then verify again.",
            ExitCode.DIFFERENT,
        )
    check = "Check `scorecast dlq list` first; " if found.counts else ""
    raise UserError(
        f"The leaderboard differs from the main table: {_sum(found)}. {check}`scorecast verify --repair` corrects "
        "everything.",
        ExitCode.DIFFERENT,
    )


def _done(repaired: _Repaired) -> str:
    """Say what a repair did."""
    parts = [f"{repaired.entries:,} entries were written again"] if repaired.entries else []
    parts += [f"the index of {', '.join(repaired.boards)} was corrected"] if repaired.boards else []
    text = " and ".join(parts) or "Changes in progress had made the difference"
    return f"{text[0].upper()}{text[1:]}."


def _sum(found: _Findings) -> str:
    parts = [f"{count:,} {kind}" for kind, count in sorted(found.counts.items())]
    parts += [f"{count:,} {name}" for kind, name in KINDS.items() if (count := found.of_kind(kind))]
    return ", ".join(parts)

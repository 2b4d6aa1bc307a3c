"""The command for load: realistic score changes, a check that all of them arrived, and their removal."""

from __future__ import annotations

import random
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scorecast.cli.command import Number, Whole, command, json_option, option, print_json, rate_option
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, notes
from scorecast.errors import UserError
from scorecast.leaderboard.item import Key
from scorecast.ops.load.load import Load, Written
from scorecast.ops.load.plan import LoadPlan, Write, is_of_load, plan
from scorecast.ops.recovery.comparison import Comparison
from scorecast.ops.recovery.verification import wait_until_equal
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.main_table import MainTable, main_table_of
from scorecast.ops.stack.polling import CLOCK
from scorecast.ops.stack.stack import Options, Stack


@command()
@option("--changes", type=Whole(1), default=10_000, metavar="N", help="Number of changes to write.")
@option("--participants", type=Whole(1), default=500, metavar="N", help="Number of participants.")
@option("--boards", type=Whole(1, 100), default=3, metavar="N", help="Number of boards.")
@rate_option("changes")
@option("--seed", type=int, metavar="N", help="Random seed: equal seeds make equal changes.")
@option("--remove", is_flag=True, help="Delete all items that loads wrote, instead of writing.")
@option("--wait/--no-wait", default=True, help="Wait until every entry equals its item of the main table.")
@option("--timeout", type=Number(1), default=600, metavar="SECONDS", help="Longest time to wait.")
@json_option
@with_stack_options
def load(
    options: Options,
    changes: int,
    participants: int,
    boards: int,
    rate: float | None,
    seed: int | None,
    remove: bool,
    wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Write realistic score changes to the main table, and compare every entry of their boards with it.

    Participants enter boards, scores rise and sometimes fall, some leave and come back. They are called load-00001
    and so on, their boards load-board-1 and so on, so other data stays untouched. --remove reads the whole main table
    to find them.
    """
    if remove:
        _remove(open_stack(options), rate, timeout if wait else None, as_json)
        return
    wanted = LoadPlan(changes, participants, boards, random.randrange(1_000_000) if seed is None else seed)
    stack = open_stack(options)
    with _progress() as progress:
        written = _write(stack, progress, wanted, rate)
        arrival = None
        if wait and not written.is_interrupted:
            try:
                arrival = _wait(stack, progress, wanted.board_names(), timeout, written.newest)
            except KeyboardInterrupt:
                written = replace(written, is_interrupted=True)
    if as_json:
        print_json(_answer(wanted, written, arrival))
    elif not written.is_interrupted:
        data.print(_sentence(written, arrival), markup=False, soft_wrap=True)
    _refuse_failure(wanted, written, arrival)


def _remove(stack: Stack, rate: float | None, timeout_s: float | None, as_json: bool) -> None:
    """Delete the items of all loads; if there is a timeout, wait up to that time until their boards agree."""
    table = main_table_of(stack)
    boards: set[str] = set()
    with _progress() as progress:
        task = progress.add_task("Removing items", total=None)
        writer = Load(table, stack.client("dynamodb"), lambda count: progress.advance(task, count))
        removed = writer.run(_removals(table, boards), rate)
        is_awaited = timeout_s is not None and removed.changes and not removed.is_interrupted
        arrival = _wait(stack, progress, boards, timeout_s, removed.newest) if is_awaited and timeout_s else None
    if removed.is_interrupted:
        message = f"Stopped after {removed.changes:,} items: run the same command again to remove the others."
        raise UserError(message, ExitCode.INTERRUPTED)
    if as_json:
        equal_after = round(arrival.seconds, 3) if arrival and arrival.comparison.is_equal else None
        seconds = round(removed.seconds, 3)
        print_json({"removed": removed.changes, "seconds": seconds, "secondsUntilEqual": equal_after})
    elif arrival is None or arrival.comparison.is_equal:
        later = f"; {arrival.seconds:.1f} s later the leaderboard agrees" if arrival else ""
        data.print(f"Removed {removed.changes:,} items in {removed.seconds:.1f} s{later}.", soft_wrap=True)
    _refuse_difference(arrival)


def _removals(table: MainTable, boards: set[str]) -> Iterator[Write]:
    """Yield a deletion for each item of a load, and note its board."""
    for image in table.scan():
        participant, board = (image[name].get("S", "") for name in (table.attributes.id, table.attributes.metadata))
        if is_of_load(participant, board):
            boards.add(board)
            yield Write(participant, board, None, "")


@dataclass(frozen=True, slots=True)
class _Arrival:
    """The result of waiting for the leaderboard."""

    comparison: Comparison
    seconds: float


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=notes)


def _write(stack: Stack, progress: Progress, wanted: LoadPlan, rate: float | None) -> Written:
    task = progress.add_task("Writing changes", total=wanted.changes)
    table = main_table_of(stack)
    return Load(table, stack.client("dynamodb"), lambda count: progress.advance(task, count)).run(plan(wanted), rate)


def _wait(
    stack: Stack, progress: Progress, boards: Container[str], timeout_s: float, newest: Sequence[Key]
) -> _Arrival:
    task = progress.add_task("Entries equal", total=None)

    def show(comparison: Comparison) -> None:
        if comparison.entries:
            progress.update(task, total=comparison.entries, completed=max(comparison.entries - comparison.differing, 0))

    start = CLOCK.now()
    comparison = wait_until_equal(stack, boards, timeout_s, show, newest)
    return _Arrival(comparison, CLOCK.now() - start)


def _answer(wanted: LoadPlan, written: Written, arrival: _Arrival | None) -> dict[str, Any]:
    answer = asdict(wanted) | {
        "written": written.changes,
        "seconds": round(written.seconds, 3),
        "changesPerSecond": round(written.per_second, 1),
    }
    if arrival is None:
        return answer
    comparison = arrival.comparison
    arrived_after, equal_after = (
        round(seconds, 3) if comparison.is_equal else None for seconds in (comparison.began_s, arrival.seconds)
    )
    return answer | {
        "entries": comparison.entries,
        "loose": comparison.loose,
        "differing": comparison.differing,
        "secondsUntilArrived": arrived_after,
        "secondsUntilEqual": equal_after,
    }


def _sentence(written: Written, arrival: _Arrival | None) -> str:
    wrote = f"Wrote {written.changes:,} changes in {written.seconds:.1f} s ({written.per_second:,.0f} a second)"
    if arrival is None or not arrival.comparison.is_equal:
        return f"{wrote}."
    arrived_s = arrival.comparison.began_s
    return (
        f"{wrote}; the last ones arrived {arrived_s:.1f} s later. Compared in {arrival.seconds - arrived_s:.1f} s: "
        f"{arrival.comparison}."
    )


def _refuse_failure(wanted: LoadPlan, written: Written, arrival: _Arrival | None) -> None:
    if written.is_interrupted:
        done = f"{written.changes:,} of {wanted.changes:,} changes are written"
        raise UserError(f"Stopped: {done}, and the boards follow them.", ExitCode.INTERRUPTED)
    _refuse_difference(arrival)


def _refuse_difference(arrival: _Arrival | None) -> None:
    if arrival and not arrival.comparison.is_equal:
        raise UserError(
            f"The changes are written, but {arrival.seconds:.0f} s later {arrival.comparison}. They follow, unless "
            "another program writes the same items, or the changes are dead letters (`scorecast dlq list`).",
            ExitCode.TIMED_OUT,
        )

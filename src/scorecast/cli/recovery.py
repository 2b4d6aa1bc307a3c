"""The commands that prove the leaderboard right and make it right again: verify, backfill, restore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

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
    plain,
    print_json,
)
from scorecast.errors import UserError
from scorecast.ops.comparison import Difference, Standing
from scorecast.ops.exit_codes import ExitCode
from scorecast.ops.verification import kind_of, verifier_of
from scorecast.ops.verification_counters import Miscount, find_miscounts

app = typer.Typer()


@app.command()
def verify(
    settle: Annotated[
        float, typer.Option("--settle", min=0, help="Seconds that changes under way may still take.")
    ] = 10,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many faults to name; all are counted.")] = 20,
    as_json: Json = False,
    stack: StackName = DEFAULT_NAME,
    profile: Profile = None,
    region: Region = None,
    port: Port = None,
) -> None:
    """Compare every entry of the leaderboard with the main table, and every counter of the index with the entries.

    Exit code 0 where all agree, 9 where not. Both tables are read once, in pages.
    """
    where = open_stack(stack, profile, region, port)
    looked = Counter[str]()
    with _looking(looked) as on_progress:
        found = _Found(limit)
        for difference in verifier_of(where, settle, on_progress).find():
            found.add(difference)
        miscounts = find_miscounts(where, settle)
    if as_json:
        print_json(_answer(looked, found, miscounts))
    else:
        _print(looked, found, miscounts, limit)
    if found.counts or miscounts:
        raise UserError(
            f"The leaderboard is not as the main table says: {_sum(found, miscounts)}. {_advice(found)}",
            ExitCode.DIFFERENT,
        )


class _Found:
    """Counts differences by kind, and keeps the first few."""

    def __init__(self, limit: int) -> None:
        self.counts = Counter[str]()
        self.examples: list[Difference] = []
        self._limit = limit

    def add(self, difference: Difference) -> None:
        self.counts[kind_of(difference)] += 1
        if len(self.examples) < self._limit:
            self.examples.append(difference)


@contextmanager
def _looking(looked: Counter[str]) -> Iterator[Any]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task("Comparing", total=None)

        def on_progress(items: int, entries: int) -> None:
            looked.update(items=items, entries=entries)
            progress.update(task, description=f"{looked['items']:,} items, {looked['entries']:,} entries")

        yield on_progress


def _answer(looked: Counter[str], found: _Found, miscounts: list[Miscount]) -> dict[str, Any]:
    return {
        "items": looked["items"],
        "entries": looked["entries"],
        "missing": found.counts["missing"],
        "extra": found.counts["extra"],
        "stale": found.counts["stale"],
        "miscounts": len(miscounts),
        "examples": [_shown(one) for one in found.examples] + [str(one) for one in miscounts[:5]],
    }


def _shown(difference: Difference) -> dict[str, Any]:
    return {
        "kind": kind_of(difference),
        "id": difference.participant,
        "hackathonName": difference.board,
        "mainTable": _shown_standing(difference.main),
        "leaderboard": _shown_standing(difference.leaderboard),
    }


def _shown_standing(standing: Standing | None) -> dict[str, Any] | None:
    return None if standing is None else {"projectScore": standing.score, "userName": standing.name}


def _print(looked: Counter[str], found: _Found, miscounts: list[Miscount], limit: int) -> None:
    for one in found.examples:
        data.print(plain(f"{kind_of(one)}: {one}"), soft_wrap=True)
    for miscount in miscounts[:limit]:
        data.print(plain(f"miscount: {miscount}"), soft_wrap=True)
    if not found.counts and not miscounts:
        data.print(
            f"All {looked['entries']:,} entries are as the {looked['items']:,} items of the main table say, "
            "and the counters are theirs.",
            soft_wrap=True,
        )


def _advice(found: _Found) -> str:
    if found.counts:
        return "Look into `scorecast dlq list` first; `scorecast backfill` reads the items anew."
    return "`scorecast rebuild` counts the entries anew."


def _sum(found: _Found, miscounts: list[Miscount]) -> str:
    parts = [f"{count:,} {kind}" for kind, count in sorted(found.counts.items())]
    return ", ".join(parts + ([f"{len(miscounts):,} miscounts"] if miscounts else []))

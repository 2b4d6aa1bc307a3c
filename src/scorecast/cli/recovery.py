"""The commands that prove the leaderboard right and make it right again: verify, backfill, restore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from scorecast.cli.command import Number, Whole, command, json_option, option, print_json, rate_option
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, notes, plain
from scorecast.errors import UserError
from scorecast.ops.dead_letters.filters import read_moment
from scorecast.ops.recovery.backfill import Backfill, BusPublisher, RateLimit, open_checkpoint
from scorecast.ops.recovery.comparison import Difference, ScoreAndName
from scorecast.ops.recovery.counters import Miscount, find_miscounts
from scorecast.ops.recovery.latest_changes import LatestChanges, choose_table
from scorecast.ops.recovery.read_change import item_reader_of
from scorecast.ops.recovery.repair import repair_of
from scorecast.ops.recovery.restore import TableWriter, publish_changes, read_backup
from scorecast.ops.recovery.verification import kind_of, verifier_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options, Stack

CALLS_AT_ONCE = 8


@command()
@option(
    "--settle",
    type=Number(0),
    default=10,
    metavar="SECONDS",
    help="Longest time that changes in progress may still take.",
)
@option(
    "--limit",
    "-n",
    type=Whole(0),
    default=20,
    metavar="N",
    help="Differences to name; all are counted.",
)
@option("--repair", is_flag=True, help="Write wrong entries again as the main table has them.")
@json_option
@with_stack_options
def verify(options: Options, settle: float, limit: int, repair: bool, as_json: bool) -> None:
    """Compare every entry of the leaderboard with the main table, and every counter of the index with the entries.

    Exit code 0 where all agree, 9 where not. Both tables are read once, in pages. A repair goes through the consumer's
    queue and never overwrites anything newer; verify again when it has arrived. On boards that keep the best or the
    first score, or are closed, an entry may be other than its item; how many were compared loosely is said.
    """
    where = open_stack(options)
    looked = Counter[str]()
    with _looking(looked) as on_progress:
        found, verifier = _Found(limit), verifier_of(where, settle, on_progress)
        send = repair_of(where, verifier).send if repair else lambda _: None
        for difference in verifier.find():
            found.add(difference)
            send(difference)
        miscounts = find_miscounts(where, settle)
        looked["loose"] = verifier.loose
    if as_json:
        print_json(_answer(looked, found, miscounts))
    else:
        _print(looked, found, miscounts, limit)
    if found.counts or miscounts:
        raise UserError(
            f"The leaderboard is not as the main table says: {_sum(found, miscounts)}. {_advice(found, repair)}",
            ExitCode.DIFFERENT,
        )


@command()
@option(
    "--segments",
    type=Whole(1, 100),
    default=4,
    metavar="N",
    help="Parts of the table to read in parallel.",
)
@rate_option("items")
@option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Checkpoint file (default: backfill-TABLE.json).",
)
@option("--anew", is_flag=True, help="Ignore an earlier run's checkpoint and start again.")
@json_option
@with_stack_options
def backfill(
    options: Options, segments: int, rate: float | None, state: Path | None, anew: bool, as_json: bool
) -> None:
    """Publish every item of the main table to the bus, as READ changes that never overwrite anything newer.

    For items from before the stack, and where changes were lost: all consumers hear of every item. Interrupted, the
    same command goes on where it was.
    """
    where = open_stack(options)
    reader = item_reader_of(where)
    path = state or Path(f"backfill-{reader.table}.json")
    if anew:
        path.unlink(missing_ok=True)
    checkpoint = open_checkpoint(path, reader.table, segments)
    if checkpoint.is_begun():
        notes.print(plain(f"Going on where an earlier run ended ({path})."), style="dim", soft_wrap=True)
    with _counting("Items published") as on_progress, ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
        publish = BusPublisher(where.client("events"), where.claims, executor, where.bus)
        run = Backfill(reader, publish, checkpoint, RateLimit(rate), on_progress)
        is_done = run.run()
    if as_json:
        print_json({"published": run.published, "isDone": is_done})
    elif is_done:
        data.print(f"Published {run.published:,} items of {reader.table}.", soft_wrap=True)
    if not is_done:
        raise UserError(f"Stopped after {run.published:,} items: the same command goes on.", ExitCode.INTERRUPTED)


@command()
@option("--table", metavar="NAME", help="Write the items into this table.")
@option("--events", is_flag=True, help="Publish the newest change of each item to the bus instead.")
@option("--until", metavar="TIME", help="Restore as of this time, or age such as 2h (default: the newest).")
@option("--bucket", metavar="NAME", help="Bucket of the backup (default: the stack's own).")
@option("--source-table", metavar="NAME", help="Table whose items to restore (default: the main table).")
@option("--create", is_flag=True, help="Create the table, with the main table's keys.")
@option("--overwrite", is_flag=True, help="Replace items that the table already holds.")
@rate_option("items")
@option("--dry-run", is_flag=True, help="Read the backup, and write nothing.")
@json_option
@with_stack_options
def restore(
    options: Options,
    table: str | None,
    events: bool,
    until: str | None,
    bucket: str | None,
    source_table: str | None,
    create: bool,
    overwrite: bool,
    rate: float | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring back what the backup in S3 says of each item, at a point in time: into a table, or as events.

    Items come back exactly, type for type. Interrupted, it can be run again (into a table, with --overwrite).
    """
    if (table is None) == (not events):
        raise UserError("Say where to: either --table NAME or --events.", ExitCode.USAGE)
    where = open_stack(options)
    moment = None if until is None else read_moment(until, datetime.now(UTC))
    writer = TableWriter(where.client("dynamodb"), table) if table is not None else None
    if writer and not dry_run:
        writer.prepare(create_like=where.output("MainTableName") if create else None, may_overwrite=overwrite)
    from_bucket = bucket or where.output("BackupBucketName")
    with _counting("Events read") as on_read, read_backup(where.client("s3"), from_bucket, moment, on_read) as latest:
        source = choose_table(latest, source_table, where.output("MainTableName"))
        done = _would_restore(latest, source) if dry_run else _restore(where, latest, source, writer, RateLimit(rate))
    counts = {name: latest.counts[name] for name in ("events", "later", "unreadable", "unresolved")} | done
    if as_json:
        print_json({"sourceTable": source, "dryRun": dry_run} | counts)
    else:
        data.print(plain(_restored(source, counts, table, dry_run)), soft_wrap=True)
    if counts["unresolved"]:
        raise UserError(
            f"{counts['unresolved']:,} items were left away, for want of their images: {latest.first_unresolved}",
            ExitCode.FAILED,
        )


def _would_restore(latest: LatestChanges, source: str) -> dict[str, int]:
    counts = Counter("removed" if change.new is None else "written" for change in latest.changes(source))
    return {"written": counts["written"], "removed": counts["removed"]}


def _restore(
    where: Stack, latest: LatestChanges, source: str, writer: TableWriter | None, limit: RateLimit
) -> dict[str, int]:
    with _counting("Items restored") as on_progress, ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
        if writer:
            counts = writer.write(latest.changes(source), limit, on_progress)
            return {"written": counts["written"], "removed": counts["removed"]}
        publish = BusPublisher(where.client("events"), where.claims, executor, where.bus)
        return {"published": publish_changes(latest.changes(source), publish, limit, on_progress)}


def _restored(source: str, counts: dict[str, int], table: str | None, dry_run: bool) -> str:
    read = f"Read {counts['events']:,} events"
    if counts["unreadable"]:
        read += f", {counts['unreadable']:,} of which are no changes"
    if "published" in counts:
        return f"{read}; published {counts['published']:,} changes of {source}."
    would, place = ("would be ", table or "the bus") if dry_run else ("", str(table))
    removed = f"; {counts['removed']:,} were no more" if counts["removed"] else ""
    return f"{read}; {counts['written']:,} items of {source} {would}written to {place}{removed}."


@contextmanager
def _counting(title: str) -> Iterator[Callable[[int], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda count: progress.advance(task, count)


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
        "loose": looked["loose"],
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
        "mainTable": _score_and_name(difference.main),
        "leaderboard": _score_and_name(difference.leaderboard),
    }


def _score_and_name(shown: ScoreAndName | None) -> dict[str, Any] | None:
    return None if shown is None else {"projectScore": shown.score, "userName": shown.name}


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
    if looked["loose"]:
        loosely = "of boards that keep the best or the first score or are closed, were compared loosely"
        data.print(f"{looked['loose']:,} entries, {loosely}.", soft_wrap=True)


def _advice(found: _Found, is_repaired: bool) -> str:
    if found.counts and is_repaired:
        return "They are being written anew; verify again."
    if found.counts:
        return "Look into `scorecast dlq list` first; `scorecast verify --repair` writes them anew."
    return "`scorecast rebuild` counts the entries anew."


def _sum(found: _Found, miscounts: list[Miscount]) -> str:
    parts = [f"{count:,} {kind}" for kind, count in sorted(found.counts.items())]
    return ", ".join(parts + ([f"{len(miscounts):,} miscounts"] if miscounts else []))

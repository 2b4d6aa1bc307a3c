"""The commands that check and correct the leaderboard: verify, backfill, restore."""

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

from scorecast.cli.command import Name, Number, Whole, command, json_option, option, print_json, rate_option
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, notes, plain
from scorecast.errors import UserError
from scorecast.ops.dead_letters.filters import read_moment
from scorecast.ops.recovery.backfill import Backfill, BusPublisher, open_checkpoint
from scorecast.ops.recovery.comparison import Difference, ScoreAndName
from scorecast.ops.recovery.counters import Miscount, find_miscounts
from scorecast.ops.recovery.latest_changes import LatestChanges, choose_table
from scorecast.ops.recovery.read_change import item_reader_of
from scorecast.ops.recovery.repair import repair_of
from scorecast.ops.recovery.restore import TableWriter, publish_changes, read_backup
from scorecast.ops.recovery.verification import kind_of, verifier_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.stack import Options, Stack

CALLS_AT_ONCE = 8
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
TABLE = Name(255)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = Name(63)


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
@option("--repair", is_flag=True, help="Correct wrong entries from the main table.")
@json_option
@with_stack_options
def verify(options: Options, settle: float, limit: int, repair: bool, as_json: bool) -> None:
    """Compare every entry of the leaderboard with the main table, and every counter of the index with the entries.

    Exits 0 if all agree, else 9. Both tables are read once, page by page. A repair goes through the consumer's queue
    and never overwrites anything newer; verify again after it arrives. On boards that are closed, or keep the best or
    the first score, an entry may differ from its item; the report counts these separately.
    """
    stack = open_stack(options)
    read = Counter[str]()
    with _comparing(read) as on_progress:
        found, verifier = _Found(limit), verifier_of(stack, settle, on_progress)
        send = repair_of(stack, verifier).send if repair else lambda _: None
        for difference in verifier.find():
            found.add(difference)
            send(difference)
        miscounts = find_miscounts(stack, settle)
        read["loose"] = verifier.loose
    if as_json:
        print_json(_answer(read, found, miscounts))
    else:
        _print(read, found, miscounts, limit)
    if found.counts or miscounts:
        raise UserError(
            f"The leaderboard differs from the main table: {_sum(found, miscounts)}. {_advice(found, repair)}",
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
@option("--anew", "start_again", is_flag=True, help="Ignore an earlier run's checkpoint and start again.")
@json_option
@with_stack_options
def backfill(
    options: Options, segments: int, rate: float | None, state: Path | None, start_again: bool, as_json: bool
) -> None:
    """Publish every item of the main table to the bus, as READ changes that never overwrite anything newer.

    Use it for items that are older than the stack, and after changes were lost: all consumers receive every item. After
    an interruption, the same command continues.
    """
    stack = open_stack(options)
    reader = item_reader_of(stack)
    path = state or Path(f"backfill-{reader.table}.json")
    if start_again:
        path.unlink(missing_ok=True)
    checkpoint = open_checkpoint(path, reader.table, segments)
    if checkpoint.is_begun():
        notes.print(plain(f"Continuing an earlier run ({path})."), style="dim", soft_wrap=True)
    with _counting("Items published") as on_progress, ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
        publish = BusPublisher(stack.client("events"), stack.claims, executor, stack.bus)
        run = Backfill(reader, publish, checkpoint, RateLimit(rate), on_progress)
        is_done = run.run()
    if as_json:
        print_json({"published": run.published, "isDone": is_done})
    elif is_done:
        data.print(f"Published {run.published:,} items of {reader.table}.", soft_wrap=True)
    if not is_done:
        raise UserError(f"Stopped after {run.published:,} items: the same command continues.", ExitCode.INTERRUPTED)


@command()
@option("--table", type=TABLE, metavar="NAME", help="Write the items to this table.")
@option("--events", is_flag=True, help="Publish the latest change of each item to the bus instead.")
@option("--until", metavar="TIME", help="Restore the state at a time or age: 15m, 2h, 3d (default: the latest).")
@option("--bucket", type=BUCKET, metavar="NAME", help="Bucket of the backup (default: the stack's own).")
@option("--source-table", type=TABLE, metavar="NAME", help="Table that the items are from (default: the main table).")
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
    """Restore each item as the backup in S3 has it at a point in time: to a table, or as events to the bus.

    Items are restored exactly, type for type. An interrupted run can be repeated (to a table, with --overwrite).
    """
    if (table is None) == (not events):
        raise UserError("Choose a destination: either --table NAME or --events.", ExitCode.USAGE)
    stack = open_stack(options)
    moment = None if until is None else read_moment(until, datetime.now(UTC))
    writer = TableWriter(stack.client("dynamodb"), table) if table is not None else None
    if writer and not dry_run:
        writer.prepare(create_like=stack.output("MainTableName") if create else None, may_overwrite=overwrite)
    from_bucket = bucket or stack.output("BackupBucketName")
    with _counting("Events read") as on_read, read_backup(stack.client("s3"), from_bucket, moment, on_read) as latest:
        source = choose_table(latest, source_table, stack.output("MainTableName"))
        done = _would_restore(latest, source) if dry_run else _restore(stack, latest, source, writer, RateLimit(rate))
    counts = {name: latest.counts[name] for name in ("events", "later", "unreadable", "unresolved")} | done
    if as_json:
        print_json({"sourceTable": source, "dryRun": dry_run} | counts)
    else:
        data.print(plain(_restored(source, counts, table, dry_run)), soft_wrap=True)
    if counts["unresolved"]:
        raise UserError(
            f"{counts['unresolved']:,} items were skipped because their images are unavailable: "
            f"{latest.first_unresolved}",
            ExitCode.FAILED,
        )


def _would_restore(latest: LatestChanges, source: str) -> dict[str, int]:
    counts = Counter("removed" if change.new is None else "written" for change in latest.changes(source))
    return {"written": counts["written"], "removed": counts["removed"]}


def _restore(
    stack: Stack, latest: LatestChanges, source: str, writer: TableWriter | None, limit: RateLimit
) -> dict[str, int]:
    with _counting("Items restored") as on_progress, ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
        if writer:
            counts = writer.write(latest.changes(source), limit, on_progress)
            return {"written": counts["written"], "removed": counts["removed"]}
        publish = BusPublisher(stack.client("events"), stack.claims, executor, stack.bus)
        return {"published": publish_changes(latest.changes(source), publish, limit, on_progress)}


def _restored(source: str, counts: dict[str, int], table: str | None, dry_run: bool) -> str:
    read = f"Read {counts['events']:,} events"
    if counts["unreadable"]:
        read += f", {counts['unreadable']:,} of which are not changes"
    if "published" in counts:
        return f"{read}; published {counts['published']:,} changes of {source}."
    would, destination = ("would be ", table or "the bus") if dry_run else ("", str(table))
    removed = f"; {counts['removed']:,} had been removed" if counts["removed"] else ""
    return f"{read}; {counts['written']:,} items of {source} {would}written to {destination}{removed}."


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
def _comparing(read: Counter[str]) -> Iterator[Any]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task("Comparing", total=None)

        def on_progress(items: int, entries: int) -> None:
            read.update(items=items, entries=entries)
            progress.update(task, description=f"{read['items']:,} items, {read['entries']:,} entries")

        yield on_progress


def _answer(read: Counter[str], found: _Found, miscounts: list[Miscount]) -> dict[str, Any]:
    return {
        "items": read["items"],
        "entries": read["entries"],
        "loose": read["loose"],
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


def _print(read: Counter[str], found: _Found, miscounts: list[Miscount], limit: int) -> None:
    for one in found.examples:
        data.print(plain(f"{kind_of(one)}: {one}"), soft_wrap=True)
    for miscount in miscounts[:limit]:
        data.print(plain(f"miscount: {miscount}"), soft_wrap=True)
    if not found.counts and not miscounts:
        data.print(
            f"All {read['entries']:,} entries agree with the {read['items']:,} items of the main table, "
            "and the counters match.",
            soft_wrap=True,
        )
    if read["loose"]:
        loosely = "that are closed, or keep the best or the first score, were compared loosely"
        data.print(f"{read['loose']:,} entries of boards {loosely}.", soft_wrap=True)


def _advice(found: _Found, is_repaired: bool) -> str:
    if found.counts and is_repaired:
        return "They are being written again; verify once more."
    if found.counts:
        return "Check `scorecast dlq list` first; `scorecast verify --repair` corrects them."
    return "`scorecast rebuild` counts the entries again."


def _sum(found: _Found, miscounts: list[Miscount]) -> str:
    parts = [f"{count:,} {kind}" for kind, count in sorted(found.counts.items())]
    return ", ".join(parts + ([f"{len(miscounts):,} miscounts"] if miscounts else []))

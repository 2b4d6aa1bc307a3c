"""The commands that publish a table again or restore from the backup: backfill, restore."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import click

from scorecast.cli.command import Name, Whole, command, json_option, option, print_json, rate_option
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import counting, data, notes, plain
from scorecast.errors import UserError
from scorecast.ops.recovery.backfill import Backfill, BusPublisher, open_checkpoint
from scorecast.ops.recovery.latest_changes import LatestChanges, choose_table
from scorecast.ops.recovery.read_change import item_reader_of
from scorecast.ops.recovery.restore import TableWriter, publish_changes, read_backup
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.moments import read_moment
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.stack import Options, Stack

CALLS_AT_ONCE = 8
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
TABLE = Name(255)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = Name(63)


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
    with counting("Items published") as on_progress, ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
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
@option("--source-table", type=TABLE, metavar="NAME", help="Table whose items to restore (default: the main table).")
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
    with counting("Events read") as on_read, read_backup(stack.client("s3"), from_bucket, moment, on_read) as latest:
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
    with counting("Items restored") as on_progress, ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
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

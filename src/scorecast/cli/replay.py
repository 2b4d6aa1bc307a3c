"""The command that sends the backup's events to one consumer again: replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from scorecast.cli.command import command, json_option, option, print_json, rate_option
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import counting, data, plain
from scorecast.errors import ScorecastError, UserError
from scorecast.ops.consumers.event_pattern import matches
from scorecast.ops.consumers.replay import Event, Replay, Replayed, Send, Window
from scorecast.ops.consumers.rules import Rule, consumers_of, missing_is_an_error
from scorecast.ops.consumers.targets import NotAccepted, sender_of
from scorecast.ops.recovery.backup import objects_since
from scorecast.ops.stack.arn import read_arn
from scorecast.ops.stack.aws_errors import explained
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.moments import read_moment
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.stack import Options, Stack

CALLS_AT_ONCE = 8


@command()
@option(
    "--consumer", "name", required=True, metavar="NAME", help="The consumer, as `scorecast consumers list` names it."
)
@option("--from", "from_", required=True, metavar="TIME", help="Start: a time or age (15m, 2h, 3d).")
@option("--to", metavar="TIME", help="End (exclusive): a time or age (default: now).")
@option("--after", metavar="KEY", help="Continue after this object of the backup; an interrupted run names it.")
@option("--dry-run", is_flag=True, help="Count what would be sent, and send nothing.")
@rate_option("events")
@json_option
@with_stack_options
def replay(
    options: Options,
    name: str,
    from_: str,
    to: str | None,
    after: str | None,
    dry_run: bool,
    rate: float | None,
    as_json: bool,
) -> None:
    """Send one consumer the changes of a period again, from the backup in S3.

    It gets those that its pattern matches, with their original ids, so a consumer that remembers ids recognizes what it
    has handled. No other consumer gets anything.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    start, end = read_moment(from_, now), now if to is None else read_moment(to, now)
    if start >= end:
        raise UserError(f"--from ({start.isoformat()}) must be before --to ({end.isoformat()}).", ExitCode.USAGE)
    stack = open_stack(options)
    rule = consumers_of(stack).get(name)
    send, done = _sender(stack, rule), Replayed(after or "")
    window = Window(start, end)
    with _saying_how_to_go_on(window, done):
        _run(stack, window, rule, None if dry_run else send, RateLimit(rate), done)
    if as_json:
        counts = {"events": done.events, "matched": done.matched, "sent": done.sent}
        print_json({"consumer": name, "dryRun": dry_run} | counts)
        return
    sent = f"Would be sent to {name}: {done.matched:,}." if dry_run else f"Sent to {name}: {done.sent:,}."
    data.print(plain(f"Changes of that time in the backup: {done.events:,}. {sent}"), soft_wrap=True)


def _run(stack: Stack, window: Window, rule: Rule, send: Send | None, limit: RateLimit, done: Replayed) -> None:
    with counting("Changes read") as on_events, ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
        is_match = partial(matches, stack.client("events"), rule.pattern)
        objects = objects_since(stack.client("s3"), stack.output("BackupBucketName"), window.start, done.after)
        Replay(is_match, send, executor, limit, on_events).run(objects, window, done)


def _sender(stack: Stack, rule: Rule) -> Send:
    """Return a function that sends an event to the consumer's targets."""
    if not rule.targets:
        raise UserError(f"The rule {rule.name} has no target: `scorecast consumers add` gives it one.")
    sends = []
    for target in rule.targets:
        try:
            with missing_is_an_error(read_arn(target["Arn"])):
                sends.append(sender_of(stack.client, target))
        except NotAccepted as error:
            raise UserError(str(error)) from None

    def send(event: Event) -> None:
        body = json.dumps(event)
        for one in sends:
            one(body)

    return send


@contextmanager
def _saying_how_to_go_on(window: Window, done: Replayed) -> Iterator[None]:
    """When a run ends early, name the options that continue it, with ages converted to times."""
    try:
        with explained():
            yield
    except KeyboardInterrupt:
        raise UserError(f"Stopped. {_rest(window, done)}", ExitCode.INTERRUPTED) from None
    except UserError as error:
        raise UserError(f"{error} {_rest(window, done)}", error.exit_code) from error
    except ScorecastError as error:
        raise UserError(f"{error} {_rest(window, done)}") from error


def _rest(window: Window, done: Replayed) -> str:
    after = f" --after {done.after}" if done.after else ""
    times = f"--from {window.start.isoformat()} --to {window.end.isoformat()}"
    return f"Sent so far: {done.sent:,}. To continue, run it again with {times}{after}"

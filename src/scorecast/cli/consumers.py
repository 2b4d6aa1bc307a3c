"""The commands for consumers of the bus: list, add, remove, test."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from scorecast.cli.command import CommandGroup, Whole, argument, json_option, option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, make_table, notes, plain
from scorecast.errors import UserError
from scorecast.ops.consumers.event_pattern import matches, read_pattern
from scorecast.ops.consumers.rules import Consumers, ConsumerSpec, Rule, consumers_of
from scorecast.ops.consumers.samples import Sample, built_in_samples, live_samples, samples_in
from scorecast.ops.stack.arn import Arn, read_arn
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options, Stack

name_argument = argument("name", metavar="NAME", help="Consumer name: letters, digits, - and _.")
pattern_option = option(
    "--pattern",
    required=True,
    metavar="JSON",
    help="Event pattern: JSON, @FILE, or - for standard input.",
)


@click.group("consumers", cls=CommandGroup)
def consumers() -> None:
    """Send events of the bus to targets of your own."""


@consumers.command("list")
@json_option
@with_stack_options
def list_(options: Options, as_json: bool) -> None:
    """List all rules of the bus: the stack's own, and the consumers that you added."""
    added = consumers_of(open_stack(options))
    rules = added.list_rules()
    if as_json:
        print_json({"bus": added.bus.name, "rules": [_shown(added, rule) for rule in rules]})
        return
    table = make_table("name", "origin", "state", "pattern", "targets", title=f"Rules of {added.bus.name}")
    for rule in rules:
        cells = (added.name_of(rule), rule.origin, rule.state.lower(), rule.pattern)
        targets = Text("\n").join(plain(_short(target["Arn"])) for target in rule.targets)
        table.add_row(*map(plain, cells), targets)
    data.print(table)


@consumers.command()
@name_argument
@pattern_option
@option("--target", required=True, metavar="ARN", help="ARN of the target: a function, a queue, a topic, ...")
@option(
    "--fifo-by",
    type=click.Choice(["item", "board"]),
    help="Whose changes a FIFO queue keeps in order, one message group each (default: one group for all).",
)
@option("--role-arn", metavar="ARN", help="Role that reaches the target (default: the stack's own).")
@option("--dlq", metavar="ARN", help="Dead-letter queue (default: the stack's own).")
@option(
    "--retries",
    type=Whole(0, 185),
    metavar="N",
    help="Most retries (default: 185, EventBridge's own).",
)
@option(
    "--max-age",
    type=Whole(60, 86400),
    metavar="SECONDS",
    help="Longest time to try a delivery (default: 86400, EventBridge's own).",
)
@json_option
@with_stack_options
def add(
    options: Options,
    name: str,
    pattern: str,
    target: str,
    fifo_by: str | None,
    role_arn: str | None,
    dlq: str | None,
    retries: int | None,
    max_age: int | None,
    as_json: bool,
) -> None:
    """Add or update a consumer: a rule, its target, the target's permission and a dead-letter queue.

    If a step fails, the earlier steps are undone.
    """
    wanted = ConsumerSpec(
        name=name,
        pattern=read_pattern(pattern, sys.stdin),
        target=read_arn(target),
        role=_arn(role_arn),
        dead_letters=_arn(dlq),
        retries=retries,
        max_age_s=max_age,
        fifo_by=fifo_by,
    )
    added = consumers_of(open_stack(options))
    is_new = added.add(wanted)
    _warn_of_loop(wanted.target)
    _warn_of_groups(fifo_by)
    if as_json:
        print_json({"name": name, "rule": added.rule_name(name), "isNew": is_new})
        return
    done = "added" if is_new else "updated"
    data.print(plain(f"The consumer {name} is {done}: matching events go to {wanted.target}."), soft_wrap=True)
    notes.print(f"`scorecast consumers remove {name}` undoes this.", style="dim")


def _warn_of_loop(target: Arn) -> None:
    """Warn of a loop that no service detects: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html"""
    if target.service == "lambda":
        notes.print(
            "If this function writes to the main table, each of its writes is a change that may invoke it again, "
            "without end; Lambda does not detect loops through DynamoDB. docs/consumers.md shows how to prevent that.",
            style="yellow",
            soft_wrap=True,
        )


def _warn_of_groups(fifo_by: str | None) -> None:
    """Warn of what a message group cannot be (SQS's quotas-messages page)."""
    if fifo_by:
        names = {"item": "participant's id", "board": "board's name"}[fifo_by]
        notes.print(
            f"SQS takes a {names} as message group if it has up to 128 ASCII letters, digits and punctuation marks, "
            "and no spaces. Changes of others go to the dead-letter queue.",
            style="yellow",
            soft_wrap=True,
        )


@consumers.command()
@argument("name", required=False, metavar="[NAME]", help="Consumer name; omit it with --all.")
@option("--all", "is_all", is_flag=True, help="Remove all consumers that were added, before `sam delete` for example.")
@option("--yes", is_flag=True, help="With --all: remove without asking.")
@json_option
@with_stack_options
def remove(options: Options, name: str | None, is_all: bool, yes: bool, as_json: bool) -> None:
    """Remove a consumer: its rule, its target and the target's permission; nothing else.

    With --all it removes every consumer that was added, and names the rules that are left. AWS does not delete a bus
    that has rules.
    """
    if (name is None) != is_all or (yes and not is_all):
        raise UserError("Give the name of a consumer, or --all (with --yes, if it must not ask).", ExitCode.USAGE)
    added = consumers_of(open_stack(options))
    if name is None:
        _remove_all(added, yes=yes, as_json=as_json)
        return
    rule = added.remove(name)
    if as_json:
        print_json({"name": name, "rule": rule.name, "targets": [target["Arn"] for target in rule.targets]})
    else:
        data.print(plain(f"The consumer {name} is removed."), soft_wrap=True)


def _remove_all(added: Consumers, *, yes: bool, as_json: bool) -> None:
    """Remove the consumers that the confirmation counted."""
    rules = added.list_rules()
    names = [added.name_of(rule) for rule in rules if rule.origin == "added"]
    others = [rule.name for rule in rules if rule.origin == "other"]
    question = f"Remove {_count_of(len(names))} ({', '.join(names)}) from the bus {added.bus.name}?"
    if names and not yes and not click.confirm(plain(question).plain, err=True):
        raise UserError("Nothing was removed.")
    for name in names:
        added.remove(name)
    if as_json:
        print_json({"removed": names, "others": others})
    else:
        data.print(plain(f"Removed {_count_of(len(names))}."), soft_wrap=True)
    if others:
        notes.print(
            plain(
                f"The bus also has rules that were not added with this command: {', '.join(others)}. AWS "
                "does not delete the bus before the programs that made them have removed them."
            ),
            soft_wrap=True,
        )


def _count_of(count: int) -> str:
    return "1 consumer" if count == 1 else f"{count:,} consumers"


@consumers.command("test")
@pattern_option
@option(
    "--sample",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of events; may be repeated.",
)
@option(
    "--live",
    type=Whole(0),
    default=0,
    metavar="N",
    help="Also test the N most recent changes from the backup.",
)
@json_option
@with_stack_options
def try_pattern(options: Options, pattern: str, sample: tuple[Path, ...], live: int, as_json: bool) -> None:
    """Test a pattern against sample or recent events. Exits 1 if nothing matches.

    EventBridge itself tests the pattern; nothing changes.
    """
    compact = read_pattern(pattern, sys.stdin)
    stack = open_stack(options)
    results = [(one, matches(stack.client("events"), compact, one.event)) for one in _samples(stack, sample, live)]
    matched = sum(is_match for _, is_match in results)
    if as_json:
        events = [_describe(one) | {"matches": is_match} for one, is_match in results]
        print_json({"pattern": _parsed(compact), "tested": len(results), "matched": matched, "events": events})
    else:
        data.print(_results_table(results))
        data.print(f"The pattern matches {matched} of {len(results)} events.")
    if not matched:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _arn(text: str | None) -> Arn | None:
    return None if text is None else read_arn(text)


def _samples(stack: Stack, files: Sequence[Path], live: int) -> list[Sample]:
    """Return the samples that the user named, or else the built-in ones."""
    if not files and not live:
        return built_in_samples()
    return [*samples_in(files), *(live_samples(stack, live) if live else [])]


def _describe(sample: Sample) -> dict[str, Any]:
    """Say where an event comes from and what happened."""
    detail = sample.event.get("detail")
    change = detail if isinstance(detail, dict) else {}
    return {
        "from": sample.origin,
        "at": sample.event.get("time"),
        "detailType": sample.event.get("detail-type"),
        "keys": change.get("keys"),
        "changed": change.get("changed"),
    }


def _results_table(results: list[tuple[Sample, bool]]) -> Table:
    table = make_table("matches", "from", "at", "change", "keys", "changed")
    for one, is_match in results:
        about = _describe(one)
        keys = " / ".join(map(str, (about["keys"] or {}).values()))
        cells = (about["from"], about["at"], about["detailType"], keys, ", ".join(about["changed"] or []))
        table.add_row("[green]yes[/]" if is_match else "no", *(plain(str(cell or "")) for cell in cells))
    return table


def _short(arn: str) -> str:
    """Shorten a target's ARN for a narrow column; --json has the whole ARN."""
    target = read_arn(arn)
    return f"{target.service} {target.resource}"


def _shown(consumers: Consumers, rule: Rule) -> dict[str, Any]:
    return {
        "name": consumers.name_of(rule),
        "rule": rule.name,
        "origin": rule.origin,
        "state": rule.state,
        "pattern": _parsed(rule.pattern) if rule.pattern else None,
        "targets": [_shown_target(target) for target in rule.targets],
    }


def _parsed(pattern: str) -> Any:
    """Parse a pattern; its numbers keep all their digits."""
    return json.loads(pattern, parse_float=Decimal)


def _shown_target(target: dict[str, Any]) -> dict[str, Any]:
    retry_policy = target.get("RetryPolicy", {})
    return {
        "arn": target["Arn"],
        "roleArn": target.get("RoleArn"),
        "messageGroupId": target.get("SqsParameters", {}).get("MessageGroupId"),
        "deadLetterQueueArn": target.get("DeadLetterConfig", {}).get("Arn"),
        "maximumRetryAttempts": retry_policy.get("MaximumRetryAttempts"),
        "maximumEventAgeInSeconds": retry_policy.get("MaximumEventAgeInSeconds"),
    }

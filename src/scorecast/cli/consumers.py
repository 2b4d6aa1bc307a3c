"""The commands for consumers of the bus: list, add, remove, test."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from scorecast.cli.command import CommandGroup, Whole, argument, json_option, option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, make_table, notes, plain
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
@option("--target", required=True, metavar="ARN", help="Where the events go: a function, a queue, a topic, ...")
@option("--role-arn", metavar="ARN", help="Role that reaches the target (default: the stack's own).")
@option("--dlq", metavar="ARN", help="Dead-letter queue (default: the stack's own).")
@option(
    "--retries",
    type=Whole(0, 185),
    metavar="N",
    help="Most attempts after the first (default: 185, EventBridge's own).",
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
    )
    added = consumers_of(open_stack(options))
    is_new = added.add(wanted)
    if as_json:
        print_json({"name": name, "rule": added.rule_name(name), "isNew": is_new})
        return
    done = "added" if is_new else "updated"
    data.print(plain(f"The consumer {name} is {done}: matching events go to {wanted.target}."), soft_wrap=True)
    notes.print(f"`scorecast consumers remove {name}` undoes this.", style="dim")


@consumers.command()
@name_argument
@json_option
@with_stack_options
def remove(options: Options, name: str, as_json: bool) -> None:
    """Remove a consumer: its rule, its target and the target's permission; nothing else."""
    added = consumers_of(open_stack(options))
    rule = added.remove(name)
    if as_json:
        print_json({"name": name, "rule": rule.name, "targets": [target["Arn"] for target in rule.targets]})
    else:
        data.print(plain(f"The consumer {name} is removed."), soft_wrap=True)


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
        print_json({"pattern": json.loads(compact), "tested": len(results), "matched": matched, "events": events})
    else:
        data.print(_results_table(results))
        data.print(f"The pattern matches {matched} of {len(results)} events.")
    if not matched:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _arn(text: str | None) -> Arn | None:
    return None if text is None else read_arn(text)


def _samples(stack: Stack, files: Sequence[Path], live: int) -> list[Sample]:
    """Return the samples that the user names; the built-in ones if there are none."""
    if not files and not live:
        return built_in_samples()
    return [*samples_in(files), *(live_samples(stack, live) if live else [])]


def _describe(sample: Sample) -> dict[str, Any]:
    """Say where an event is from and what happened."""
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
    """Shorten a target for a narrow column; --json has the whole ARN."""
    target = read_arn(arn)
    return f"{target.service} {target.resource}"


def _shown(consumers: Consumers, rule: Rule) -> dict[str, Any]:
    return {
        "name": consumers.name_of(rule),
        "rule": rule.name,
        "origin": rule.origin,
        "state": rule.state,
        "pattern": json.loads(rule.pattern) if rule.pattern else None,
        "targets": [_shown_target(target) for target in rule.targets],
    }


def _shown_target(target: dict[str, Any]) -> dict[str, Any]:
    retry_policy = target.get("RetryPolicy", {})
    return {
        "arn": target["Arn"],
        "roleArn": target.get("RoleArn"),
        "deadLetterQueueArn": target.get("DeadLetterConfig", {}).get("Arn"),
        "maximumRetryAttempts": retry_policy.get("MaximumRetryAttempts"),
        "maximumEventAgeInSeconds": retry_policy.get("MaximumEventAgeInSeconds"),
    }

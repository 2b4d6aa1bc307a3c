"""The commands for consumers of the bus: list, add, remove, test."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from scorecast.cli.options import (
    Json,
    data,
    notes,
    open_stack,
    plain,
    print_json,
    with_place,
)
from scorecast.ops.consumers.event_pattern import matches, read_pattern
from scorecast.ops.consumers.rules import Consumers, ConsumerSpec, Rule, consumers_of
from scorecast.ops.consumers.samples import Sample, built_in_samples, live_samples, samples_in
from scorecast.ops.stack.arn import Arn, read_arn
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options, Stack

app = typer.Typer(name="consumers", help="Add, list, try and remove consumers of the bus.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The consumer's name: letters, digits, - and _.")]
Pattern = Annotated[
    str, typer.Option("--pattern", help="The event pattern: JSON, @FILE, or - for standard input.", metavar="JSON")
]


@app.command("list")
@with_place
def list_(
    place: Options,
    as_json: Json = False,
) -> None:
    """List all rules of the bus: the stack's own, and the consumers that were added."""
    consumers = consumers_of(open_stack(place))
    rules = consumers.list_rules()
    if as_json:
        print_json({"bus": consumers.bus.name, "rules": [_shown(consumers, rule) for rule in rules]})
        return
    table = Table("name", "origin", "state", "pattern", "targets", title=f"Rules of {consumers.bus.name}")
    for column in table.columns:
        column.overflow = "fold"
    for rule in rules:
        cells = (consumers.name_of(rule), rule.origin, rule.state.lower(), rule.pattern)
        targets = Text("\n").join(plain(_short(target["Arn"])) for target in rule.targets)
        table.add_row(*map(plain, cells), targets)
    data.print(table)


@app.command()
@with_place
def add(
    place: Options,
    name: Name,
    pattern: Pattern,
    target: Annotated[str, typer.Option("--target", metavar="ARN", help="Where the events go: a function, queue, ...")],
    role_arn: Annotated[
        str | None,
        typer.Option(
            "--role-arn", metavar="ARN", help="The role to reach the target with; the stack's own is for most."
        ),
    ] = None,
    dlq: Annotated[
        str | None, typer.Option("--dlq", metavar="ARN", help="The dead-letter queue, if not the stack's.")
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option("--retries", min=0, max=185, help="Attempts after the first at most (EventBridge: 185)."),
    ] = None,
    max_age: Annotated[
        int | None,
        typer.Option(
            "--max-age", min=60, max=86400, help="Seconds for which a delivery is tried at most (EventBridge: 86400)."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a consumer, or update it: a rule, its target, the permission that the target needs, a dead-letter queue.

    When a step fails, what was done before is taken back.
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
    consumers = consumers_of(open_stack(place))
    is_new = consumers.add(wanted)
    if as_json:
        print_json({"name": name, "rule": consumers.rule_name(name), "isNew": is_new})
        return
    done = "added" if is_new else "updated"
    data.print(plain(f"The consumer {name} is {done}: matching events go to {wanted.target}."), soft_wrap=True)
    notes.print(f"`scorecast consumers remove {name}` undoes this.", style="dim")


@app.command()
@with_place
def remove(
    place: Options,
    name: Name,
    as_json: Json = False,
) -> None:
    """Remove a consumer: its rule, its target, and the permission that it had; nothing else."""
    consumers = consumers_of(open_stack(place))
    rule = consumers.remove(name)
    if as_json:
        print_json({"name": name, "rule": rule.name, "targets": [target["Arn"] for target in rule.targets]})
    else:
        data.print(plain(f"The consumer {name} is removed."), soft_wrap=True)


@app.command("test")
@with_place
def try_pattern(
    place: Options,
    pattern: Pattern,
    sample: Annotated[
        list[Path] | None, typer.Option("--sample", help="A file of events; may be given several times.")
    ] = None,
    live: Annotated[int, typer.Option("--live", min=0, help="Try the newest so many changes from the backup.")] = 0,
    as_json: Json = False,
) -> None:
    """Say which sample changes, or which of the newest real ones, a pattern matches. Ends with 1 if it matches none.

    EventBridge itself is asked, and nothing is changed.
    """
    compact = read_pattern(pattern, sys.stdin)
    where = open_stack(place)
    results = [
        (one, matches(where.client("events"), compact, one.event)) for one in _samples(where, sample or [], live)
    ]
    matched = sum(is_match for _, is_match in results)
    if as_json:
        events = [_describe(one) | {"matches": is_match} for one, is_match in results]
        print_json({"pattern": json.loads(compact), "tested": len(results), "matched": matched, "events": events})
    else:
        data.print(_results_table(results))
        data.print(f"The pattern matches {matched} of {len(results)} events.")
    if not matched:
        raise typer.Exit(ExitCode.FAILED)


def _arn(text: str | None) -> Arn | None:
    return None if text is None else read_arn(text)


def _samples(stack: Stack, files: list[Path], live: int) -> list[Sample]:
    """What the user asked for; the built-in samples where that is nothing."""
    if not files and not live:
        return built_in_samples()
    return [*samples_in(files), *(live_samples(stack, live) if live else [])]


def _describe(sample: Sample) -> dict[str, Any]:
    """Where an event is from and what happened."""
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
    table = Table("matches", "from", "at", "change", "keys", "changed")
    for one, is_match in results:
        about = _describe(one)
        keys = " / ".join(map(str, (about["keys"] or {}).values()))
        cells = (about["from"], about["at"], about["detailType"], keys, ", ".join(about["changed"] or []))
        table.add_row("[green]yes[/]" if is_match else "no", *(plain(str(cell or "")) for cell in cells))
    return table


def _short(arn: str) -> str:
    """A target for a narrow column; --json has the whole ARN."""
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

"""The commands of the local twin: up, down, status."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from rich.markup import escape

from scorecast.bundles.sources import is_installed
from scorecast.cli.command import Number, Whole, command, json_option, option, port_option, print_json
from scorecast.cli.options import open_stack, twin_endpoint, with_stack_options
from scorecast.cli.output import data, notes, plain
from scorecast.cli.watch import watch as show_flow
from scorecast.errors import UserError
from scorecast.ops.recovery.warnings import warnings_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.local_engine import typed
from scorecast.ops.stack.stack import Options, Stack, describe_stack, find_target
from scorecast.twin import deployment, instance, lifecycle, process
from scorecast.twin.instance import Twin


class Steps:
    """Shows each step while it runs, then its duration and remarks."""

    @contextmanager
    def step(self, title: str) -> Iterator[lifecycle.Remark]:
        started, remarks = time.monotonic(), list[str]()
        try:
            with notes.status(f"{title} ..."):
                yield remarks.append
        except BaseException:
            notes.print(f"[red]✗[/] {title}")
            raise
        took_s = time.monotonic() - started
        notes.print(f"[green]✓[/] {title:<22}{took_s:5.1f} s  [dim]{escape(' '.join(remarks))}[/]", soft_wrap=True)


@command()
@json_option
@port_option
def up(port: int | None, as_json: bool) -> None:
    """Start the local twin, deploy to it and write sample data. Completed steps are skipped."""
    started = time.monotonic()
    twin = instance.find(port)
    try:
        state = lifecycle.up(twin, Steps())
    except KeyboardInterrupt:
        raise UserError(_what_is_left(twin), ExitCode.INTERRUPTED) from None
    if as_json:
        print_json(_status_of(twin))
        return
    notes.print(f"\nThe twin is up after {time.monotonic() - started:.1f} s, on {twin.endpoint}.\n")
    data.print(_what_next(twin, deployment.local_outputs(state, twin)), soft_wrap=True)


def _what_is_left(twin: Twin) -> str:
    """What Ctrl-C left behind: the engine runs in a process of its own, which Ctrl-C does not reach."""
    if process.is_running(twin):
        return f"Stopped, but the engine still runs: `{typed('up')}` continues, `{typed('down')}` stops it."
    return f"Stopped: `{typed('up')}` continues."


def _what_next(twin: Twin, outputs: dict[str, str]) -> str:
    key = shlex.quote('{"id": {"S": "1"}, "metadata": {"S": "StarWar"}}')
    scorecast = _relative(instance.bin_dir() / "scorecast")
    up, down = (f"{scorecast} {verb}" if is_installed() else typed(verb) for verb in ("up", "down"))
    return f"""[bold]Look[/]
  the page   {outputs["PageUrl"]}
  the API    curl '{outputs["LeaderGetApi"]}?hackathonName=StarWar'
  a board    {scorecast} top StarWar

[bold]Change an item of the main table, and look again[/]
  eval "$({scorecast} env)"
  aws dynamodb update-item --table-name {outputs["MainTableName"]} --key {key} \\
      --update-expression 'SET projectScore = :s' --expression-attribute-values '{{":s": {{"N": "95"}}}}'
  aws s3 ls --recursive s3://{outputs["BackupBucketName"]}    [dim]# every change is here[/]

[bold]Stop[/]
  {down}    [dim]# the data stays for the next `{up}`[/]"""


def _relative(path: Any) -> str:
    """Return the path as typed from the current folder."""
    name = os.path.relpath(path)
    return str(path) if name.startswith("..") else name


@command()
@json_option
@port_option
def down(port: int | None, as_json: bool) -> None:
    """Save the local twin's data and stop all its processes."""
    twin = instance.find(port)
    running = instance.running_port(twin.state_dir)
    if port and running and running != port:
        raise UserError(f"The twin runs on port {running}, not {port}: omit --port to stop it.")
    with notes.status("saving and stopping ..."):
        was_running = lifecycle.down(twin)
    if as_json:
        print_json({"engine": "stopped", "wasRunning": was_running})
    else:
        data.print("Stopped; the data is kept." if was_running else _not_running(twin), soft_wrap=True)


def _not_running(twin: Twin) -> str:
    """Say that the twin is not running, and whose engine answers instead: each folder has a twin of its own."""
    if process.version(twin) is None:
        return "It was not running."
    return f"The twin of this folder was not running. Another folder's is on {twin.endpoint}: run this command there."


@command()
@option(
    "--watch", is_flag=True, help="Show queue, lag and dead letters live, until Ctrl-C; lines if not in a terminal."
)
@option("--count", type=Whole(1), metavar="N", help="With --watch: end after N looks.")
@option("--interval", type=Number(0.1), default=1, metavar="SECONDS", help="With --watch: time between two looks.")
@json_option
@with_stack_options
def status(options: Options, watch: bool, count: int | None, interval: float, as_json: bool) -> None:
    """Show whether the engine runs, what is deployed, and where the API is."""
    if watch:
        show_flow(open_stack(options), count, interval, as_json)
        return
    if count is not None:
        raise UserError("--count is for --watch: add it.", ExitCode.USAGE)
    target = find_target(options, os.environ, twin_endpoint)
    if target.engine == "aws":
        found = describe_stack(target, options.stack)
        answer = _answer("AWS", None, None, options.stack, "deployed", dict(found.outputs))
    else:
        twin = instance.find(options.port)
        twin = replace(twin, stack=options.stack, port=urlsplit(target.endpoint or "").port or twin.port)
        answer = _status_of(twin)
        running = instance.running_port(twin.state_dir)
        if running not in (None, twin.port):
            told = f"The twin of this folder runs on port {running}: `scorecast status --port {running}` shows it."
            notes.print(told, soft_wrap=True)
    found = answer["outputs"]
    answer["warnings"] = warnings_of(Stack(target, options.stack, found)) if found else []
    for warning in answer["warnings"]:
        notes.print(plain(warning), style="yellow", soft_wrap=True)
    if as_json:
        print_json(answer)
    else:
        data.print(_lines(answer), soft_wrap=True)


def _status_of(twin: Twin) -> dict[str, Any]:
    version = process.version(twin)
    state = deployment.describe(twin) if version else deployment.StackState()
    outputs = deployment.local_outputs(state, twin)
    return _answer(_engine_state(twin, version), version, twin.endpoint, twin.stack, state.status, outputs)


def _engine_state(twin: Twin, version: str | None) -> str:
    if version:
        return "running"
    is_starting = process.is_running(twin) and instance.running_port(twin.state_dir) in (None, twin.port)
    return "starting" if is_starting else "stopped"


def _answer(
    engine: str,
    version: str | None,
    endpoint: str | None,
    name: str,
    stack_status: str | None,
    outputs: dict[str, str],
) -> dict[str, Any]:
    return {
        "engine": engine,
        "version": version,
        "endpoint": endpoint,
        "stack": name,
        "stackStatus": stack_status,
        "api": outputs.get("LeaderGetApi"),
        "page": outputs.get("PageUrl"),
        "outputs": outputs,
    }


def _lines(answer: dict[str, Any]) -> str:
    main = {key: answer[key] for key in ("engine", "version", "endpoint", "stack", "stackStatus", "api", "page")}
    if answer["engine"] == "stopped":
        main["engine"] = f"stopped; `{typed('up')}` starts it"
    elif answer["engine"] == "running" and answer["stackStatus"] is None:
        main["stackStatus"] = f"not deployed; `{typed('up')}` deploys it"
    rows = [f"[bold]{key:<12}[/] {escape(str(value))}" for key, value in main.items() if value]
    rows += [f"[dim]{key:<25}[/] {escape(value)}" for key, value in sorted(answer["outputs"].items())]
    return "\n".join(rows)

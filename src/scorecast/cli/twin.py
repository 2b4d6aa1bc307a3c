"""The commands of the local twin: up, down, status, env."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import typer
from rich.markup import escape

from scorecast.cli.options import Json, Port, Profile, Region, StackName, data, notes, print_json, twin_endpoint
from scorecast.ops.stack.stack import DEFAULT_STACK, Options, describe_stack, find_target
from scorecast.twin import deployment, instance, lifecycle, process
from scorecast.twin.instance import Twin

app = typer.Typer()
PANEL = "The local twin"


class Steps:
    """Shows each step while it runs, and when it is done how long it took and what is worth knowing of it."""

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


@app.command(rich_help_panel=PANEL)
def up(port: Port = None, json: Json = False) -> None:
    """Start the local twin: engine, build, deploy, sample data. Does only what is not done yet."""
    started = time.monotonic()
    twin = instance.find(port)
    state = lifecycle.up(twin, Steps())
    if json:
        print_json(_status_of(twin))
        return
    notes.print(f"\nThe twin is up after {time.monotonic() - started:.1f} s, on {twin.endpoint}.\n")
    data.print(_what_next(twin, deployment.local_outputs(state, twin)), soft_wrap=True)


def _what_next(twin: Twin, outputs: dict[str, str]) -> str:
    key = shlex.quote('{"id": {"S": "1"}, "metadata": {"S": "StarWar"}}')
    scorecast = _relative(instance.bin_dir() / "scorecast")
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
  make down    [dim]# the data stays for the next `make up`[/]"""


def _relative(path: Any) -> str:
    """The path as one types it from here."""
    name = os.path.relpath(path)
    return str(path) if name.startswith("..") else name


@app.command(rich_help_panel=PANEL)
def down(port: Port = None, json: Json = False) -> None:
    """Save the local twin's data and stop all its processes."""
    twin = instance.find(port)
    with notes.status("saving and stopping ..."):
        was_running = lifecycle.down(twin)
    if json:
        print_json({"engine": "stopped", "wasRunning": was_running})
    else:
        data.print("Stopped; the data is kept." if was_running else "It was not running.")


@app.command(rich_help_panel=PANEL)
def status(
    name: StackName = DEFAULT_STACK,
    profile: Profile = None,
    region: Region = None,
    port: Port = None,
    json: Json = False,
) -> None:
    """Say whether the engine runs, what is deployed, and where the API is."""
    target = find_target(Options(name, profile, region, port), os.environ, twin_endpoint)
    if target.engine == "aws":
        found = describe_stack(target, name)
        answer = _answer("AWS", None, None, name, "deployed", dict(found.outputs))
    else:
        twin = instance.find(port)
        answer = _status_of(replace(twin, stack=name, port=instance.running_port(twin.state_dir) or twin.port))
    if json:
        print_json(answer)
    else:
        data.print(_lines(answer), soft_wrap=True)


def _status_of(twin: Twin) -> dict[str, Any]:
    version = process.version(twin)
    state = deployment.describe(twin) if version else deployment.StackState()
    engine = "running" if version else "starting" if process.is_running(twin) else "stopped"
    outputs = deployment.local_outputs(state, twin)
    return _answer(engine, version, twin.endpoint, twin.stack, state.status, outputs)


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
    rows = [f"[bold]{key:<12}[/] {escape(str(value))}" for key, value in main.items() if value]
    rows += [f"[dim]{key:<25}[/] {escape(value)}" for key, value in sorted(answer["outputs"].items())]
    return "\n".join(rows)


@app.command(rich_help_panel=PANEL)
def env(port: Port = None, json: Json = False) -> None:
    """Print what makes aws, sam and boto3 talk to the twin: eval "$(scorecast env)"."""
    environment = instance.find(port).environment()
    if json:
        print_json(environment)
        return
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines += ["unset AWS_PROFILE AWS_SESSION_TOKEN", "export SAM_CLI_TELEMETRY=0"]
    lines.append(f'export PATH={shlex.quote(str(instance.bin_dir()))}:"$PATH"')
    data.file.write("\n".join(lines) + "\n")

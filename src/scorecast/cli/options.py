"""What every command can be told: which stack, where, and in which form to answer; and how it answers."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec

import typer
from rich.console import Console
from rich.text import Text

from scorecast.api.responses import json_text
from scorecast.ops.stack.stack import DEFAULT_STACK, Options, Stack, find_stack
from scorecast.twin import instance

StackName = Annotated[str, typer.Option("--stack", help="The stack's name.", rich_help_panel="Where")]
Profile = Annotated[
    str | None, typer.Option("--profile", help="An AWS profile; with it the stack is on AWS.", rich_help_panel="Where")
]
Region = Annotated[
    str | None, typer.Option("--region", help="An AWS region; with it the stack is on AWS.", rich_help_panel="Where")
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65535, help="The local twin's port, if not 4566.", rich_help_panel="Where"),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, on standard output and nothing else there.")]

P = ParamSpec("P")

# Data goes to standard output; progress and notes do not.
data = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


def with_place(command: Callable[Concatenate[Options, P], None]) -> Callable[..., None]:
    """Give a command the options that say which stack is meant, as its first parameter."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    named = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
        for name, (option, default) in _PLACE.items()
    ]

    @wraps(command)
    def run(*given: P.args, **arguments: P.kwargs) -> None:
        place = Options(**{name: arguments.pop(name) for name in _PLACE})  # type: ignore[arg-type]
        command(place, *given, **arguments)

    run.__signature__ = inspect.Signature([*own, *named])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in (*own, *named)}
    return run


_PLACE: dict[str, tuple[Any, Any]] = {
    "stack": (StackName, DEFAULT_STACK),
    "profile": (Profile, None),
    "region": (Region, None),
    "port": (Port, None),
}


def open_stack(place: Options) -> Stack:
    """Find the stack that the options mean."""
    return find_stack(place, os.environ, twin_endpoint)


def twin_endpoint(port: int | None) -> str:
    """Return the URL of this clone's twin: on the given port, or where it is."""
    return instance.find(port).endpoint


def print_json(value: Any) -> None:
    """Write the answer as JSON; numbers keep all their digits."""
    data.file.write(json_text(value) + "\n")


def plain(text: str) -> Text:
    """Text as it is: no markup in it counts, and what is not printable cannot reach the terminal."""
    return Text("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))

"""How commands are declared: sections in their help, lazy imports, shared types.

Imports neither an AWS library nor rich, so that `scorecast --help` and `scorecast env` start fast.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial, wraps
from importlib import import_module
from typing import Any, TypeVar

import click

from scorecast.api.responses import json_text

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html: the lengths of keys.
ID_BYTES = 2048
BOARD_BYTES = 1024

WHERE = "Where"
# The maximum width of the first column of a help section.
COLUMN = 30

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Option(click.Option):
    """An option that the help shows in a separate section if `section` names one."""

    def __init__(self, *declarations: Any, section: str = "Options", **attributes: Any) -> None:
        super().__init__(*declarations, **attributes)
        self.section = section


class Argument(click.Argument):
    """An argument with a help text, which click's own arguments lack."""

    def __init__(self, *declarations: Any, help: str, **attributes: Any) -> None:  # noqa: A002 - click's name
        super().__init__(*declarations, **attributes)
        self.help = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """The argument's line in the help."""
        return self.make_metavar(), self.help


class Command(click.Command):
    """A command whose help has sections: arguments, its own options, and options that it shares with others."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections; the shared ones come last."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            name = "Arguments" if isinstance(parameter, Argument) else getattr(parameter, "section", "Options")
            if record := parameter.get_help_record(ctx):
                sections.setdefault(name, []).append(record)
        shared = {WHERE: sections.pop(WHERE, [])}
        _write_sections(formatter, sections | shared)


class CommandGroup(click.Group):
    """A group of commands that suggests a name for an unknown one."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; the error suggests the one that was probably meant."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with the first sentence of its help."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, command.get_short_help_str(limit=200)) for name, command in commands.items() if command]
        _write_sections(formatter, {"Commands": rows})


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A command that is only imported when used; `path` is MODULE:NAME, `summary` its line in the help."""

    path: str
    summary: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.path.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


class LazyGroup(CommandGroup):
    """A group of lazy commands by section and name; showing its help imports none of them."""

    def __init__(self, *arguments: Any, lazy: Mapping[str, Mapping[str, LazyCommand]], **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, as the help lists them."""
        return [name for commands in self.lazy.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        found = [commands[cmd_name] for commands in self.lazy.values() if cmd_name in commands]
        return found[0].load() if found else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands section by section."""
        rows = {
            section: [(name, command.summary) for name, command in commands.items()]
            for section, commands in self.lazy.items()
        }
        _write_sections(formatter, rows)


def _write_sections(formatter: click.HelpFormatter, sections: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Write the sections that have rows, with their second columns aligned."""
    width = min(max((len(first) for rows in sections.values() for first, _ in rows), default=0), COLUMN)
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl([(first.ljust(width), second) for first, second in rows], col_max=COLUMN)


class Name(click.ParamType):
    """A participant's id or a board's name: not empty, and no longer than a DynamoDB key may be."""

    name = "text"

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what DynamoDB would refuse, before any call."""
        text = str(value)
        if not text:
            self.fail("it must not be empty.", param, ctx)
        if len(text.encode()) > self.most_bytes:
            self.fail(f"it must not be longer than {self.most_bytes:,} bytes.", param, ctx)
        return text


class Port(click.ParamType):
    """A port number."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse a number that is not a port."""
        if not str(value).isdigit() or not 1 <= int(value) <= 65535:
            self.fail(f"{value!r} is not a port number from 1 to 65535.", param, ctx)
        return int(value)


class Whole(click.IntRange):
    """A whole number in a range; click's own type calls itself an `integer range`."""

    name = "whole number"


class Number(click.FloatRange):
    """A number in a range."""

    name = "number"


ID, BOARD = Name(ID_BYTES), Name(BOARD_BYTES)

command = partial(click.command, cls=Command)
option = partial(click.option, cls=Option)
argument = partial(click.argument, cls=Argument)

board_argument = argument("board", type=BOARD, metavar="BOARD", help="Board name (hackathonName).")
id_argument = argument("participant", type=ID, metavar="ID", help="Participant id.")
json_option = option("--json", "as_json", is_flag=True, help="Print one JSON document.")
port_option = option(
    "--port",
    type=Port(),
    metavar="PORT",
    section=WHERE,
    help="Port of the local twin (default: SCORECAST_PORT, else the running one, else 4566).",
)


def rate_option(things: str) -> Decorator:
    """Make the option that limits how many things are done per second."""
    text = f"Maximum {things} per second (default: unlimited)."
    return option("--rate", type=Number(0.1), metavar="N", help=text)


def pass_gathered(make: Callable[..., Any], options: Mapping[str, Decorator]) -> Callable[[F], Callable[..., Any]]:
    """Give a command some options, and pass their values as one positional argument, `make(**values)`."""

    def decorate(command: F) -> Callable[..., Any]:
        @wraps(command)
        def run(*given: Any, **values: Any) -> Any:
            gathered = make(**{name: values.pop(name) for name in options})
            return command(*given, gathered, **values)

        decorated: Callable[..., Any] = run
        for option in reversed([*options.values()]):
            decorated = option(decorated)
        return decorated

    return decorate


def print_json(value: Any) -> None:
    """Print the answer as JSON; numbers keep all their digits."""
    sys.stdout.write(json_text(value) + "\n")

"""All commands of the command line, for tests that look at each."""

from collections.abc import Iterator

import click


def commands_of(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below a group with its path: (("boards", "set"), ...)."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_of(command, (*path, name))
        elif command:
            yield (*path, name), command

"""The options that select a stack, and how to open that stack."""

from __future__ import annotations

import os

from scorecast.cli.command import WHERE, option, pass_gathered, port_option
from scorecast.ops.stack.stack import DEFAULT_STACK, Options, Stack, find_stack
from scorecast.twin import instance

with_stack_options = pass_gathered(
    Options,
    {
        "stack": option("--stack", default=DEFAULT_STACK, metavar="NAME", section=WHERE, help="Stack name."),
        "profile": option("--profile", metavar="NAME", section=WHERE, help="AWS profile; selects a stack on AWS."),
        "region": option("--region", metavar="NAME", section=WHERE, help="AWS region; selects a stack on AWS."),
        "port": port_option,
    },
)
"""Give a command the options that select a stack; their values are its next positional argument."""


def open_stack(options: Options) -> Stack:
    """Find the stack that the options select."""
    return find_stack(options, os.environ, twin_endpoint)


def twin_endpoint(port: int | None) -> str:
    """Return the URL of this clone's twin: on the given port, or wherever it is."""
    return instance.find(port).endpoint

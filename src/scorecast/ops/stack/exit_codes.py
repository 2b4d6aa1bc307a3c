"""The exit codes of commands, so that scripts can tell failures apart."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes besides 0; docs/cli.md lists them."""

    FAILED = 1
    USAGE = 2
    ENGINE_NOT_RUNNING = 3
    UNKNOWN_STACK = 4
    NO_CREDENTIALS = 5
    DENIED = 6
    UNKNOWN_PLACE = 7
    """A region or a profile that does not exist."""
    TIMED_OUT = 8
    """The change was written, but did not reach the board before the deadline."""
    DIFFERENT = 9
    """The leaderboard differs from the main table."""
    UNHEALTHY = 10
    """`doctor` found a fault."""
    NOT_FOUND = 11
    """`trace` found the change nowhere."""
    INTERRUPTED = 130
    """Stopped with Ctrl-C."""

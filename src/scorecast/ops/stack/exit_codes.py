"""What a command ends with, so that scripts can tell what went wrong. 2 is the command line's own: wrong usage."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The ends of a command besides 0; docs/cli.md lists them."""

    FAILED = 1
    USAGE = 2
    ENGINE_NOT_RUNNING = 3
    UNKNOWN_STACK = 4
    NO_CREDENTIALS = 5
    DENIED = 6
    UNKNOWN_PLACE = 7
    """A region or a profile that does not exist."""
    TIMED_OUT = 8
    """The change did not come through before the deadline; nothing is lost by that."""
    DIFFERENT = 9
    """The leaderboard is not as the main table says."""
    INTERRUPTED = 130
    """Stopped with Ctrl-C."""

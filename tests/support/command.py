"""The command line as a user runs it, without any AWS settings but those given."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

from botocore.loaders import JSONFileLoader

from scorecast import cli
from scorecast.twin.instance import without_aws

_load_file = JSONFileLoader.load_file


@dataclass(frozen=True)
class Scorecast:
    """`scorecast ARGUMENTS` against the twin on a port."""

    port: int
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end in this process, because starting Python takes longer than most commands."""
        out, err = io.StringIO(), io.StringIO()
        with _as_if_started(arguments, self.variables(), stdin), redirect_stdout(out), redirect_stderr(err):
            code = _exit_code()
        return subprocess.CompletedProcess(["scorecast", *arguments], code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own, which Ctrl-C (SIGINT) interrupts."""
        return subprocess.Popen(
            [sys.executable, "-c", _INTERRUPTIBLE, *arguments],
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as a process of its own."""
        command = [sys.executable, "-m", "scorecast.cli", *arguments]
        environment = self.variables()
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    def variables(self) -> dict[str, str]:
        """The environment of the process."""
        nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        nothing |= {"AWS_EC2_METADATA_DISABLED": "true", "SCORECAST_PORT": str(self.port)}
        return without_aws(os.environ) | nothing | self.environment

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed; return what it printed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed with --json; return its answer."""
        return json.loads(self.ok(*arguments, "--json"))

    def fails(self, code: int, *arguments: str) -> str:
        """Run a command that must fail with this exit code, in one line and without a traceback; return the line."""
        return complaint(self.run(*arguments), code)


def complaint(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line on standard error of a command that failed with this exit code."""
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.startswith("scorecast: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


# A shell starts background jobs with SIGINT ignored, and their children inherit that.
_INTERRUPTIBLE = """
import signal
from scorecast.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@contextmanager
def _as_if_started(arguments: tuple[str, ...], environment: dict[str, str], stdin: str) -> Iterator[None]:
    """Give this process the arguments, environment and standard input of a new one."""
    with (
        patch.object(sys, "argv", ["scorecast", *arguments]),
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "stdin", io.StringIO(stdin)),
        # Each command makes a session of its own, and each session reads botocore's descriptions of services again.
        patch.object(JSONFileLoader, "load_file", lambda _, path: _read_once(path)),
    ):
        yield


@cache
def _read_once(path: str) -> Any:
    return _load_file(JSONFileLoader(), path)


def _exit_code() -> int:
    """Run the command line; return the code that the process would exit with."""
    try:
        cli.main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0

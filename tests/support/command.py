"""The command line as a user runs it: a process of its own, without any AWS settings but those given."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from scorecast.twin.instance import without_aws


@dataclass(frozen=True)
class Scorecast:
    """`scorecast ARGUMENTS` against the twin on a port."""

    port: int
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "scorecast.cli", *arguments],
            input=stdin,
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

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
        done = self.run(*arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert done.stderr.startswith("scorecast: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

"""The command that points a shell at the local twin: env. Imports no AWS library."""

from __future__ import annotations

import shlex
import sys

from scorecast.cli.command import command, json_option, port_option, print_json
from scorecast.twin import instance


@command()
@json_option
@port_option
def env(port: int | None, as_json: bool) -> None:
    """Print shell variables that point aws, sam and boto3 at the twin.

    Use it as eval "$(scorecast env)".
    """
    environment = instance.find(port).environment()
    if as_json:
        print_json(environment)
        return
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines += ["unset AWS_PROFILE AWS_SESSION_TOKEN", "export SAM_CLI_TELEMETRY=0"]
    lines.append(f'export PATH={shlex.quote(str(instance.bin_dir()))}:"$PATH"')
    sys.stdout.write("\n".join(lines) + "\n")

"""Ends the processes that a test run leaves behind, even if the run itself was killed.

The guard is a process of its own that reads from a pipe. The pipe closes when the run's process ends, for whatever
reason; then the guard kills every process whose command line names a file below the run's folder: engines and the
functions that they run.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def post(folder: Path) -> "subprocess.Popen[bytes]":
    """Start the guard of a run's folder; it begins to work when this process ends, or closes the guard's input."""
    command = [sys.executable, "-I", __file__, str(folder)]
    # In a session of its own, where Ctrl-C does not reach it.
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Let a guard do its work, and wait for its end."""
    process.communicate()


def processes_in(folder: Path) -> dict[int, str]:
    """The processes whose command lines name a file below the folder, by process id."""
    # Wide, and with a column of any width: ps cuts lines to what COLUMNS says.
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=1) for line in listed.splitlines()]
    return {int(row[0]): row[1] for row in rows if f"{folder}{os.sep}" in row[-1] and int(row[0]) != os.getpid()}


def _end_all(folder: Path) -> None:
    """Kill until none is left: a process that is just starting may start another."""
    while found := processes_in(folder):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.stdin.read()
    _end_all(Path(sys.argv[1]))

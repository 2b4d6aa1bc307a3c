"""The engine's process, seen from outside: start it, ask for its version, stop it. A half-started one is replaced."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from scorecast.errors import UserError
from scorecast.ops.stack.local_engine import REGION, typed
from scorecast.ops.stack.polling import poll_until
from scorecast.twin.instance import (
    Twin,
    bin_dir,
    code_hash,
    get_json,
    is_locked,
    lock_file,
    note_file,
    read_note,
    running_port,
)
from scorecast.twin.journal import last_cut
from scorecast.twin.later_objects import LaterObjects

START_DEADLINE_S = 60.0
# Saving a large state takes seconds, and running functions get ten to finish.
STOP_DEADLINE_S = 60.0
POLL_S = 0.05


def is_running(twin: Twin) -> bool:
    """Whether the engine's process exists, ready or not."""
    return is_locked(lock_file(twin.state_dir))


def version(twin: Twin) -> str | None:
    """Return the engine's name and version, for example "MiniStack 1.5.33"; None while it does not answer."""
    health = get_json(f"{twin.endpoint}/_ministack/health", timeout_s=2)
    return f"MiniStack {health['version']}" if health else None


# ---------------------------------------------------------------- start


def start(twin: Twin) -> str:
    """Start the engine; return a remark for the user, or an empty string."""
    if is_running(twin):
        return _join(twin)
    remark = _explain_kill(twin)
    if remark:
        _end_functions(twin)
    _check_port(twin)
    _clear(twin)
    _launch(twin)
    _wait_until_ready(twin)
    return remark


def _join(twin: Twin) -> str:
    """Use the running engine; replace it if it hangs half-started or is of an earlier version."""
    port = running_port(twin.state_dir)
    if port not in (None, twin.port):
        raise UserError(
            f"The twin already runs on port {port}, not {twin.port}: stop it with `scorecast down`, or omit the port."
        )
    try:
        _wait_until_ready(twin)
    except UserError:
        _kill(twin, read_note(twin.state_dir).get("pid"))
        start(twin)
        return "It hung half-started, and was restarted."
    if read_note(twin.state_dir).get("code") != code_hash():
        stop(twin)
        start(twin)
        return "It ran an earlier version, and was restarted."
    return "It was already running."


def _explain_kill(twin: Twin) -> str:
    """If the engine was killed, say which saved state it goes back to."""
    if not note_file(twin.state_dir).exists():
        return ""
    cut = last_cut(twin.journal)
    if cut is None:
        return "It was killed before it had saved anything, so it starts empty."
    when = datetime.fromtimestamp(cut.moment).astimezone()
    return f"It was killed, and went back to {when:%Y-%m-%d, %H:%M:%S}.{when.microsecond // 100_000}, its last save."


def _end_functions(twin: Twin) -> None:
    """End the functions of a killed engine: they could still send changes that the next engine has lost.

    They are identified by their folders, because the engine's process group id may now be another program's.
    """
    ps = shutil.which("ps")
    listed = subprocess.run([ps, "-axww", "-o", "pid=", "-o", "command="], capture_output=True) if ps else None
    for line in listed.stdout.decode(errors="replace").splitlines() if listed else ():
        pid, _, command = line.strip().partition(" ")
        if f"{twin.state_dir / 'tmp' / 'ministack-lambda-'}" in command:
            _signal(os.kill, int(pid), signal.SIGKILL)


def _check_port(twin: Twin) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", twin.port))
        except OSError as error:
            raise UserError(
                f"Port {twin.port} is used by another program. "
                f"Stop that program, or choose another port: SCORECAST_PORT={twin.port + 1} {typed('up')}"
            ) from error


def _clear(twin: Twin) -> None:
    """Remove what a killed engine left: objects unknown to the saved state would come back as buckets of their own."""
    note_file(twin.state_dir).unlink(missing_ok=True)
    # Functions that end with a killed engine may still write there; the next ones have folders of their own.
    shutil.rmtree(twin.state_dir / "tmp", ignore_errors=True)
    (twin.state_dir / "tmp").mkdir(parents=True, exist_ok=True)
    cut = last_cut(twin.journal)
    if cut:
        LaterObjects(twin.journal.parent).remove(cut.number, twin.objects)
    elif not (twin.journal.parent / "s3.json").exists():  # made by an earlier version, which saved when it was stopped
        shutil.rmtree(twin.objects, ignore_errors=True)


def _launch(twin: Twin) -> None:
    """Start the engine, which detaches itself from this process."""
    command = [sys.executable, "-m", "scorecast.twin.engine", str(twin.state_dir)]
    with twin.log_file.open("w") as log:
        subprocess.run(command, env=_environment(twin), stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)


def _environment(twin: Twin) -> dict[str, str]:
    """Return MiniStack's settings, with few of the user's variables, because the functions' processes inherit all."""
    return {
        **{name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ},
        "PATH": f"{bin_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        # As on Lambda.
        "TZ": "UTC",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(twin.port),
        "MINISTACK_REGION": REGION,
        # IAM is enforced, as on AWS.
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(twin.journal.parent),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(twin.objects),
        "TMPDIR": str(twin.state_dir / "tmp"),
        "LAMBDA_EXECUTOR": "local",
        # MiniStack would remove the containers of every other MiniStack on this machine; without a socket it does not
        # use Docker.
        "DOCKER_HOST": f"unix://{twin.state_dir / 'no-docker'}",
        # Listen on one port only.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def _wait_until_ready(twin: Twin) -> None:
    for _ in poll_until(START_DEADLINE_S, POLL_S, POLL_S):
        if get_json(f"{twin.endpoint}/_ministack/ready", timeout_s=2):
            return
        if not is_running(twin):
            raise UserError(f"The engine ended while it started: {_last_words(twin.log_file)} (see {twin.log_file})")
    raise UserError(
        f"The engine is not ready after {START_DEADLINE_S:.0f} s: see {twin.log_file}; `scorecast down` stops it."
    )


def _last_words(log_file: Path) -> str:
    """Return the last unindented line, which in a traceback is the error."""
    lines = [line for line in log_file.read_text(errors="replace").splitlines() if line and not line[0].isspace()]
    return lines[-1] if lines else "it printed nothing"


# ---------------------------------------------------------------- stop


def stop(twin: Twin) -> bool:
    """Save the state, then stop the engine and its functions; return False if no engine was running."""
    if not is_running(twin):
        return False
    pid = read_note(twin.state_dir).get("pid")
    if not isinstance(pid, int):
        raise UserError(f"The engine is starting: try again in a moment (its lock is {lock_file(twin.state_dir)}).")
    _signal(os.kill, pid, signal.SIGTERM)
    in_time = _ends(twin, STOP_DEADLINE_S)
    _kill(twin, pid)
    if not in_time:
        raise UserError(f"The engine did not stop within {STOP_DEADLINE_S:.0f} s and was killed: see {twin.log_file}.")
    return True


def _kill(twin: Twin, pid: int | None) -> None:
    """Kill the engine's process group, which includes its functions' processes."""
    if pid:
        _signal(os.killpg, pid, signal.SIGKILL)
    _ends(twin, 5)


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        send(pid, number)


def _ends(twin: Twin, patience_s: float) -> bool:
    return any(not is_running(twin) for _ in poll_until(patience_s, POLL_S, POLL_S))

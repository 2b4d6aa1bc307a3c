"""The engine's process seen from outside: start it, ask how it is, stop it. Never leaves a half-started one behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from scorecast.errors import UserError
from scorecast.ops.stack.local_engine import REGION
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

START_DEADLINE_S = 60.0
# Saving a large state takes seconds; functions at work get ten to end.
STOP_DEADLINE_S = 60.0
POLL_S = 0.05


def is_running(twin: Twin) -> bool:
    """Whether the engine's process lives, ready or not."""
    return is_locked(lock_file(twin.state_dir))


def version(twin: Twin) -> str | None:
    """What the engine calls itself, for example "MiniStack 1.5.33"; None while it does not answer."""
    health = get_json(f"{twin.endpoint}/_ministack/health", timeout_s=2)
    return f"MiniStack {health['version']}" if health else None


# ---------------------------------------------------------------- start


def start(twin: Twin) -> str:
    """Bring the engine up and return what is worth knowing of how it went, or nothing."""
    if is_running(twin):
        return _join(twin)
    remark = _what_was_lost(twin)
    _check_port(twin)
    _clear(twin)
    _launch(twin)
    _wait_until_ready(twin)
    return remark


def _join(twin: Twin) -> str:
    """Use the engine that runs already; one that hangs half-started, or is of an earlier version, is replaced."""
    port = running_port(twin.state_dir)
    if port not in (None, twin.port):
        raise UserError(
            f"The twin runs on port {port} already, not {twin.port}; `scorecast down` stops it, or leave the port out."
        )
    try:
        _wait_until_ready(twin)
    except UserError:
        _kill(twin, read_note(twin.state_dir).get("pid"))
        start(twin)
        return "It had hung half-started and was started anew."
    if read_note(twin.state_dir).get("code") != code_hash():
        stop(twin)
        start(twin)
        return "It ran an earlier version, and was started anew."
    return "It was running already."


def _what_was_lost(twin: Twin) -> str:
    """After a kill -9: the state is written by an orderly stop only, so say what it goes back to."""
    if not note_file(twin.state_dir).exists():
        return ""
    saved = [file.stat().st_mtime for file in (twin.state_dir / "state").glob("*.json")]
    if not saved:
        return "It had been killed before it ever saved, so everything is made anew."
    when = datetime.fromtimestamp(max(saved)).astimezone()
    return f"It had been killed without saving, and went back to what it saved on {when:%Y-%m-%d at %H:%M:%S}."


def _check_port(twin: Twin) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", twin.port))
        except OSError as error:
            raise UserError(
                f"Port {twin.port} is used by another program. "
                f"Stop that one, or choose another port: SCORECAST_PORT={twin.port + 1} make up"
            ) from error


def _clear(twin: Twin) -> None:
    """Remove what a killed engine left; objects that no saved state knows would come back as strange buckets."""
    note_file(twin.state_dir).unlink(missing_ok=True)
    shutil.rmtree(twin.state_dir / "tmp", ignore_errors=True)
    (twin.state_dir / "tmp").mkdir(parents=True)
    if not (twin.state_dir / "state" / "s3.json").exists():
        shutil.rmtree(twin.state_dir / "s3", ignore_errors=True)


def _launch(twin: Twin) -> None:
    """Start the engine; it goes to the background by itself."""
    command = [sys.executable, "-m", "scorecast.twin.engine", str(twin.state_dir)]
    with twin.log_file.open("w") as log:
        subprocess.run(command, env=_environment(twin), stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)


def _environment(twin: Twin) -> dict[str, str]:
    """MiniStack's settings, and of the user's environment next to nothing: the functions' processes inherit it all."""
    return {
        **{name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ},
        "PATH": f"{bin_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        # As in Lambda.
        "TZ": "UTC",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(twin.port),
        "MINISTACK_REGION": REGION,
        # Every call is judged by its caller's policies, as on AWS.
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(twin.state_dir / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(twin.state_dir / "s3"),
        "TMPDIR": str(twin.state_dir / "tmp"),
        "LAMBDA_EXECUTOR": "local",
        # MiniStack would remove the containers of any other MiniStack here; without a socket it leaves Docker alone.
        "DOCKER_HOST": f"unix://{twin.state_dir / 'no-docker'}",
        # No listeners but the one port.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def _wait_until_ready(twin: Twin) -> None:
    until = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < until:
        if get_json(f"{twin.endpoint}/_ministack/ready", timeout_s=2):
            return
        if not is_running(twin):
            raise UserError(f"The engine ended while it started: {_last_words(twin.log_file)} (see {twin.log_file})")
        time.sleep(POLL_S)
    raise UserError(
        f"The engine is not ready after {START_DEADLINE_S:.0f} s; see {twin.log_file}, and `scorecast down`."
    )


def _last_words(log_file: Path) -> str:
    """The last line that is not a traceback's code: what is indented says where, not what."""
    lines = [line for line in log_file.read_text(errors="replace").splitlines() if line and not line[0].isspace()]
    return lines[-1] if lines else "it said nothing"


# ---------------------------------------------------------------- stop


def stop(twin: Twin) -> bool:
    """Stop the engine when it has saved its state; False where none was running. Ends its functions too."""
    if not is_running(twin):
        return False
    pid = read_note(twin.state_dir).get("pid")
    if not isinstance(pid, int):
        raise UserError(f"The engine is just starting; try again in a moment (its lock: {lock_file(twin.state_dir)}).")
    _signal(os.kill, pid, signal.SIGTERM)
    in_time = _ends(twin, STOP_DEADLINE_S)
    _kill(twin, pid)
    if not in_time:
        raise UserError(f"The engine did not stop within {STOP_DEADLINE_S:.0f} s and was killed; see {twin.log_file}.")
    return True


def _kill(twin: Twin, pid: int | None) -> None:
    """End whoever is left: the engine leads a process group of its own, with its functions' processes in it."""
    if pid:
        _signal(os.killpg, pid, signal.SIGKILL)
    _ends(twin, 5)


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        send(pid, number)


def _ends(twin: Twin, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if not is_running(twin):
            return True
        time.sleep(POLL_S)
    return False

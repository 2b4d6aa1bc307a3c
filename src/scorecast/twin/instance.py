"""Where a twin is (its sources, its state folder, its port), and how to talk to it.

Tests make instances of their own, on other ports and in other folders. A user has one: in `.twin/` of the clone, or
of the current folder if Scorecast is installed from a wheel.
"""

import fcntl
import hashlib
import json
import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorecast.bundles.sources import Sources, in_clone, installed, is_installed
from scorecast.errors import UserError
from scorecast.ops.stack.local_engine import CREDENTIALS, REGION, endpoint_on

DEFAULT_PORT = 4566


@dataclass(frozen=True)
class Twin:
    root: Path
    state_dir: Path
    port: int = DEFAULT_PORT
    stack: str = "fanout"

    @property
    def endpoint(self) -> str:
        return endpoint_on(self.port)

    @property
    def sources(self) -> Sources:
        """The sources of what is deployed to it."""
        return installed() if is_installed() else in_clone(self.root)

    @property
    def log_file(self) -> Path:
        return self.state_dir / "engine.log"

    @property
    def journal(self) -> Path:
        """The file with the engine's state."""
        # Imported late: of the commands, only those that start or stop the engine need SQLite.
        from scorecast.twin.journal import FILE

        return self.state_dir / "state" / FILE

    @property
    def objects(self) -> Path:
        """The folder with the objects of S3."""
        return self.state_dir / "s3"

    @property
    def build(self) -> Path:
        """Where `sam build` puts its result: the default folder, so that commands typed by hand find it."""
        return self.root / ".aws-sam" / "build"

    def client(self, service: str) -> Any:
        """Make a boto3 client for the twin; the caller's own AWS environment has no effect on it."""
        # Imported late: `scorecast env` needs no client, and the SDK takes a quarter of a second to load.
        import boto3
        from botocore.config import Config

        session: Any = boto3  # its stubs accept only literal names of services
        return session.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            aws_session_token="",
            # Loopback needs no proxy.
            config=Config(retries={"total_max_attempts": 2}, connect_timeout=5, proxies={}),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that point aws, sam and boto3 at the twin."""
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, **CREDENTIALS}


def without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without AWS settings, so that the user's profile has no effect on the twin."""
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}


def get_json(url: str, timeout_s: float = 10) -> dict[str, Any] | None:
    """GET a JSON object from the twin; return None on an error or if there is no answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as response:
            answer = json.loads(response.read())
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def bin_dir() -> Path:
    """Return the folder of the running interpreter, which also has `sam` and the function builder's Python."""
    return Path(sys.executable).parent


# ---------------------------------------------------------------- the user's own twin


def find(port: int | None = None, environ: Mapping[str, str] = os.environ) -> Twin:
    """Find this folder's twin, on the given port, else the environment's, else the running engine's, else 4566."""
    folder = _root()
    state_dir = folder / ".twin"
    # In a user's folder, nothing is written outside the state folder.
    root = state_dir if is_installed() else folder
    chosen = port or _port_of(environ) or running_port(state_dir) or DEFAULT_PORT
    return Twin(root=root, state_dir=state_dir, port=chosen)


def _root() -> Path:
    """Return the clone that this code is in, or the current folder if the code is installed."""
    return Path.cwd() if is_installed() else Path(__file__).resolve().parents[3]


def _port_of(environ: Mapping[str, str]) -> int | None:
    value = environ.get("SCORECAST_PORT", "")
    if not value:
        return None
    if not value.isdigit() or not 1024 <= int(value) <= 65535:
        raise UserError(f"SCORECAST_PORT is {value!r}, but must be a port number from 1024 to 65535.")
    return int(value)


# ---------------------------------------------------------------- what the engine leaves in the folder
#
# The engine holds a lock on engine.lock while it runs. The system releases the lock however the process ends, so a
# stale file is never mistaken for a running engine. engine.json names the process; an orderly stop removes it. If the
# file exists and the lock is free, the engine was killed.


def lock_file(state_dir: Path) -> Path:
    return state_dir / "engine.lock"


def note_file(state_dir: Path) -> Path:
    return state_dir / "engine.json"


def is_locked(path: Path) -> bool:
    """Whether a running process holds the lock."""
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock; raise BlockingIOError if another process holds it and `wait` is false."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def code_hash() -> str:
    """Hash this package; an engine started by an earlier version has another hash."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def read_note(state_dir: Path) -> dict[str, Any]:
    """Read what the engine wrote about itself: pid, port and code; empty if the file is missing or unreadable."""
    try:
        note = json.loads(note_file(state_dir).read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def running_port(state_dir: Path) -> int | None:
    return read_note(state_dir).get("port") if is_locked(lock_file(state_dir)) else None

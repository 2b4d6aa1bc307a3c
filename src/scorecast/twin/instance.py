"""Where a twin lives: its repository, its folder of state, its port; and how one talks to it.

Tests make their own instance (another port, another folder); people have one, in `.twin/` of their clone.
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
    def log_file(self) -> Path:
        return self.state_dir / "engine.log"

    @property
    def build(self) -> Path:
        """Where `sam build` puts its result: its own default, so that what is typed by hand finds it."""
        return self.root / ".aws-sam" / "build"

    def client(self, service: str) -> Any:
        """A boto3 client for the twin, whatever the caller's own AWS environment says."""
        # Imported late: `scorecast env` needs no client, and the SDK takes a quarter of a second to load.
        import boto3
        from botocore.config import Config

        session: Any = boto3  # its stubs have an overload a service, and no name that is not literal
        return session.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            aws_session_token="",
            # A machine's proxy is not for loopback.
            config=Config(retries={"total_max_attempts": 2}, connect_timeout=5, proxies={}),
        )

    def environment(self) -> dict[str, str]:
        """What aws, sam and boto3 need in their environment to talk to the twin."""
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, **CREDENTIALS}


def without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the user's own AWS settings: a profile must neither help nor hinder the twin."""
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}


def get_json(url: str, timeout_s: float = 10) -> dict[str, Any] | None:
    """The JSON object at an address of the twin; None where it answers with an error or not at all."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as response:
            answer = json.loads(response.read())
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def bin_dir() -> Path:
    """The folder of the interpreter that runs this: `sam` and the function builder's Python are beside it."""
    return Path(sys.executable).parent


# ---------------------------------------------------------------- the user's own twin


def find(port: int | None = None, environ: Mapping[str, str] = os.environ) -> Twin:
    """The twin of this clone; on the port given, the environment's, the running engine's, or 4566."""
    root = _root()
    state_dir = root / ".twin"
    chosen = port or _port_of(environ) or running_port(state_dir) or DEFAULT_PORT
    return Twin(root=root, state_dir=state_dir, port=chosen)


def _root() -> Path:
    for folder in (Path(__file__).resolve().parents[3], Path.cwd()):
        if (folder / "template.yaml").exists():
            return folder
    raise UserError(f"No template.yaml in {Path.cwd()}: the local twin runs in a clone of the repository; go there.")


def _port_of(environ: Mapping[str, str]) -> int | None:
    value = environ.get("SCORECAST_PORT", "")
    if not value:
        return None
    if not value.isdigit() or not 1024 <= int(value) <= 65535:
        raise UserError(f"SCORECAST_PORT is {value!r}, but must be a port number from 1024 to 65535.")
    return int(value)


# ---------------------------------------------------------------- what the engine leaves in the folder
#
# The engine holds a lock on engine.lock as long as it lives, so that no stale file can be taken for a living engine:
# the system lets go of the lock however the process ends. engine.json says which process it is, and is removed by
# an orderly stop; where it is still there without the lock, the engine was killed.


def lock_file(state_dir: Path) -> Path:
    return state_dir / "engine.lock"


def note_file(state_dir: Path) -> Path:
    return state_dir / "engine.json"


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock."""
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
    """Hold the lock; raise BlockingIOError where another holds it and `wait` is false."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def code_hash() -> str:
    """A hash of this package: an engine that was started by an earlier version of it has another."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def read_note(state_dir: Path) -> dict[str, Any]:
    """What the engine wrote of itself: pid, port, code; empty where there is nothing readable."""
    try:
        note = json.loads(note_file(state_dir).read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def running_port(state_dir: Path) -> int | None:
    return read_note(state_dir).get("port") if is_locked(lock_file(state_dir)) else None

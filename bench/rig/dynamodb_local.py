"""Amazon's DynamoDB Local: fetched once into a cache folder, run in memory on a free port, and always stopped.

Benchmarks and tests use it; the product does not. `python -m bench.rig.dynamodb_local` fetches it; needs npm and Java.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

# The npm package that carries DynamoDB Local 1.25, and the SHA-512 of its archive as npm publishes it.
PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
ARCHIVE_SHA512 = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="

METER = f"DynamoDB Local 1.25 ({PACKAGE} {VERSION})"
"""The name under which results mention it."""

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 10


class CannotFetch(Exception):
    """DynamoDB Local could not be fetched; the message says why."""


class DoesNotRun(Exception):
    """A program is installed but did not start."""


def folder() -> Path:
    """Return the folder that it is fetched into."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "scorecast" / f"dynamodb-local-{VERSION}"


def what_is_missing() -> str | None:
    """Say what it needs to run here and how to get that; None if nothing is missing."""
    if shutil.which("java") is None:
        return "there is no java: install it (on Debian and Ubuntu: apt-get install default-jre-headless)"
    if not (folder() / "DynamoDBLocal.jar").exists():
        return "DynamoDB Local is not here: fetch it with `make dynamodb-local`"
    return None


def require() -> None:
    """Exit with what is missing, if it cannot run here."""
    if missing := what_is_missing():
        sys.exit(f"Nothing is measured: {missing}.")


def fetch() -> Path:
    """Fetch it with npm unless it is there; return its folder."""
    target = folder()
    if target.exists():
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise CannotFetch("There is no npm: install it (on Debian and Ubuntu: apt-get install npm).")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        archive = _pack(npm, Path(scratch))
        with tarfile.open(archive) as package:
            package.extractall(scratch, filter="data")
        (Path(scratch) / "package" / "emulator").rename(target)
    return target


def _pack(npm: str, scratch: Path) -> Path:
    packed = subprocess.run(
        [npm, "pack", "--ignore-scripts", "--silent", f"{PACKAGE}@{VERSION}"],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    if packed.returncode:
        raise CannotFetch(f"npm could not fetch {PACKAGE}: {packed.stderr.strip()[-300:]}")
    archive = scratch / f"{PACKAGE}-{VERSION}.tgz"
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != ARCHIVE_SHA512:
        raise CannotFetch(f"{archive.name} is not the expected archive: its SHA-512 is {digest}.")
    return archive


@contextmanager
def running(*java_options: str) -> Iterator[str]:
    """Run an empty one on a free port of this machine; yields its endpoint."""
    port = free_port()
    command = ["java", *java_options, "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    command += ["-inMemory", "-sharedDb", "-port", str(port)]
    # The shell stops it when its input closes, which happens however this process ends, even if it is killed.
    process = subprocess.Popen(
        ["sh", "-c", '"$@" & cat >/dev/null; kill $!; wait $!', "sh", *command],
        cwd=folder(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for("DynamoDB Local", port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.communicate(timeout=STOPPED_WITHIN_S)


def create_client(endpoint: str) -> Any:
    """Create a client that never retries, because a retry would be counted as a call."""
    config = Config(max_pool_connections=16, retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=120)
    return botocore.session.Session().create_client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=config,
    )


def free_port() -> int:
    """Return a port of this machine that is not in use."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(program: str, port: int) -> None:
    """Wait until a program of this machine takes connections on a port; DoesNotRun if it does not."""
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise DoesNotRun(f"{program} does not answer on port {port} after {READY_WITHIN_S} s.")


if __name__ == "__main__":
    try:
        print(f"DynamoDB Local is in {fetch()}.")
    except CannotFetch as error:
        sys.exit(str(error))

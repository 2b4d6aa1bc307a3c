"""Amazon's DynamoDB Local: fetched once into a cache folder, started on a free port, in memory, and always ended.

A tool of benchmarks and tests, never a dependency of the product. Run this module to fetch it; needs npm and Java.
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

# The npm package that carries DynamoDB Local 1.25, and what npm says its archive's SHA-512 is.
PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
ARCHIVE_SHA512 = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 10


class CannotFetch(Exception):
    """DynamoDB Local could not be had; says why."""


class DoesNotRun(Exception):
    """DynamoDB Local is here, but did not start."""


def folder() -> Path:
    """Where it lies once it is fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "scorecast" / f"dynamodb-local-{VERSION}"


def what_is_missing() -> str | None:
    """Say what keeps it from running here, and what to do about it; None if nothing does."""
    if shutil.which("java") is None:
        return "there is no java: install it (on Debian and Ubuntu: apt-get install default-jre-headless)"
    if not (folder() / "DynamoDBLocal.jar").exists():
        return "DynamoDB Local is not here: fetch it with `make dynamodb-local`"
    return None


def fetch() -> Path:
    """Fetch it with npm, unless it is there; return its folder."""
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
        raise CannotFetch(f"{archive.name} is not the archive that was tried here: its SHA-512 is {digest}.")
    return archive


@contextmanager
def running(*java_options: str) -> Iterator[str]:
    """Run one, empty, on a free port of this machine; yields its endpoint."""
    port = free_port()
    command = ["java", *java_options, "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    command += ["-inMemory", "-sharedDb", "-port", str(port)]
    # The shell ends it when its input ends, which it does however this process ends, a kill included.
    process = subprocess.Popen(
        ["sh", "-c", '"$@" & cat >/dev/null; kill $!; wait $!', "sh", *command],
        cwd=folder(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.communicate(timeout=STOPPED_WITHIN_S)


def create_client(endpoint: str) -> Any:
    """Make a client of it; nothing is tried twice behind the back of who counts."""
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
    """A port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(port: int) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise DoesNotRun(f"DynamoDB Local does not answer on port {port} after {READY_WITHIN_S} s.")


if __name__ == "__main__":
    try:
        print(f"DynamoDB Local is in {fetch()}.")
    except CannotFetch as error:
        sys.exit(str(error))

"""A twin for tests: a fresh engine, IAM enforced, and the real template put on it by the real SAM CLI."""

import gzip
import json
import os
import random
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from scorecast.ops.stack.local_engine import local_url
from scorecast.twin import deployment, lifecycle, process
from scorecast.twin.instance import Twin, locked
from tests.support.guard import processes_in

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stack:
    """A deployed stack: `outputs` by key, `api` is the API's root and ends in a slash."""

    twin: Twin
    outputs: dict[str, str]
    # Sent with every request of the API.
    headers: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    # The backup's objects never change once they are written, so each is read once.
    _backup: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def endpoint(self) -> str:
        return self.twin.endpoint

    @property
    def api(self) -> str:
        return local_url(self.outputs["PageUrl"], self.endpoint)

    @property
    def build_dir(self) -> Path:
        return self.twin.build

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once, with the administrator's credentials."""
        if service not in self._clients:
            self._clients[service] = self.twin.client(service)
        return self._clients[service]

    def get(self, path: str = "", **parameters: str) -> tuple[int, Any]:
        """GET an address under the API's root: the status and the parsed body."""
        status, text = self.get_text(path, **parameters)
        return status, json.loads(text)

    def get_text(self, path: str = "", **parameters: str) -> tuple[int, str]:
        """GET an address under the API's root: the status and the body."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        try:
            request = urllib.request.Request(self.api + path + query, headers=self.headers)
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def sam(self, *arguments: str) -> str:
        """Run the SAM CLI as a user would, in the repository; return what it printed."""
        done = deployment.run_sam(self.twin, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def beside(self, name: str) -> "Stack":
        """Another stack on the same engine."""
        return deployed(replace(self.twin, stack=name))

    @staticmethod
    def quoted(text: str) -> str:
        """The text as one segment of a path."""
        return quote(text, safe="")


class Steps:
    """Remembers which steps were taken, and what was remarked."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.remarks: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[lifecycle.Remark]:
        self.titles.append(title)
        yield self.remarks.append


def copy_repository(to: Path) -> Path:
    """Copy what is deployed, so that builds neither disturb the clone nor are disturbed by work in it."""
    to.mkdir(parents=True, exist_ok=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, to)
    shutil.copytree(ROOT / "src", to / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return to


def deploy_once(folder: Path) -> Path:
    """Deploy to a twin in the folder, unless that is done, and stop it; return the folder, to be copied.

    Side by side, one process deploys and the others wait.
    """
    made = folder / "deployed"
    with locked(folder / "deploy.lock", wait=True):
        if not made.exists():
            unfinished = folder / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            repository = copy_repository(unfinished / "repository")
            with running(Twin(root=repository, state_dir=unfinished / "twin", port=free_port())):
                pass
            unfinished.rename(made)
    return made


@contextmanager
def copy_of(made: Path, to: Path) -> Iterator[Stack]:
    """Run a copy of a twin that was deployed, with its stack."""
    shutil.copytree(made, to)
    with running(Twin(root=to / "repository", state_dir=to / "twin", port=free_port())) as twin:
        yield deployed(twin)


def free_port() -> int:
    """A port that nobody listens on, below those that systems give to outgoing connections.

    An engine listens a second after its port was chosen, so each worker has ports of its own (pytest -n).
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 15_000 + 1_000 * (worker % 17)
    while True:
        port = random.SystemRandom().randrange(first, first + 1_000)  # tests seed the other one
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def deployed(twin: Twin) -> Stack:
    return Stack(twin, deployment.describe(twin).outputs)


def processes_of(twin: Twin) -> list[str]:
    """The command lines of the engine and of its functions' processes."""
    return [line for line in processes_in(twin.state_dir.parent).values() if str(twin.state_dir) in line]


@contextmanager
def running(twin: Twin) -> Iterator[Twin]:
    """The twin, up; afterwards no process of it is left."""
    try:
        lifecycle.up(twin, Steps())
        yield twin
    finally:
        process.stop(twin)
    assert processes_of(twin) == [], processes_of(twin)


def events_in_backup(stack: Stack) -> Iterator[dict[str, Any]]:
    """Every event in the backup."""
    pages = stack.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=stack.outputs["BackupBucketName"], Prefix="changes/"):
        for found in page.get("Contents", []):
            key = found["Key"]
            if key not in stack._backup:
                stack._backup[key] = _events_in(stack, key)
            yield from stack._backup[key]


def _events_in(stack: Stack, key: str) -> list[dict[str, Any]]:
    """The events of one object; every line is one document, gzipped or not."""
    body = stack.client("s3").get_object(Bucket=stack.outputs["BackupBucketName"], Key=key)["Body"].read()
    text = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()
    return list(map(json.loads, text.splitlines()))


@dataclass(frozen=True)
class Shard:
    """The one shard that the twin has of the main table's stream."""

    stream_arn: str
    shard_id: str
    records: list[dict[str, Any]]


def read_stream(stack: Stack) -> Shard:
    """The shard with all its records."""
    streams, table = stack.client("dynamodbstreams"), stack.outputs["MainTableName"]
    stream_arn = streams.list_streams(TableName=table)["Streams"][0]["StreamArn"]
    shard_id = streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]["Shards"][0]["ShardId"]
    asked = {"StreamArn": stream_arn, "ShardId": shard_id, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**asked)["ShardIterator"]
    found: list[dict[str, Any]] = []
    while True:
        page = streams.get_records(ShardIterator=iterator)
        if not page["Records"]:
            return Shard(stream_arn, shard_id, found)
        found += page["Records"]
        iterator = page["NextShardIterator"]

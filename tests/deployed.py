"""A twin for tests: a fresh engine, IAM enforced, and the real template put on it by the real SAM CLI."""

import json
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from scorecast.twin import lifecycle, process
from scorecast.twin import stack as deployment
from scorecast.twin.instance import Twin


@dataclass(frozen=True)
class Stack:
    """A deployed stack: `outputs` by key, `api` is the API's root and ends in a slash."""

    twin: Twin
    outputs: dict[str, str]

    @property
    def endpoint(self) -> str:
        return self.twin.endpoint

    @property
    def api(self) -> str:
        return deployment.local_url(self.outputs["PageUrl"], self.endpoint)

    @property
    def build_dir(self) -> Path:
        return self.twin.build

    def client(self, service: str) -> Any:
        """A boto3 client with the administrator's credentials."""
        return self.twin.client(service)

    def get(self, path: str = "", **parameters: str) -> tuple[int, Any]:
        """GET an address under the API's root: the status and the parsed body."""
        status, text = self.get_text(path, **parameters)
        return status, json.loads(text)

    def get_text(self, path: str = "", **parameters: str) -> tuple[int, str]:
        """GET an address under the API's root: the status and the body."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        try:
            with urllib.request.urlopen(self.api + path + query, timeout=30) as response:
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def deployed(twin: Twin) -> Stack:
    return Stack(twin, deployment.describe(twin).outputs)


def processes_of(twin: Twin) -> list[str]:
    """The command lines of the engine and of its functions' processes."""
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(twin.state_dir) in line]


@contextmanager
def running(twin: Twin) -> Iterator[Twin]:
    """The twin, up; afterwards no process of it is left."""
    try:
        lifecycle.up(twin, Steps())
        yield twin
    finally:
        process.stop(twin)
    assert processes_of(twin) == []

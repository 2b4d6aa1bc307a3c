"""The functions under test: built as for a deployment, each run in its own process, which sees only its bundle."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorecast.twin.instance import locked

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("worker.py")
BUILDS = ROOT / ".aws-sam" / "bench"
# Functions get these and not the user's AWS settings, which could change a result. No call leaves the machine.
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_SESSION_TOKEN": "bench" * 80}
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
_SETTINGS = {
    "EVENT_BUS_NAME": "fanoutBus",
    "EVENT_BRIDGE_MAX_ATTEMPT": "4",
    "BACKUP_BUCKET": "backup",
    "SCORE_ATTRIBUTE": "projectScore",
    "LEADERBOARD_TABLE": "LeaderboardTable",
    "LEADERBOARD_INDEX": "hackathonName-projectScore",
    "LEADERBOARD_TIE_INDEX": "tieBoard-tieOrder",
    "BOARD_TABLE": "BoardTable",
    "ID_ATTRIBUTE": "id",
    "METADATA_ATTRIBUTE": "metadata",
    "BOARD_ATTRIBUTE": "hackathonName",
    "NAME_ATTRIBUTE": "userName",
    "PAGE_TOKEN_KEY": "key",
    # The consumer has no bus here; bench/measure/announcements.py measures what standing events cost.
    "STANDING_EVENTS_TOP": "0",
    "TABLE": "LeaderboardTable",
    "INDEX": "hackathonName-projectScore",
}


@dataclass(frozen=True)
class Function:
    """A function: its design, its name in the template, its handler's module, and what creates the clients there."""

    design: str
    name: str
    module: str
    maker: str = ""

    @property
    def bundle(self) -> Path:
        """The folder that a deployment would upload."""
        return BUILDS / self.design / self.name


OURS, TEXTBOOK, POWERTOOLS = "scorecast", "textbook", "powertools"
TEMPLATES = {
    OURS: ROOT / "template.yaml",
    TEXTBOOK: ROOT / "bench" / "rivals" / "textbook" / "template.yaml",
    POWERTOOLS: ROOT / "bench" / "rivals" / "powertools" / "template.yaml",
}
# The designs that are whole pipelines; the third one is only a fan-out.
PIPELINES = (OURS, TEXTBOOK)
FANOUT = (
    Function(OURS, "FanoutLambda", "scorecast.fanout.handler", "fanout"),
    Function(TEXTBOOK, "FanoutFunction", "fanout"),
)
PUBLISHERS = (*FANOUT, Function(POWERTOOLS, "FanoutFunction", "fanout"))
CONSUMER = (
    Function(OURS, "ConsumerLambda", "scorecast.standings.handler", "processor"),
    Function(TEXTBOOK, "ConsumerFunction", "consumer"),
)
READ = (
    Function(OURS, "LeaderGet", "scorecast.api.handler", "reader"),
    Function(TEXTBOOK, "RankFunction", "rank"),
)


def build() -> None:
    """Build the bundles of all designs with the SAM CLI, unless their sources are unchanged."""
    with locked(BUILDS / "lock", wait=True):
        for design, template in TEMPLATES.items():
            sources, stamp = _fingerprint(template), BUILDS / f"{design}.txt"
            if not stamp.exists() or stamp.read_text() != sources:
                _build(design, template)
                stamp.write_text(sources)


def _build(design: str, template: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": tools, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}
    command = ["sam", "build", "--template", str(template), "--build-dir", str(BUILDS / design), "--parallel"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _fingerprint(template: Path) -> str:
    files = sorted([template, *(file for file in (template.parent / "src").rglob("*") if file.is_file())])
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file}" for file in files if file.suffix != ".pyc")
    return "\n".join(lines)


def environment(endpoint: str = "http://127.0.0.1:9") -> dict[str, str]:
    """Return the environment of a function that calls AWS at the endpoint."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    aws = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    return (
        kept
        | _SETTINGS
        | _CREDENTIALS
        | aws
        | {
            "DEAD_LETTER_QUEUE_URL": f"{endpoint}/000000000000/dlq",
            "CONSUMER_QUEUE_URL": f"{endpoint}/000000000000/queue",
        }
    )


class Process:
    """A function's process; it is warm from the second invocation on."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke the handler; return what bench/rig/worker.py measures."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("The function's process ended; its output is above.")
        measured: dict[str, Any] = json.loads(answer)
        return measured


@contextmanager
def running(function: Function, endpoint: str) -> Iterator[Process]:
    """Run a function's process that calls AWS at the endpoint."""
    command = [sys.executable, "-S", "-P", str(WORKER), str(function.bundle), function.module]
    with subprocess.Popen(
        command, env=environment(endpoint), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Process(process)
        assert process.stdin
        process.stdin.close()

"""Scorecast installed from its wheel, in an empty folder, on a machine without make and git."""

import json
import os
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from scorecast.twin.instance import without_aws
from tests.support.deployed import free_port
from tests.support.wheel import build_wheel

pytestmark = pytest.mark.slow
SAM = """#!{python}
import sys
from samcli.cli.main import cli
sys.exit(cli())
"""


@dataclass(frozen=True)
class Installed:
    """The command of an environment, in the folder of its user; nothing else is on the path."""

    command: Path
    folder: Path
    port: int

    def __call__(self, *arguments: str) -> str:
        environment = {**without_aws(os.environ), "PATH": str(self.folder), "SCORECAST_PORT": str(self.port)}
        environment.pop("PYTHONPATH", None)
        command = [str(self.command), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def scorecast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The wheel in an environment that borrows the packages of the one that runs the tests; its twin is up."""
    home = tmp_path_factory.mktemp("installed")
    environment, user = home / "environment", home / "user"
    user.mkdir()
    (home / "wheel").mkdir()
    wheel = build_wheel(home / "wheel")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    (python.parent / "sam").write_text(SAM.format(python=python))
    (python.parent / "sam").chmod(0o755)
    installed = Installed(python.parent / "scorecast", user, free_port())
    try:
        installed("up")
        yield installed
    finally:
        installed("down")


def test_the_twin_comes_up_and_the_page_shows_the_sample_board(scorecast: Installed) -> None:
    assert f"{scorecast.command} down" in scorecast("up")
    assert [path.name for path in scorecast.folder.iterdir()] == [".twin"]
    status = json.loads(scorecast("status", "--json"))
    assert (status["engine"], status["stackStatus"]) == ("running", "CREATE_COMPLETE")
    with urllib.request.urlopen(status["page"], timeout=30) as answer:
        assert "<title>" in answer.read().decode()
    board = json.loads(scorecast("top", "StarWar", "--json"))
    assert [(one["userName"], one["projectScore"]) for one in board["entries"]] == [
        ("userB", 90),
        ("userC", 70),
        ("userA", 60),
    ]


def test_the_other_commands_of_the_twin_work(scorecast: Installed) -> None:
    assert scorecast("--version") == f"scorecast {version('scorecast')}\n"
    assert json.loads(scorecast("env", "--json"))["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{scorecast.port}"
    assert scorecast("down") == "Stopped; the data is kept.\n"
    assert "engine       stopped; `scorecast up` starts it" in scorecast("status")

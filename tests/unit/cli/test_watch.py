"""`scorecast status --watch` as it is typed."""

import io
import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from scorecast import cli
from scorecast.cli import twin, watch
from scorecast.errors import UserError
from scorecast.ops.stack import flow as flows
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.flow import Flow
from tests.support.ops_fakes import fake_stack

FLOW = Flow("2026-01-01T00:00:00.000Z", 5, 2, 4, 12.0, None, 2500.0)
LINE = "2026-01-01T00:00:00.000Z queued=5 inFlight=2 oldestS=12.0 streamLagMs=- boardLagMs=2500.0 deadLetters=4\n"

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command against a stack whose flow is always the same; Ctrl-C comes during the third pause."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(twin, "open_stack", lambda _: fake_stack())
    monkeypatch.setattr(flows.FlowReader, "read", lambda _: FLOW)
    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=pause))
    return lambda *words: CliRunner(mix_stderr=False).invoke(cli.app, ["status", *words])


def test_each_look_is_a_line_and_ctrl_c_is_success(run: Run) -> None:
    done = run("--watch")
    assert (done.exit_code, done.stdout) == (0, LINE * 3)


def test_count_ends_it(run: Run) -> None:
    done = run("--watch", "--count", "2", "--interval", "0.5")
    assert (done.exit_code, done.stdout) == (0, LINE * 2)


def test_json_is_one_document_a_line(run: Run) -> None:
    lines = run("--watch", "--json", "--count", "2").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "at": FLOW.at,
            "queued": 5,
            "inFlight": 2,
            "oldestS": 12.0,
            "streamLagMs": None,
            "boardLagMs": 2500.0,
            "deadLetters": 4,
        }
    ] * 2


def test_a_terminal_shows_a_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(watch, "data", Console(file=screen, force_terminal=True, width=80))
    assert run("--watch").exit_code == 0
    text = screen.getvalue()
    assert all(shown in text for shown in ("dead letters", "2.5 s", "12.0 s", "not known"))


def test_a_count_needs_a_watch(run: Run) -> None:
    refused = run("--count", "3").exception
    assert isinstance(refused, UserError)
    assert refused.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("words", [["--count", "0"], ["--interval", "0"]])
def test_a_count_and_an_interval_are_positive(run: Run, words: list[str]) -> None:
    assert run("--watch", *words).exit_code == 2

"""The commands doctor and trace, from what is typed to what is printed, on a stack that is not there."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scorecast.cli import app, doctor, trace
from scorecast.errors import UserError
from scorecast.ops.doctor.finding import Finding, State
from scorecast.ops.doctor.report import Evidence
from scorecast.ops.trace.search import Search, Trace, Wanted
from tests.support.doctor_fakes import FakeAws
from tests.support.ops_fakes import refusal
from tests.unit.ops.trace.test_search import CHANGE, HERE, LETTER, STORED, Backup, search

WRITTEN = Finding("canary: main table", State.OK, "written", seconds=0.01234)


class Canary:
    """A canary that reports one step, or is stopped."""

    backup = None

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def run(self, on_step: Callable[[Finding], None]) -> None:
        on_step(WRITTEN)
        if self.error:
            raise self.error


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture(autouse=True)
def stack(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_stack", lambda _: aws.system().stack)
    monkeypatch.setattr(doctor, "canary_of", lambda *_: Canary())
    monkeypatch.setattr(doctor, "gather", lambda *_: Evidence({"board": 1.0}, Counter()))


def run(*arguments: str) -> Result:
    result = CliRunner(mix_stderr=False).invoke(app, arguments)
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


def test_each_check_is_a_line_and_a_healthy_stack_exits_with_0() -> None:
    result = run("doctor")
    assert result.exit_code == 0
    assert "✓ stream                     view type NEW_AND_OLD_IMAGES" in result.stdout
    assert "✓ canary: main table         written (0.01 s)" in result.stdout
    assert result.stdout.endswith("25 checks: no fault.\n")


def test_a_fault_has_a_cross_a_remedy_and_an_exit_code(aws: FakeAws) -> None:
    aws.queue_trigger["State"] = "Disabled"
    result = run("doctor", "--no-canary")
    assert result.exit_code == 10
    [line] = [line for line in result.stdout.splitlines() if line.startswith("✗")]
    command = "aws lambda update-event-source-mapping --uuid 22222222-bbbb --enabled"
    assert f"the trigger is disabled. Run `{command}`" in line
    assert "canary" not in result.stdout
    assert result.stdout.endswith("24 checks: 1 fault.\n")


def test_hints_and_what_was_not_checked_are_counted(aws: FakeAws) -> None:
    aws.answer("lambda", "get_account_settings", {"AccountLimit": {"UnreservedConcurrentExecutions": 10}})
    aws.answer("iam", "get_role", refusal("AccessDenied"))
    result = run("doctor", "--no-canary")
    assert result.exit_code == 0
    assert result.stdout.endswith("24 checks: no fault, 1 hint, 1 not checked.\n")


def test_the_answer_in_json_has_all_findings() -> None:
    answer = json.loads(run("doctor", "--json").stdout)
    assert answer["healthy"] is True
    assert (answer["faults"], answer["hints"], answer["notChecked"]) == (0, 0, 0)
    assert answer["checks"][0] == {
        "name": "stream", "state": "ok", "found": "view type NEW_AND_OLD_IMAGES", "remedy": ""
    }  # fmt: skip
    assert answer["canary"][0]["seconds"] == 0.012
    assert json.loads(run("doctor", "--no-canary", "--json").stdout)["canary"] is None


def test_a_canary_that_cannot_be_written_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise UserError("The table main has other keys.")

    monkeypatch.setattr(doctor, "canary_of", refuse)
    result = run("doctor")
    assert result.exit_code == 0
    assert "- canary                     not checked: The table main has other keys\n" in result.stdout


def test_ctrl_c_says_that_the_item_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "canary_of", lambda *_: Canary(KeyboardInterrupt()))
    with pytest.raises(UserError, match="the canary's item is deleted") as error:
        run("doctor")
    assert error.value.exit_code == 130


def test_the_report_goes_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    assert "✓ stream" in run("doctor", "--report", str(file)).stdout
    assert file.read_text().startswith("# scorecast doctor\n")
    printed = run("doctor", "--report", "-").stdout
    assert printed == file.read_text()
    with pytest.raises(UserError, match="give --report a file"):
        run("doctor", "--report", "-", "--json")


# ---------------------------------------------------------------- trace


@pytest.fixture
def find(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Callable[[Trace], None]:
    monkeypatch.setattr(trace, "open_stack", lambda _: aws.system().stack)

    def answer(found: Trace) -> None:
        monkeypatch.setattr(Search, "find", lambda *_: found)

    return answer


def test_a_trace_says_where_the_change_is(find: Callable[[Trace], None]) -> None:
    find(search(Wanted("change-1"), Backup({HERE: [CHANGE]}), STORED, LETTER))
    result = run("trace", "change-1")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "dead letter: stage standings, CannotApply, since 2026-01-02T03:00:00Z: no score"
    assert lines[1].startswith("on the bus and in the backup: INSERT change-1 of 2026-01-02T03:00:00Z (changes/2026/")
    assert lines[2].startswith("board StarWar, participant 1: applied: score 60, sequence 0000")
    assert "Looked through 1 dead letters and 1 objects of the backup" in result.stderr


def test_a_trace_that_finds_nothing_exits_with_11(find: Callable[[Trace], None]) -> None:
    find(search(Wanted("unknown"), Backup({})))
    result = run("trace", "unknown", "--since", "2h")
    assert result.exit_code == 11
    assert result.stdout.startswith("Not found")
    answer = json.loads(run("trace", "unknown", "--json").stdout)
    assert (answer["found"], answer["backup"], answer["boards"]) == (False, None, [])


def test_a_trace_in_json_has_the_place_in_the_backup(find: Callable[[Trace], None]) -> None:
    find(search(Wanted("1", "StarWar"), Backup({HERE: [CHANGE]}), STORED))
    answer = json.loads(run("trace", "1", "StarWar", "--json").stdout)
    assert (answer["backup"]["key"], answer["backup"]["line"], answer["backup"]["changeId"]) == (HERE, 1, "change-1")
    assert answer["boards"][0]["state"] == "shown"
    assert answer["entry"]["projectScore"] == 60

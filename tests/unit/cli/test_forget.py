"""The command that erases a participant: what it asks, prints, writes to its report, and exits with."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scorecast.cli import app, forget
from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.erasure_system import ErasureSystem
from tests.support.recovery_fakes import change, envelope

NOTHING = "Nothing of '1' was found."


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> ErasureSystem:
    """A participant with a score on a board, beside another one, and a letter about each."""
    system = ErasureSystem()
    for participant in ("1", "10"):
        system.put(participant, "Golf", userName={"S": "Zoe"})
        system.queue.park(envelope("fanout", change(participant=participant)))
    monkeypatch.setattr(forget, "open_stack", lambda _: system.stack())
    monkeypatch.setattr(forget, "_now", lambda: system.bucket.now)
    return system


def run(*arguments: str, stdin: str | None = None) -> Result:
    """Run `scorecast forget 1 ...`; an error for the user is raised."""
    result = CliRunner(mix_stderr=False).invoke(app, ["forget", "1", *arguments], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def answer(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_a_dry_run_lists_everything_and_erases_nothing(system: ErasureSystem) -> None:
    shown = run("--dry-run").stdout
    for line in ("id 1, metadata Golf", "fanout, message m1", "changes/2026/01/02/03/"):
        assert line in shown
    found = "1 item of the main table, 1 entry, 1 place in a snapshot, 1 dead letter and 1 line of the backup"
    assert f"Found {found} of '1'; nothing was erased." in shown
    assert system.holds("1")


def test_it_asks_with_what_it_found_and_erases_after_a_yes(system: ErasureSystem) -> None:
    result = run(stdin="y\n")
    assert "of '1' from the stack 'fanout' permanently? [y/N]" in result.stderr
    assert "Erased 1 item of the main table, 1 entry," in result.stdout
    assert "2 lines of the backup of '1'." in result.stdout
    assert "Requests to S3: " in result.stderr
    assert not system.holds("1")
    assert system.holds("10")


def test_a_no_erases_nothing_and_leaves_no_report(system: ErasureSystem, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Nothing was erased"):
        run("--report", str(tmp_path / "report.json"), stdin="n\n")
    assert system.holds("1")
    assert list(tmp_path.iterdir()) == []


def test_it_erases_nothing_while_a_rebuild_counts(system: ErasureSystem) -> None:
    system.mapping.begin("Disabled")
    with pytest.raises(UserError, match=r"Nothing was erased\. The mapping of ConsumerLambda's queue is Disabled"):
        run("--yes")
    assert system.holds("1")
    assert run("--dry-run").exit_code == 0


def test_yes_asks_nothing_and_a_second_run_says_that_nothing_is_left(system: ErasureSystem) -> None:
    assert "permanently?" not in run("--yes").stderr
    again = run("--yes")
    assert NOTHING in again.stdout
    assert "1 tombstones" in again.stdout
    assert NOTHING in run("--dry-run").stdout


def test_the_answer_has_the_report_and_where_everything_was(system: ErasureSystem) -> None:
    found = answer("--dry-run")
    assert found["found"] == {"items": 1, "entries": 1, "snapshots": 1, "deadLetters": 1, "backupLines": 1}
    assert (found["erased"], found["complete"]) == (None, False)
    assert found["details"]["entries"] == ["Golf"]
    erased = answer("--yes")
    assert erased["erased"] == found["found"] | {"backupLines": 2}
    assert erased["complete"]
    assert {row["what"].split()[0] for row in erased["expires"]} >= {"tombstones", "the", "point-in-time"}


def test_the_report_has_no_data_of_the_participant_but_the_id(system: ErasureSystem, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    run("--yes", "--report", str(file))
    text = file.read_text()
    report = json.loads(text)
    assert (report["id"], report["complete"]) == ("1", True)
    assert not [word for word in ("Golf", "Zoe", "60", "m1", "changes/") if f'"{word}' in text]


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_erased(
    system: ErasureSystem, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="cannot be written") as error:
        run("--yes", "--report", str(tmp_path / "none" / "report.json"))
    assert error.value.exit_code == ExitCode.USAGE
    assert system.holds("1")


def test_what_is_left_to_people_is_told_with_an_exit_code(system: ErasureSystem, tmp_path: Path) -> None:
    system.bucket.put("changes/readme.txt", b'hello "1"')
    system.queue.park("hello")
    file = tmp_path / "report.json"
    with pytest.raises(UserError, match=r"could not be read.*changes/readme.txt") as error:
        run("--yes", "--report", str(file))
    assert error.value.exit_code == ExitCode.FAILED
    report = json.loads(file.read_text())
    assert not report["complete"]
    assert "1 dead letters could not be read" in report["unfinished"][1]
    again = run("--dry-run")
    assert again.exit_code == 0
    assert again.stdout.count("Left to you: ") == 2


def test_a_removal_that_does_not_come_through_has_an_exit_code_of_its_own(
    system: ErasureSystem, tmp_path: Path
) -> None:
    system.is_held = True
    file = tmp_path / "report.json"
    with pytest.raises(UserError, match=r"still on their boards after 0\.1 s") as error:
        run("--yes", "--timeout", "0.1", "--report", str(file))
    assert error.value.exit_code == ExitCode.TIMED_OUT
    report = json.loads(file.read_text())
    assert (report["complete"], report["erased"]) == (False, {"items": 1})
    assert "still on their boards" in report["unfinished"][0]


def test_since_is_a_time_or_an_age(system: ErasureSystem) -> None:
    assert answer("--dry-run", "--since", "2026-01-02T05:00:00Z")["found"].get("backupLines") is None
    with pytest.raises(UserError, match="neither an age"):
        run("--since", "yesterday")

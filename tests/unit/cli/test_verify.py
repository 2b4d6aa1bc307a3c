"""verify as it is typed, over a consumer and its tables in memory."""

import json

import pytest
from click.testing import CliRunner, Result

from scorecast.cli import app, verify
from scorecast.errors import UserError
from scorecast.leaderboard.index.table import ROOT, shape_key
from scorecast.ops.recovery import repair
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.fakes import item
from tests.support.repair_system import RepairSystem


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> RepairSystem:
    made = RepairSystem()
    monkeypatch.setattr(verify, "open_stack", lambda _: made.stack)
    for participant, score in (("1", "60"), ("2", "90")):
        made.write(item(participant, score=score), participant, "StarWar")
    return made


def run(*options: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(app, ["verify", "--settle", "0", *options])


def error_of(result: Result) -> UserError:
    assert isinstance(result.exception, UserError), result.exception
    return result.exception


def test_equal_tables_end_with_0(system: RepairSystem) -> None:
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "All 2 entries agree with the 2 items of the main table, and the index matches.\n"


def test_an_edit_by_hand_is_found_and_one_command_corrects_it(system: RepairSystem) -> None:
    del system.table.items["1", "StarWar"]
    found = error_of(run())
    assert found.exit_code == ExitCode.DIFFERENT
    assert "1 missing" in str(found)
    assert "`scorecast verify --repair` corrects everything." in str(found)
    repaired = run("--repair")
    assert repaired.exit_code == 0, repaired.exception
    assert "1 entries were written again and the index of StarWar was corrected." in repaired.stdout
    assert "The index is wrong: counting the entries again" in repaired.stderr
    assert run().exit_code == 0


def test_json_says_what_was_found_and_what_was_done(system: RepairSystem) -> None:
    del system.table.items["1", "StarWar"]
    del system.table.board_items["boards", "StarWar"]
    answer = json.loads(run("--repair", "--json").stdout)
    assert (answer["missing"], answer["unlisted"]) == (1, 1)
    assert answer["miscounts"] > 0
    assert answer["repaired"] == {"entries": 1, "notApplied": 0, "boards": ["StarWar"]}
    answer = json.loads(run("--json").stdout)
    kinds = ("miscounts", "misplaced", "broken", "unlisted")
    assert [answer[kind] for kind in kinds] == [0, 0, 0, 0]
    assert (answer["repaired"], answer["warnings"]) == (None, [])


def test_a_broken_index_is_corrected_before_the_entries_that_could_not_be_written(system: RepairSystem) -> None:
    system.table.board_items["shape//StarWar", "StarWar"] = shape_key("StarWar", ROOT) | {"version": {"S": "old"}}
    del system.table.items["1", "StarWar"]
    found = error_of(run())
    assert "1 missing, 1 broken" in str(found)
    answer = json.loads(run("--repair", "--json").stdout)
    assert answer["repaired"] == {"entries": 1, "notApplied": 0, "boards": ["StarWar"]}
    assert "StarWar: the root has a shape that cannot be read" in answer["examples"]
    assert run().exit_code == 0
    system.table.check()


def test_a_repair_that_is_not_applied_ends_with_9_and_names_an_entry(
    system: RepairSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    del system.table.items["1", "StarWar"]
    monkeypatch.setattr(system, "deliver", lambda: None)
    monkeypatch.setattr(repair, "PATIENCE_S", 0)
    result = run("--repair", "--json")
    error = error_of(result)
    assert error.exit_code == ExitCode.DIFFERENT
    assert "1 entries still differ, for example StarWar/1 has no entry" in str(error)
    assert json.loads(result.stdout)["repaired"] == {"entries": 0, "notApplied": 1, "boards": ["StarWar"]}


def test_a_disabled_mapping_is_told_and_a_repair_refuses_it(system: RepairSystem) -> None:
    system.mapping.begin("Disabled")
    told = run()
    assert told.exit_code == 0
    assert "is Disabled, so changes wait in the queue" in told.stderr
    assert str(error_of(run("--repair"))).startswith("Nothing was repaired. The mapping of ConsumerLambda's queue is")
    assert system.mapping.state == "Disabled"

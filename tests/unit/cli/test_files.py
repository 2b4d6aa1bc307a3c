"""`scorecast export` and `scorecast import`: what they print, what they leave behind, and what they refuse."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scorecast.cli import app, files
from scorecast.errors import UserError
from scorecast.leaderboard.policy import BoardPolicy, Ties
from scorecast.ops.files.export import Export
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.api_fakes import SAMPLE, FakeTable
from tests.support.ops_fakes import entry, fake_stack, refusal
from tests.support.recovery_fakes import RecoveryTables

CSV = (
    "hackathonName,rank,id,userName,projectScore\r\nStarWar,1,2,userB,90\r\nStarWar,2,3,,70\r\nStarWar,3,1,userA,60\r\n"
)


@pytest.fixture
def leaderboard(monkeypatch: pytest.MonkeyPatch) -> FakeTable:
    table = FakeTable(SAMPLE, names={"1": "userA", "2": "userB"})
    monkeypatch.setattr(files, "open_stack", lambda _: fake_stack(dynamodb=table))
    return table


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> RecoveryTables:
    made = RecoveryTables()
    monkeypatch.setattr(files, "open_stack", lambda _: fake_stack(dynamodb=made))
    return made


def run(*arguments: str | Path) -> Result:
    """Run a command that must succeed."""
    result = CliRunner(mix_stderr=False).invoke(app, [*map(str, arguments)])
    if result.exception:
        raise result.exception
    return result


def refused(*arguments: str | Path) -> tuple[Result, str, int]:
    """Run a command that must be refused; return the sentence and the exit code too."""
    result = CliRunner(mix_stderr=False).invoke(app, [*map(str, arguments)])
    assert isinstance(result.exception, UserError), result.output
    return result, str(result.exception), result.exception.exit_code


# ---------------------------------------------------------------- export


@pytest.mark.usefixtures("leaderboard")
def test_standard_output_has_the_file_and_nothing_else() -> None:
    result = run("export", "StarWar")
    assert (result.stdout_bytes.decode(), result.stderr) == (CSV, "")
    lines = run("export", "StarWar", "--format", "json").stdout.splitlines()
    assert json.loads(lines[0]) == {
        "hackathonName": "StarWar",
        "rank": 1,
        "id": "2",
        "userName": "userB",
        "projectScore": 90,
    }


@pytest.mark.usefixtures("leaderboard")
def test_a_file_is_written_in_the_format_of_its_name_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    path.write_text("old")
    assert run("export", "StarWar", "--into", path).stdout == f"Wrote 3 of 3 entries of StarWar to {path}.\n"
    assert path.read_bytes().decode() == CSV
    run("export", "StarWar", "--into", tmp_path / "board.jsonl")
    assert (tmp_path / "board.jsonl").read_text().startswith('{"hackathonName": "StarWar"')
    run("export", "StarWar", "--into", tmp_path / "board.json", "--format", "csv")
    assert (tmp_path / "board.json").read_bytes() == path.read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["board.csv", "board.json", "board.jsonl"]


@pytest.mark.usefixtures("leaderboard")
def test_json_describes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    assert json.loads(run("export", "StarWar", "--into", path, "--json").stdout) == {
        "hackathonName": "StarWar",
        "file": str(path),
        "format": "csv",
        "entries": 3,
        "total": 3,
        "changedMeanwhile": False,
    }
    _, sentence, code = refused("export", "StarWar", "--json")
    assert (sentence, code) == (
        "--json describes the file that --into names: add --into FILE, or omit --json.",
        ExitCode.USAGE,
    )


def test_an_export_that_fails_leaves_the_older_file_as_it_was(
    leaderboard: FakeTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Export, *_: Any) -> Iterator[Any]:
        yield dict.fromkeys(self.fields, "half")
        raise UserError("as told")

    path = tmp_path / "board.csv"
    path.write_text("old")
    monkeypatch.setattr(Export, "rows", fail)
    assert refused("export", "StarWar", "--into", path)[1] == "as told"
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("board.csv", "old")]


@pytest.mark.usefixtures("leaderboard")
def test_a_file_that_cannot_be_written_is_named() -> None:
    assert refused("export", "StarWar", "--into", "/nowhere/x")[1] == (
        "/nowhere/x cannot be written: No such file or directory."
    )


@pytest.mark.usefixtures("leaderboard")
def test_a_device_is_written_to_and_not_replaced() -> None:
    run("export", "StarWar", "--into", "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_a_board_that_changes_meanwhile_is_reported(
    leaderboard: FakeTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Export.rows

    def change(self: Export, *given: Any) -> Iterator[Any]:
        yield from rows(self, *given)
        leaderboard.put([("StarWar", "4", "5")])

    monkeypatch.setattr(Export, "rows", change)
    assert run("export", "StarWar").stderr == (
        "The board StarWar changed meanwhile: an entry that moved may be in the file twice or not at all. "
        "Export it again when nothing changes, or after it has closed.\n"
    )
    answer = json.loads(run("export", "StarWar", "--into", tmp_path / "a.csv", "--json").stdout)
    assert answer["changedMeanwhile"] is True


def test_a_file_that_lacks_entries_is_an_error() -> None:
    """Entries from before ties had an order have no place in it."""
    with pytest.MonkeyPatch.context() as patch:
        policies = {"StarWar": BoardPolicy(ties=Ties.EARLIEST)}
        table = FakeTable(SAMPLE, policies=policies, reached={"1": "2026-01-01T00:00:00Z"})
        patch.setattr(files, "open_stack", lambda _: fake_stack(dynamodb=table))
        result, sentence, code = refused("export", "StarWar")
    assert result.stdout.count("\n") == 2
    assert code == ExitCode.FAILED
    assert sentence == (
        "The file has 1 of the 3 entries of StarWar: run it again in a moment; entries from before ties had an order "
        "need `scorecast backfill`."
    )


# ---------------------------------------------------------------- import


def saved(tmp_path: Path, text: str, name: str = "board.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_a_file_becomes_items_and_a_second_run_changes_nothing(tables: RecoveryTables, tmp_path: Path) -> None:
    path = saved(tmp_path, CSV)
    before = entry("1", "StarWar", "5") | {"team": {"S": "red"}}
    tables.put("main", before)
    assert run("import", path, "--dry-run").stdout == f"3 lines of {path}: 3 to write, 0 unchanged, 0 refused.\n"
    assert tables.tables["main"] == {("1", "StarWar"): before}
    assert run("import", path).stdout == f"3 lines of {path}: 3 written, 0 unchanged, 0 refused.\n"
    assert tables.tables["main"] == {
        ("1", "StarWar"): entry("1", "StarWar", "60", "userA") | {"team": {"S": "red"}},
        ("2", "StarWar"): entry("2", "StarWar", "90", "userB"),
        ("3", "StarWar"): entry("3", "StarWar", "70"),
    }
    assert run("import", path).stdout == f"3 lines of {path}: 0 written, 3 unchanged, 0 refused.\n"


def test_a_spreadsheet_without_boards_is_imported_to_the_one_that_is_named(
    tables: RecoveryTables, tmp_path: Path
) -> None:
    path = saved(tmp_path, "\ufeffprojectScore,id\n12.50,名\n")
    answer = json.loads(run("import", path, "--board", "Golf", "--json").stdout, parse_float=Decimal)
    assert answer == {
        "file": str(path),
        "dryRun": False,
        "lines": 1,
        "written": 1,
        "unchanged": 0,
        "refused": 0,
        "left": 0,
        "faults": [],
        "faultCount": 0,
    }
    assert tables.tables["main"]["名", "Golf"]["projectScore"] == {"N": "12.50"}


def test_a_file_with_faults_is_refused_as_a_whole(tables: RecoveryTables, tmp_path: Path) -> None:
    path = saved(tmp_path, '{"id": "1", "projectScore": 5}\n' + '{"id": "", "projectScore": "x"}\n' * 15, "a.json")
    result, sentence, code = refused("import", path, "--board", "Golf")
    assert (sentence, code) == (f"15 of 16 lines of {path} were refused: nothing was written; correct them.", 1)
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        "line 2: id is ''; it must be a text of 1 to 2,048 bytes of UTF-8",
        "line 2: projectScore is 'x'; it must be a number of up to 38 digits",
    ]
    assert lines[20:] == [
        "... and 10 more faults.",
        f"16 lines of {path}: 0 written, 0 unchanged, 15 refused, 1 left.",
    ]
    assert not tables.tables["main"]
    answer = json.loads(refused("import", path, "--board", "Golf", "--json")[0].stdout)
    assert (answer["refused"], answer["left"], answer["faultCount"]) == (15, 1, 30)
    assert answer["faults"][0] == {"line": 2, "reason": "id is ''; it must be a text of 1 to 2,048 bytes of UTF-8"}


@pytest.mark.usefixtures("tables")
def test_bytes_that_are_not_utf_8_are_a_fault_of_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("id,userName,projectScore\n1,a,5\n2,José,6\n".encode("latin-1"))
    assert "line 3: userName is 'Jos\\udce9'" in refused("import", path, "--board", "b")[0].stdout


def test_a_line_that_the_table_refuses_is_named_and_the_others_are_done(tables: RecoveryTables, tmp_path: Path) -> None:
    tables.put("main", entry("1", "StarWar", "5") | {"hackathonName": {"S": "Golf"}})
    path = saved(tmp_path, CSV)
    result, sentence, _ = refused("import", path)
    assert sentence == f"1 of 3 lines of {path} were refused: the others are done."
    assert result.stdout == (
        "line 4: its item is of the board 'Golf', by its hackathonName; the line is about 'StarWar'\n"
        f"3 lines of {path}: 2 written, 0 unchanged, 1 refused.\n"
    )


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (KeyboardInterrupt(), "you stopped it.", ExitCode.INTERRUPTED),
        (refusal("AccessDeniedException", operation="UpdateItem"), "You may not call UpdateItem", ExitCode.DENIED),
    ],
)
def test_an_import_that_ends_early_says_what_is_done_and_how_to_continue(
    tables: RecoveryTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str, code: int
) -> None:
    update = tables.update_item

    def fail(**request: Any) -> Any:
        if request["Key"]["id"]["S"] == "3":
            raise error
        return update(**request)

    monkeypatch.setattr(tables, "update_item", fail)
    path = saved(tmp_path, CSV)
    result, sentence, exit_code = refused("import", path)
    assert exit_code == code
    assert sentence.startswith(f"The import ended early: {said}")
    assert sentence.endswith("Run the same command again to continue: what is written is not written twice.")
    assert result.stdout == f"3 lines of {path}: 2 written, 0 unchanged, 0 refused, 1 left.\n"


def test_a_closed_board_is_named(tables: RecoveryTables, tmp_path: Path) -> None:
    tables.declare("StarWar", BoardPolicy(closes_at="2026-01-01T00:00:00Z"))
    tables.declare("Golf", BoardPolicy(closes_at="2026-01-01T00:00:00Z"))
    assert run("import", saved(tmp_path, CSV)).stderr == (
        "The board StarWar closed at 2026-01-01T00:00:00Z: what is written now does not count on it.\n"
    )


@pytest.mark.usefixtures("tables")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    _, sentence, code = refused("import", tmp_path / "no.csv")
    assert (sentence, code) == (f"{tmp_path}/no.csv cannot be read: No such file or directory.", ExitCode.USAGE)

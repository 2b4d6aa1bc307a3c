"""Every command of the command line: its help, its --json, and its errors."""

import re
import sys
from pathlib import Path

import pytest
from botocore.exceptions import NoCredentialsError
from click.testing import CliRunner
from rich.console import Console

from scorecast.cli import app, main, options
from scorecast.cli.command import Argument
from scorecast.cli.output import make_table, plain
from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options
from tests.support.commands import commands_of
from tests.support.ops_fakes import refusal

ROOT = Path(__file__).parents[3]


COMMANDS = dict(commands_of(app))


def names_of(path: tuple[str, ...]) -> set[str]:
    """The arguments of a command, as the usage names them."""
    return {one.make_metavar().strip("[]") for one in COMMANDS[path].params if isinstance(one, Argument)}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner(mix_stderr=False).invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert COMMANDS[path].help


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != ("env",)], ids=" ".join)
def test_every_command_answers_in_json_if_asked(path: tuple[str, ...]) -> None:
    assert any("--json" in parameter.opts for parameter in COMMANDS[path].params)


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (UserError("The value [x] is wrong.", 7), 7, "scorecast: The value [x] is wrong."),
        (NoCredentialsError(), 5, "scorecast: There are no AWS credentials"),
        (refusal("AccessDenied"), 6, "scorecast: You may not call Operation"),
    ],
)
def test_an_error_is_one_line_without_a_traceback(
    raised: Exception, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise raised

    monkeypatch.setattr(app, "main", fail)
    monkeypatch.setattr(sys, "argv", ["scorecast"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == code
    assert printed.out == ""
    assert printed.err.startswith(says)
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            "top --limit x",
            "Invalid value for '--limit' / '-n': 'x' is not a valid whole number. `scorecast top --help`",
        ),
        ("top --limitt 3", "There is no option --limitt: did you mean --limit? `scorecast top --help`"),
        ("topp", "There is no command 'topp': did you mean 'top'? `scorecast --help`"),
        ("boards ste", "There is no command 'ste': did you mean 'set'? `scorecast boards --help`"),
        ("score 1", "Missing argument 'BOARD'. `scorecast score --help`"),
        ("boards set Golf --order up", "Invalid value for '--order': 'up' is not one of 'descending', 'ascending'. `"),
    ],
)
def test_a_usage_error_is_one_sentence_and_a_hint(
    arguments: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["scorecast", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == ExitCode.USAGE
    assert said.startswith(f"scorecast: {says}")
    assert said.endswith("--help` shows the usage.\n")


@pytest.mark.parametrize("path", [path for path in COMMANDS if {"BOARD", "ID"} & names_of(path)], ids=" ".join)
@pytest.mark.parametrize(("value", "says"), [("", "must not be empty"), ("x" * 2049, "must not be longer")])
def test_every_board_and_id_is_checked_before_any_call(path: tuple[str, ...], value: str, says: str) -> None:
    required = [one for one in COMMANDS[path].params if isinstance(one, Argument) and one.required]
    result = CliRunner(mix_stderr=False).invoke(app, [*path, *[value] * max(len(required), 1)])
    assert result.exit_code == ExitCode.USAGE
    assert says in result.stderr


@pytest.mark.parametrize(
    "path", [path for path in COMMANDS if path[0] not in ("up", "down", "status", "env", "cost")], ids=" ".join
)
def test_every_command_that_needs_a_stack_looks_for_it(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    def find(found: Options, *_: object) -> None:
        raise UserError(f"reached {found.stack}")

    monkeypatch.setattr(options, "find_stack", find)
    given = ["7" for one in COMMANDS[path].params if isinstance(one, Argument)]
    given += {
        ("consumers", "add"): ["--pattern", '{"a": ["b"]}', "--target", "arn:aws:sqs:us-east-1:1:q"],
        ("consumers", "test"): ["--pattern", '{"a": ["b"]}'],
        ("replay",): ["--consumer", "x", "--from", "1h"],
        ("restore",): ["--events"],
        ("boards", "hide"): ["--reason", "why"],
    }.get(path, [])
    result = CliRunner().invoke(app, [*path, *given, "--stack", "live"])
    assert str(result.exception) == "reached live", result.output


@pytest.mark.parametrize("flag", ["-h", "--help", "--version"])
def test_help_and_version_have_their_usual_options(flag: str) -> None:
    assert CliRunner().invoke(app, [flag]).exit_code == 0


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("columns", [80, 120])
def test_help_fits_the_terminal(path: tuple[str, ...], columns: int) -> None:
    text = CliRunner().invoke(app, [*path, "--help"], terminal_width=columns, color=False).output
    assert max(map(len, text.splitlines())) <= columns


def test_a_table_folds_text_instead_of_cutting_it() -> None:
    table = make_table("name", "score", right=["score"])
    table.add_row("n" * 100, "1" * 38)
    with (console := Console(width=80)).capture() as captured:
        console.print(table)
    assert (captured.get().count("n"), captured.get().count("1")) == (100 + 1, 38)


def test_a_name_reaches_the_terminal_only_as_text() -> None:
    assert plain("[bold]a\x1b[31mb\nc").plain == "[bold]a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c"


def test_every_exit_code_is_described() -> None:
    described = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {str(code.value) for code in ExitCode} <= set(described)

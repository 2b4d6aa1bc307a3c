"""Every command of the command line: its help, its --json, and what it says when something is wrong."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main
from botocore.exceptions import NoCredentialsError
from typer.testing import CliRunner

import scorecast.cli
from scorecast.cli import app, main
from scorecast.cli.options import plain
from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.ops_fakes import refusal

ROOT = Path(__file__).parents[3]


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
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
def test_what_goes_wrong_is_one_line_and_no_traceback(
    raised: Exception, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise raised

    monkeypatch.setattr(scorecast.cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["scorecast"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == code
    assert printed.out == ""
    assert printed.err.startswith(says)
    assert printed.err.count("\n") == 1


def test_a_name_cannot_reach_the_terminal_as_anything_but_text() -> None:
    assert plain("[bold]a\x1b[31mb\nc").plain == "[bold]a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c"


def test_every_exit_code_is_described() -> None:
    described = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {str(code.value) for code in ExitCode} <= set(described)

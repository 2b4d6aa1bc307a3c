"""Every `scorecast` command line in README and documents is one that the command line accepts."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
import pytest

from scorecast.cli import app
from tests.support.commands import commands_of

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = dict(commands_of(app))
GROUPS = {path[0] for path in COMMANDS if len(path) > 1}

_FENCE = re.compile(r"^ *```(?:sh|console)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_ANY_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
# A command line ends where the shell goes on with another command, a comment or a closing bracket.
_LINE = re.compile(r"(?:^|[\s(])(?:\.venv/bin/)?scorecast ((?:'[^']*'|\"[^\"]*\"|\\\n|[^\n'\"|;#)])*)")
_SPAN = re.compile(r"`([^`\n]+)`")
_OPTION = re.compile(r"--?[a-z][a-z-]*")


def in_blocks(text: str) -> Iterator[list[str]]:
    """The arguments of each command line in the blocks of a document; of a console's, only what is typed."""
    for block in _FENCE.findall(text):
        typed = block
        if re.search(r"^\$ ", block, re.MULTILINE):
            typed = "\n".join(re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE))
        for line in _LINE.findall(typed):
            yield shlex.split(line.replace("\\\n", " "))


def in_sentences(text: str) -> Iterator[list[str]]:
    """The words of each command named in a sentence: with `scorecast`, or a command and its options alone."""
    for span in _SPAN.findall(_ANY_FENCE.sub("", text)):
        words = span.removeprefix(".venv/bin/").split()
        if words[0] == "scorecast" and len(words) > 1:
            yield words[1:]
        elif words[0] in {path[0] for path in COMMANDS} and len(words) > 1 and re.match(r"--|[a-z]+$", words[1]):
            yield words


def command_of(words: list[str]) -> tuple[click.Command, list[str]] | None:
    """The command that words begin with, and the words after it; None for a group or the program as a whole."""
    path = tuple(words[: 2 if words and words[0] in GROUPS else 1])
    if path in COMMANDS:
        return COMMANDS[path], words[len(path) :]
    assert path in {(group,) for group in GROUPS} or path[0].startswith("-") or path == ("COMMAND",), (
        f"there is no command {' '.join(path)}"
    )
    return None


def options_of(command: click.Command) -> set[str]:
    context = click.Context(app, info_name="scorecast")
    parameters = command.get_params(click.Context(command, parent=context))
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)} | {
        "-h",
        "--help",
    }


def arguments_of(command: click.Command) -> list[str]:
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    return [argument.human_readable_name.strip("[]") for argument in arguments]


def label(value: str | list[str]) -> str:
    return value if isinstance(value, str) else " ".join(value)[:60]


def of_documents(found: str) -> list[tuple[str, list[str]]]:
    """Each document's name with each of its command lines, once."""
    find = {"blocks": in_blocks, "sentences": in_sentences}[found]
    lines = {
        (str(path.relative_to(ROOT)), tuple(words))
        for path in DOCUMENTS
        for words in find(path.read_text(encoding="utf-8"))
    }
    return [(name, list(words)) for name, words in sorted(lines)]


@pytest.mark.parametrize(("document", "words"), of_documents("blocks"), ids=label)
def test_a_command_line_of_a_block_is_accepted(document: str, words: list[str]) -> None:
    assert document
    found = command_of(words)
    if found and not {"-h", "--help"} & set(words):
        command, arguments = found
        command.make_context("scorecast", list(arguments), parent=click.Context(app))


@pytest.mark.parametrize(("document", "words"), of_documents("sentences"), ids=label)
def test_a_command_named_in_a_sentence_exists_with_its_options(document: str, words: list[str]) -> None:
    assert document
    found = command_of(words)
    if found:
        command, arguments = found
        named = {word for word in arguments if _OPTION.fullmatch(word)}
        assert named <= options_of(command), f"{' '.join(words)}: there is no option {named - options_of(command)}"
        if not named:
            order = [word.strip("[]") for word in arguments if word.strip("[]").isupper()]
            assert order == arguments_of(command)[: len(order)]


def rows() -> list[tuple[str, str]]:
    """The rows of the table of commands in docs/cli.md: the commands of each, and what it says of them."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").splitlines()
    table = takewhile(lambda line: line.startswith("|"), text[text.index("| command | does |") + 2 :])
    return [(line.split(" | ", 1)[0], line.split(" | ", 1)[1]) for line in table]


@pytest.mark.parametrize(("commands", "does"), rows())
def test_the_options_in_the_table_of_commands_exist(commands: str, does: str) -> None:
    names = re.findall(r"[a-z]+", " ".join(_SPAN.findall(commands)))
    known = {name for path, command in COMMANDS.items() if path[0] in names for name in options_of(command)}
    assert known
    assert set(re.findall(r"`[^`]*?(--[a-z-]+)", does)) <= known


def test_every_command_is_in_the_table_of_commands() -> None:
    names = [re.findall(r"[a-z]+", " ".join(_SPAN.findall(commands))) for commands, _ in rows()]
    assert {path for path in COMMANDS if not any(set(path) <= set(row) for row in names)} == set()

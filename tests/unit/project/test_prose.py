"""Prose stays plain English: documents, comments, docstrings, messages, help and test names avoid the banned turns."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

CODE = [ROOT / name for name in ("src", "tests", "bench")]

# Each turn, with what to write instead.
BANNED = {
    r"anew": "again, or a verb: recreate, rewrite, recount",
    r"left away": "omitted; for an option, its default in brackets",
    r"mend(?:s|ed|ing)?": "fix, repair",
    r"shall": "will, must, or the present tense",
    r"whoever|whosoever": "a noun: the participant, the caller, anyone who",
    r"for want of": "because ... is missing",
    r"makes? no way": "makes no progress",
    r"(?:is|was|were|are) to be had": "is available; for a feature, supports it",
    r"(?:and|or) the like": "name the others, or leave them out",
    r"as it goes": "say how, or leave it out",
    r"(?<!there )(?:is|are) (?-i:none)": "is not a valid ...",
    r"otherwise than": "differently from; with another ...",
    r"(?:is|are|was|were) said(?= ?(?:[.;,:)]|$))": "name who or what says it",
    r"so do(?:es)? (?:one|those)": "the same holds for ...",
    r"to be asked": "needs, or who asks whom",
    r"on end": "in a row",
    r"whilst|thereof|whence|wherein|hitherto": "a word in use today",
    r"we": "the component that does it",
    r"simply": "leave it out",
}
_BANNED = {re.compile(rf"(?<![\w-])(?:{turn})(?![\w-])", re.IGNORECASE): better for turn, better in BANNED.items()}
_ANY_BANNED = re.compile(rf"\b(?:{'|'.join(BANNED)})\b", re.IGNORECASE)
# "Who has the same score shares the rank.": a question may begin like this, a statement may not.
_WHO = re.compile(r"(?:^|[.:;] +)Who [a-z][^.?:;]*[.:;]")
_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`|--[a-z-]+", re.MULTILINE | re.DOTALL)


def faults_of(text: str) -> list[str]:
    """The banned turns in a text, code in backquotes excepted, each with what to write instead."""
    prose = re.sub(r"\s+", " ", _CODE.sub(" ", text))
    found = [f"'{match[0]}': {better}" for turn, better in _BANNED.items() for match in turn.finditer(prose)]
    return found + [f"'{match[0]}': a noun as the subject" for match in _WHO.finditer(prose)]


def comments_of(source: str) -> Iterator[str]:
    """The comments of Python code; one that goes over several lines is one text."""
    lines = {
        token.start[0]: token.string.lstrip("#: ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for _, block in groupby(enumerate(sorted(lines)), lambda pair: pair[1] - pair[0]):
        yield " ".join(lines[number] for _, number in block)


def docstrings_of(tree: ast.Module) -> Iterator[str]:
    """The docstrings of a module, those of its constants included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def messages_of(tree: ast.Module) -> Iterator[str]:
    """The texts of several words: docstrings, help and messages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.value


def names_of(tree: ast.Module) -> Iterator[str]:
    """The names of tests, as the sentences that they are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().startswith("test"):
            yield node.name.replace("_", " ")


def may_have_faults(text: str) -> bool:
    """Whether a banned turn is anywhere in a file, in its code too: most have none and need not be parsed."""
    everything = re.sub(r"[\s_#\"']+", " ", text)
    return bool(_ANY_BANNED.search(everything) or _WHO.search(everything))


def prose_of(path: Path) -> list[str]:
    """All texts of a file that people read."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return re.findall(r'"(?:description|summary|title)": ("(?:[^"\\]|\\.)*")', text)
    if path.suffix != ".py":
        return [re.sub(r"^ *#+ ?", "", text, flags=re.MULTILINE)]
    tree = ast.parse(text)
    strings = docstrings_of(tree) if path.is_relative_to(ROOT / "tests") else messages_of(tree)
    return [*strings, *comments_of(text), *names_of(tree)]


def files() -> list[Path]:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench" / "rivals").rglob("*.md")]
    names = ("template.yaml", "samconfig.toml", "pyproject.toml", "Makefile", "src/Makefile")
    settings = [ROOT / name for name in names]
    code = [path for folder in CODE for path in folder.rglob("*.py")]
    code += [ROOT / "src" / "scorecast" / "api" / name for name in ("page.html", "openapi.json")]
    code += [ROOT / "docs" / "asyncapi.json", *(ROOT / "docs" / "schemas").glob("*.json")]
    return sorted({*documents, *settings, *code} - {Path(__file__), ROOT / "README.zh.md"})


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_plain_english(path: Path) -> None:
    if may_have_faults(path.read_text(encoding="utf-8")):
        assert [fault for text in prose_of(path) for fault in faults_of(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "`make up` makes it anew.",
        "Who has the same score has the same rank.",
        "The board; left\naway, all boards.",
        "This shall be mended.",
    ],
)
def test_a_banned_turn_is_found(text: str) -> None:
    assert faults_of(text)


@pytest.mark.parametrize("text", ["Who may read the API?", "`--anew` begins again.", "The amendment"])
def test_a_plain_text_has_no_fault(text: str) -> None:
    assert faults_of(text) == []


def test_prose_is_found_in_every_kind_of_file() -> None:
    assert json.loads(prose_of(ROOT / "src" / "scorecast" / "api" / "openapi.json")[0])
    assert any("test prose is found" in text for text in prose_of(Path(__file__)))
    assert list(comments_of("# one\n# two\nx = 1  # three\n\n# four\n")) == ["one two three", "four"]

"""The documents match the code: links lead somewhere, commands and parameters are described, the READMEs agree."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorecast.cli import app
from tests.support.commands import commands_of

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose_of(path: Path) -> str:
    return _FENCE.sub("", text_of(path))


def headings_of(path: Path) -> list[str]:
    return re.findall(r"^#+ .*$", prose_of(path), re.MULTILINE)


def anchor_of(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def links_of(path: Path) -> Iterator[tuple[Path, str]]:
    """The files and anchors that a document refers to."""
    for found in _LINK.findall(prose_of(path)):
        target, _, anchor = "".join(found).partition("#")
        if "://" not in target and not target.startswith("mailto:"):
            yield (path.parent / target if target else path), anchor


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in links_of(document):
        assert target.exists(), f"{document.name} links to {target}, which is not there"
        if anchor and target.suffix == ".md":
            assert anchor in map(anchor_of, headings_of(target)), f"{target.name} has no heading for #{anchor}"


def names_under(section: str) -> list[str]:
    """The names directly under a section of the template."""
    found = re.search(rf"^{section}:\n((?:  .*\n|\n)+)", text_of(ROOT / "template.yaml"), re.MULTILINE)
    assert found, f"template.yaml has no {section}"
    return re.findall(r"^  (\w+):", found[1], re.MULTILINE)


@pytest.mark.parametrize("name", [*names_under("Parameters"), *names_under("Outputs")])
def test_parameters_and_outputs_are_described(name: str) -> None:
    assert f"`{name}`" in text_of(ROOT / "docs" / "deploy-to-aws.md")


def every_command() -> list[str]:
    return sorted(" ".join(("scorecast", *path)) for path, _ in commands_of(app))


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
@pytest.mark.parametrize("command", every_command())
def test_commands_are_in_the_readmes(command: str, readme: str) -> None:
    assert command in text_of(ROOT / readme)


def test_the_readmes_have_the_same_sections_and_examples() -> None:
    english, chinese = ROOT / "README.md", ROOT / "README.zh.md"
    levels = [[heading.split(" ")[0] for heading in headings_of(path)] for path in (english, chinese)]
    assert levels[0] == levels[1]
    assert _FENCE.findall(text_of(english)) == _FENCE.findall(text_of(chinese))
    assert [target.name for target, _ in links_of(english) if target.suffix != ".md"] == [
        target.name for target, _ in links_of(chinese) if target.suffix != ".md"
    ]


# The folders whose modules docs/architecture.md names one by one: what the functions run.
WALKED = ["runtime", "changes", "dead_letters", "leaderboard", "leaderboard/index", "fanout", "standings"]
WALKED += ["standings/announce", "api", "consumer"]


@pytest.mark.parametrize("folder", WALKED)
def test_the_architecture_names_every_module(folder: str) -> None:
    modules = {path for path in (ROOT / "src" / "scorecast" / folder).glob("*.py") if path.name != "__init__.py"}
    named = {target.resolve() for target, _ in links_of(ROOT / "docs" / "architecture.md")}
    assert modules
    assert modules <= named


def test_the_index_lists_every_document() -> None:
    listed = {target.resolve() for target, _ in links_of(ROOT / "docs" / "README.md")}
    assert {*(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "README.md"} <= listed


def test_the_decisions_are_all_listed() -> None:
    listed = {target.resolve() for target, _ in links_of(ROOT / "docs" / "adr" / "README.md")}
    assert {*(ROOT / "docs" / "adr").glob("0*.md")} <= listed


def test_the_twins_document_names_functions_that_exist() -> None:
    text = text_of(ROOT / "docs" / "twin.md")
    table = text[text.index("| MiniStack 1") : text.index("## Limits\n")]
    source = "".join(map(text_of, (ROOT / "src" / "scorecast" / "twin").glob("*.py")))
    patches = {
        name for row in table.splitlines()[2:] if row for name in re.findall(r"`([a-z_]+)`", row.split(" | ")[1])
    }
    assert patches
    assert {name for name in patches if f"def {name}(" not in source} == set()

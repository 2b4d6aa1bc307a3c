"""When the stack is built again: what is deployed, and no other file, makes its fingerprint."""

from pathlib import Path

import pytest

from scorecast.bundles.recipe import FOLDERS
from scorecast.bundles.sources import NOT_DEPLOYED, Sources, in_clone, is_installed


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    package = tmp_path / "src" / "scorecast"
    for folder in ("changes", "fanout", "twin", "cli", "consumer", "ops", "__pycache__"):
        (package / folder).mkdir(parents=True)
    (tmp_path / "template.yaml").write_text("Resources:")
    (tmp_path / "src" / "Makefile").write_text("build:")
    (package / "changes" / "change.py").write_text("1")
    (package / "fanout" / "handler.py").write_text("1")
    return in_clone(tmp_path)


@pytest.mark.parametrize(
    "file", ["template.yaml", "src/Makefile", "src/scorecast/changes/change.py", "src/scorecast/new.py"]
)
def test_a_change_of_what_is_deployed_changes_the_fingerprint(sources: Sources, tmp_path: Path, file: str) -> None:
    before = sources.fingerprint()
    (tmp_path / file).write_text("2")
    assert sources.fingerprint() != before


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "src/scorecast/twin/patches.py",
        "src/scorecast/cli/x.py",
        "src/scorecast/consumer/x.py",
        "src/scorecast/ops/x.py",
        "src/scorecast/__pycache__/change.pyc",
    ],
)
def test_a_change_of_anything_else_does_not(sources: Sources, tmp_path: Path, file: str) -> None:
    before = sources.fingerprint()
    (tmp_path / file).write_text("2")
    assert sources.fingerprint() == before


def test_a_folder_is_in_a_bundle_or_makes_bundles_or_is_not_deployed() -> None:
    package = in_clone(Path(__file__).parents[3]).package
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    bundled = {"runtime"}.union(*FOLDERS.values())
    assert folders - bundled - {"bundles"} == NOT_DEPLOYED


def test_a_renamed_file_changes_the_fingerprint(sources: Sources) -> None:
    before = sources.fingerprint()
    (sources.package / "changes" / "change.py").rename(sources.package / "other.py")
    assert sources.fingerprint() != before


def test_a_clone_has_the_template_at_its_root() -> None:
    assert not is_installed()
    assert in_clone(Path(__file__).parents[3]).template.exists()

"""Objects that are newer than the last cut go with a kill; older ones, and their folders, stay."""

from pathlib import Path

from scorecast.twin.later_objects import LaterObjects, files_of


def write(later: LaterObjects, cut: int, path: Path) -> None:
    later.note(cut, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for file in files_of(path):
        file.write_text("x")


def test_what_the_last_cut_does_not_include_is_removed(tmp_path: Path) -> None:
    later, objects = LaterObjects(tmp_path), tmp_path / "s3"
    before, meanwhile, after = (objects / name / "key with spaces" for name in "abc")
    write(later, 1, before)
    write(later, 2, meanwhile)
    later.forget(2)
    write(later, 2, after)
    later.remove(2, objects)
    assert sorted(objects.rglob("*.json")) == [files_of(before)[1]]
    assert [folder.name for folder in objects.iterdir()] == ["a"]


def test_an_object_that_was_noted_but_never_written_does_no_harm(tmp_path: Path) -> None:
    later = LaterObjects(tmp_path)
    later.note(1, tmp_path / "s3" / "a")
    later.remove(1, tmp_path / "s3")
    assert list(tmp_path.iterdir()) == []

"""The S3 objects that are newer than the journal's last cut; after a kill they are removed.

MiniStack writes an object to its file at once. If the engine is killed, the objects of the last second would contain
changes that nothing else remembers. So each new object is noted, under the last cut's number, before it is written.
"""

import os
from collections.abc import Callable
from pathlib import Path

_PREFIX = "objects-after-"


class LaterObjects:
    """Notes new objects; all calls name the last cut's number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, cut: int, path: Path) -> None:
        """Note the file of an object that does not exist yet."""
        with (self._folder / f"{_PREFIX}{cut}").open("a") as file:
            file.write(f"{path}\n")

    def forget(self, cut: int) -> None:
        """Forget the objects that the cut includes."""
        for file in self._notes(lambda number: number < cut):
            file.unlink(missing_ok=True)

    def remove(self, cut: int, objects: Path) -> None:
        """Remove the objects that are newer than the cut, and the folders that have become empty."""
        for file in self._notes(lambda number: number >= cut):
            for path in file.read_text().splitlines():
                for each in files_of(Path(path)):
                    each.unlink(missing_ok=True)
            file.unlink()
        for name, _, _ in os.walk(objects, topdown=False):
            folder = Path(name)
            if folder != objects and not any(folder.iterdir()):
                folder.rmdir()

    def _notes(self, chosen: Callable[[int], bool]) -> list[Path]:
        files = self._folder.glob(f"{_PREFIX}*")
        return [file for file in files if chosen(int(file.name.removeprefix(_PREFIX)))]


def files_of(path: Path) -> tuple[Path, Path]:
    """Return the files of an object: its body, and MiniStack's metadata beside it."""
    return path, path.with_name(f"{path.name}.meta.json")

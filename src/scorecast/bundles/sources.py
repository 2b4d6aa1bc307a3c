"""What a deployment is made from, and where it is: in a clone of the repository, or in an installed wheel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Never bundled with a function (recipe.py), so a change there needs no deployment.
NOT_DEPLOYED = {"cli", "consumer", "ops", "twin"}


@dataclass(frozen=True)
class Sources:
    """The template, the folder `scorecast`, and the functions' packages, pinned with hashes."""

    template: Path
    package: Path
    pins: Path

    def fingerprint(self) -> str:
        """Hash everything that a deployment is made from: the template and the functions' sources."""
        digest = hashlib.sha256(self.template.read_bytes())
        for name, file in sorted(self._named_files()):
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()[:40]

    def _named_files(self) -> Iterator[tuple[str, Path]]:
        """Yield the files beside the pins, including a clone's makefile, and the package's files."""
        yield from ((file.name, file) for file in self.pins.parent.iterdir() if file.is_file())
        ignored = {self.package / name for name in NOT_DEPLOYED}
        for file in self.package.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and ignored.isdisjoint(file.parents):
                yield str(file.relative_to(self.package.parent)), file


def is_installed() -> bool:
    """Whether this code comes from a wheel, which carries the template."""
    return (HERE / "template.yaml").exists()


def installed() -> Sources:
    """Return the sources in this wheel."""
    return Sources(template=HERE / "template.yaml", package=HERE.parent, pins=HERE / "functions.txt")


def in_clone(root: Path) -> Sources:
    """Return the sources in a clone of the repository."""
    source = root / "src"
    return Sources(template=root / "template.yaml", package=source / "scorecast", pins=source / "functions.txt")

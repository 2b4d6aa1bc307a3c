"""The project as a wheel, built as an index would get it: from the source distribution, without the network."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.deployed import ROOT, copy_repository

_SDIST = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"


def build_wheel(folder: Path) -> Path:
    """Build the wheel in an empty folder, and return it; the clone is left as it is."""
    project = copy_repository(folder / "project")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    _run("-c", _SDIST, str(folder), at=project)
    [archive] = folder.glob("*.tar.gz")
    _run("-m", "pip", "wheel", "--no-index", "--no-build-isolation", "--no-deps", "-w", str(folder), str(archive))
    [wheel] = folder.glob("*.whl")
    return wheel


def _run(*arguments: str, at: Path | None = None) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

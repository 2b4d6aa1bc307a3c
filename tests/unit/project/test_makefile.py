"""src/Makefile hands each function to the recipe, with the Python that builds."""

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src"


def test_make_runs_the_recipe(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    command = ["make", "--silent", "--directory", str(SOURCE), "build-LeaderGet", "ARTIFACTS_DIR=/bundle"]
    path = f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"
    done = subprocess.run(command, env={"PATH": path}, check=True, capture_output=True, text=True)
    assert "-m scorecast.bundles.recipe LeaderGet /bundle functions.txt\n" in done.stdout

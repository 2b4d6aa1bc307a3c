"""Makes a function's bundle: the folders it needs, its own stage, and the pinned SDK's core without its service models.

`sam build` runs it through src/Makefile; an installed Scorecast calls it directly. It needs only the standard library,
and no interpreter of the runtime's version, because everything bundled is pure Python. If such an interpreter is there,
the bundle has bytecode too, which halves a cold start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scorecast.errors import UserError

# The shared folders that each function needs, and its own stage.
FOLDERS = {
    "FanoutLambda": ("changes", "dead_letters", "fanout"),
    "ConsumerLambda": ("changes", "dead_letters", "leaderboard", "standings"),
    "LeaderGet": ("leaderboard", "api"),
}
SHARED = ("__init__.py", "errors.py", "runtime")
# The runtime's Python version, as in the template; Python ignores bytecode of another version.
RUNTIME = "3.13"


def bundle(function: str, into: Path, pins: Path, packages: Path | None = None) -> None:
    """Make a function's bundle in a folder.

    If `packages` names a folder, the pinned packages are installed there once and copied.
    """
    for name in (*SHARED, *FOLDERS[function]):
        _copy(Path(__file__).parents[1] / name, into / "scorecast" / name)
    if packages is None:
        _install(pins, into)
    else:
        if not packages.is_dir():
            unfinished = packages.with_name(f"{packages.name}.unfinished")
            _install(pins, unfinished)
            unfinished.rename(packages)
        _copy(packages, into)
    _compile(into)


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, to)


def _install(pins: Path, into: Path) -> None:
    """Install the pinned packages into a folder, without service models and without commands."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
            *("--require-hashes", "--only-binary", ":all:", "--target", str(into), "-r", str(pins)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise UserError(f"pip could not install the functions' packages ({pins}): {lines[-1]}")
    for left_out in (into / "botocore" / "data", into / "bin"):
        shutil.rmtree(left_out, ignore_errors=True)


def _compile(bundle: Path) -> None:
    """Add bytecode, if a Python of the runtime's version is installed."""
    python = next(filter(_is_of_runtime, (sys.executable, f"python{RUNTIME}")), None)
    if python is None:
        return
    # Unchecked, because file times in a deployed zip mean nothing. The paths in tracebacks are Lambda's.
    mode = ("--invalidation-mode", "unchecked-hash", "-s", str(bundle), "-p", "/var/task")
    subprocess.run([python, "-m", "compileall", "-q", "-f", *mode, str(bundle)], check=True)


def _is_of_runtime(python: str) -> bool:
    check = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{RUNTIME}')"
    try:
        return subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    kept = os.environ.get("PACKAGES")
    try:
        bundle(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(kept) if kept else None)
    except UserError as error:
        sys.exit(str(error))

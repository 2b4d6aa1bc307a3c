"""A function's code on the twin: only what it may import, in one read-only folder for all its processes."""

import hashlib
import shutil
import sysconfig
import tempfile
import threading
import zipfile
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime

from scorecast.twin.patch import holding


def apply() -> None:
    """Apply every patch of functions' code."""
    show_functions_only_their_bundle()
    unpack_code_once()
    refuse_to_change_code()


def is_python(worker: Any) -> bool:
    """Whether MiniStack runs a function in Python."""
    return str(worker.config.get("Runtime", "")).startswith("python")


def run_first(script: str) -> None:
    """Make the process of every Python function run this script first."""
    lambda_runtime._PYTHON_WORKER_SCRIPT = script + lambda_runtime._PYTHON_WORKER_SCRIPT


def show_functions_only_their_bundle() -> None:
    """MiniStack's functions can import the engine's packages; on AWS only what is bundled can be imported."""
    paths = sysconfig.get_paths()
    stdlib = (paths["stdlib"], paths["platstdlib"])
    run_first(f"""
import sys
sys.path[:] = [p for p in sys.path if p.startswith({stdlib!r}) and "-packages" not in p or p.endswith(".zip")]
""")


# ---------------------------------------------------------------- one folder


def unpack_code_once() -> None:
    """MiniStack unpacks a function's code for each of its processes, and Python compiles it each time.

    Here the processes of Python functions with the same code share its folder, and the bytecode in it.
    """
    lambda_runtime.Worker._spawn = _share_code_in(lambda_runtime.Worker._spawn)
    lambda_runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": _Package})
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace('init["code_dir"]', 'os.environ["LAMBDA_TASK_ROOT"]')
    run_first(_NAME_THE_FOLDER_ITSELF)


# Otherwise modules would have the link's path, but the working directory the folder's.
_NAME_THE_FOLDER_ITSELF = """
import os
os.environ["LAMBDA_TASK_ROOT"] = os.path.realpath(os.environ["LAMBDA_TASK_ROOT"])
"""
# Only Python functions share: MiniStack links a Node.js function's layers into its code.
_shares_code: ContextVar[bool] = ContextVar("shares_code", default=False)
_unpacking = threading.Lock()
# The folder of a package's code, by the package's digest.
_unpacked: dict[str, Path] = {}


def _share_code_in(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def spawn(worker: Any) -> None:
        with holding(_shares_code, is_python(worker)):
            original(worker)

    return spawn


class _Package(zipfile.ZipFile):
    """A package of code. Unpacking it makes a link to one folder, shared by all packages with the same bytes."""

    def extractall(self, path: Any = None, *members: Any) -> None:
        if not _shares_code.get() or self.filename is None or path is None:
            super().extractall(path, *members)
            return
        digest = hashlib.sha256(Path(self.filename).read_bytes()).hexdigest()
        with _unpacking:
            if digest not in _unpacked:
                remove_unused_code()
                folder = Path(tempfile.mkdtemp(prefix="code-"))
                super().extractall(folder)
                _unpacked[digest] = folder
            link = Path(path)
            link.rmdir()
            link.symlink_to(_unpacked[digest])


def remove_unused_code() -> None:
    """Remove the code folders that no function's process links to."""
    links = Path(tempfile.gettempdir()).glob("ministack-lambda-*/*")
    used = {link.resolve() for link in links if link.is_symlink()}
    for digest, folder in [*_unpacked.items()]:
        if folder.resolve() not in used:
            shutil.rmtree(folder, ignore_errors=True)
            del _unpacked[digest]


# ---------------------------------------------------------------- read-only


def refuse_to_change_code() -> None:
    """MiniStack lets a function write into its code's folder, where it starts; on AWS that is read-only.

    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html: a function runs on a read-only file system, and
    writes to `/tmp` only. Not refused: bytecode, and what programs or C libraries write that a function calls.
    """
    run_first(_REFUSE_TO_CHANGE_CODE)


_REFUSE_TO_CHANGE_CODE = """
import errno, os, sys

def _read_only_code():
    code, bytecode = os.path.realpath(os.environ["LAMBDA_TASK_ROOT"]) + os.sep, os.sep + "__pycache__"
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    # Where an event has a path, and the directory that is open for it, if any: what changes a file, following links,
    # and what changes a name in a folder. https://docs.python.org/3/library/audit_events.html
    of_file = {"open": [(0,)], "os.chmod": [(0, 2)], "os.chown": [(0, 3)], "os.truncate": [(0,)], "os.utime": [(0, 3)]}
    of_name = {
        "os.link": [(1, 3)], "os.mkdir": [(0, 2)], "os.remove": [(0, 1)], "os.rename": [(0, 2), (1, 3)],
        "os.rmdir": [(0, 1)], "os.symlink": [(1, 2)],
    }
    places, python_writes = {**of_file, **of_name}, ("open", "os.mkdir", "os.rename")

    def whole(path, directory=-1):
        path = os.fsdecode(path)
        try:
            return os.path.join(os.readlink(f"/proc/self/fd/{directory}"), path) if directory != -1 else path
        except OSError:  # no Linux
            return os.sep

    def check(event, arguments):
        if event not in places or event == "open" and not arguments[2] & writing:
            return
        for path, *directory in ([arguments[at] for at in place] for place in places[event]):
            if isinstance(path, int):
                continue  # it is open already
            parent, name = os.path.split(whole(path, *directory).rstrip(os.sep))
            real = os.path.join(os.path.realpath(parent), name)
            real = os.path.realpath(real) if event in of_file else real
            is_bytecode = bytecode in real and event in python_writes
            if (real + os.sep).startswith(code) and not is_bytecode:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    sys.addaudithook(check)

_read_only_code()
"""

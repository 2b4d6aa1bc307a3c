"""A function's code on the twin: what it can import, one folder for all its processes, and nobody changes it."""

import hashlib
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
    """Let the process of every Python function run this before all else."""
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


# Those of other runtimes do not: layers change a Node.js function's code, to be found in it.
_shares_code: ContextVar[bool] = ContextVar("shares_code", default=False)
_unpacking = threading.Lock()


def _share_code_in(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def spawn(worker: Any) -> None:
        with holding(_shares_code, is_python(worker)):
            original(worker)

    return spawn


class _Package(zipfile.ZipFile):
    """A package of code; what it is unpacked to is a link to one folder for all packages with these bytes."""

    def extractall(self, path: Any = None, *members: Any) -> None:
        if not _shares_code.get() or self.filename is None or path is None:
            super().extractall(path, *members)
            return
        digest = hashlib.sha256(Path(self.filename).read_bytes()).hexdigest()
        shared, link = Path(tempfile.gettempdir(), f"code-{digest}"), Path(path)
        with _unpacking:
            if not shared.exists():
                unfinished = shared.with_suffix(".unfinished")
                super().extractall(unfinished)
                unfinished.rename(shared)
        link.rmdir()
        link.symlink_to(shared)


# ---------------------------------------------------------------- nobody changes it


def refuse_to_change_code() -> None:
    """MiniStack lets a function write into the folder of its code, where it starts; on AWS that is read-only.

    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html: a function runs on a read-only file system, and
    writes to `/tmp` only. Python's bytecode is written here nevertheless.
    """
    run_first(_REFUSE_TO_CHANGE_CODE)


_REFUSE_TO_CHANGE_CODE = """
import errno, os, sys

def _read_only_code():
    code, bytecode = os.path.realpath(os.environ["LAMBDA_TASK_ROOT"]) + os.sep, os.sep + "__pycache__"
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    # Where an event has the paths that are changed: https://docs.python.org/3/library/audit_events.html
    changed = {"os.link": (1,), "os.symlink": (1,), "os.rename": (0, 1)}
    changed.update(dict.fromkeys(("open", "os.chmod", "os.mkdir", "os.remove", "os.rmdir"), (0,)))

    def check(event, arguments):
        if event not in changed or event == "open" and not arguments[2] & writing:
            return
        if event != "open" and arguments[-1] != -1:  # the path is below an open directory, as in shutil.rmtree
            return
        for path in (arguments[at] for at in changed[event] if not isinstance(arguments[at], int)):
            real = os.path.realpath(os.fsdecode(path))
            if (real + os.sep).startswith(code) and bytecode not in real:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    sys.addaudithook(check)

_read_only_code()
"""

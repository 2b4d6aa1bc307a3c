"""Patches of how MiniStack runs functions, so that it runs them as Lambda does; `patches.apply` applies them.

What functions can import, what they log, and how they end with the engine. What triggers them is in modules of its own.
"""

import hashlib
import queue
import sysconfig
import tempfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from scorecast.ops.stack.polling import poll_until
from scorecast.twin import async_invocations, mapping_limits, queue_mappings, rule_targets, stream_mappings
from scorecast.twin.patch import holding, wrap


def apply() -> None:
    """Apply every patch of functions."""
    show_functions_only_their_bundle()
    unpack_code_once()
    read_logs_to_their_end()
    write_logs_one_after_another()
    mapping_limits.apply()
    stream_mappings.apply()
    queue_mappings.apply()
    async_invocations.apply()


# ---------------------------------------------------------------- only what was bundled


def show_functions_only_their_bundle() -> None:
    """MiniStack's functions can import the engine's packages; on AWS only what is bundled can be imported."""
    paths = sysconfig.get_paths()
    stdlib = (paths["stdlib"], paths["platstdlib"])
    keep = f"""
import sys
sys.path[:] = [p for p in sys.path if p.startswith({stdlib!r}) and "-packages" not in p or p.endswith(".zip")]
"""
    lambda_runtime._PYTHON_WORKER_SCRIPT = keep + lambda_runtime._PYTHON_WORKER_SCRIPT


# ---------------------------------------------------------------- code


def unpack_code_once() -> None:
    """MiniStack unpacks a function's code for each of its processes, and Python compiles it each time.

    Here the processes of Python functions with the same code share its folder, and the bytecode in it.
    """
    lambda_runtime.Worker._spawn = _share_code_in(lambda_runtime.Worker._spawn)
    lambda_runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": _Package})


# Layers change the code of other functions: Node.js finds them inside it.
_shares_code: ContextVar[bool] = ContextVar("shares_code", default=False)
_unpacking = threading.Lock()


def _share_code_in(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def spawn(worker: Any) -> None:
        with holding(_shares_code, _is_python(worker)):
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


# ---------------------------------------------------------------- logs

# Ends the log of an invocation; no function writes it.
_END = "\x01the end of an invocation's log"
# A reader waits for so long only where a process that a function has left behind keeps the function's stderr open.
_LONGEST_WAIT_S = 1.0


def read_logs_to_their_end() -> None:
    """MiniStack waits 50 ms after every invocation for a log line, and loses or delays one that comes later.

    Here Python functions write a line of their own before each answer, and the log is read up to it.
    """
    lambda_runtime._PYTHON_WORKER_SCRIPT = _MARK_ENDS + lambda_runtime._PYTHON_WORKER_SCRIPT
    worker = lambda_runtime.Worker
    for name in ("_drain_stderr", "_drain_stderr_bounded"):
        setattr(worker, name, _read_log_instead_of(getattr(worker, name)))
    worker._read_stderr = _read_lines


def _read_lines(worker: Any) -> None:
    lines, stderr = worker._stderr_queue, worker._proc.stderr  # a function that is started again has others
    with suppress(ValueError):  # it was closed
        for line in stderr:
            lines.put(line.rstrip("\n"))
    if _is_python(worker):
        lines.put(_END)


def _is_python(worker: Any) -> bool:
    return str(worker.config.get("Runtime", "")).startswith("python")


# What is written first says that the function is ready; what it logged before belongs to its first invocation.
_MARK_ENDS = f"""
import sys
class _Answers:
    def __init__(self):
        self._stdout, self._mark = sys.stdout, ""
    def write(self, answer):
        sys.__stderr__.write(self._mark)
        sys.__stderr__.flush()
        self._mark = {_END!r} + "\\n"
        self._stdout.write(answer)
    def flush(self):
        self._stdout.flush()
sys.stdout = _Answers()
"""


def _read_log_instead_of(original: Callable[..., str]) -> Callable[..., str]:
    def read_log(worker: Any, **waits: float) -> str:
        if not _is_python(worker):
            return original(worker, **waits)
        lines: list[str] = []
        with suppress(queue.Empty):
            while not (line := worker._stderr_queue.get(timeout=_LONGEST_WAIT_S)).endswith(_END):
                lines.append(line)
            lines += filter(None, [line.removesuffix(_END)])
        return "\n".join(lines)

    return read_log


def write_logs_one_after_another() -> None:
    """MiniStack makes a function's log group twice, and loses what is in the first, if two invocations end together."""
    writing = threading.Lock()

    def emit(original: Callable[..., None], *log: Any, **source: Any) -> None:
        with writing:
            original(*log, **source)

    wrap(lambda_svc, "_emit_lambda_logs", emit)


# ---------------------------------------------------------------- the end


def settle(deadline_s: float = 10.0) -> None:
    """Start no further function or delivery, and wait for those that run; called before the engine stops serving."""
    lambda_svc._iter_all_esms = lambda: iter(())
    waiting = (async_invocations.waiting, rule_targets.waiting)
    for one in waiting:
        one.close()
    for _ in poll_until(deadline_s, pause_s=0.05, longest_pause_s=0.05):
        if not lambda_svc.executions_in_flight()[0] and all(one.is_idle() for one in waiting):
            return


def stop_workers() -> None:
    """MiniStack leaves functions' processes and folders behind when it ends."""
    lambda_runtime.reset()

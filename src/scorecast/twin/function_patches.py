"""Patches of how MiniStack runs functions, so that it runs them as Lambda does; `patches.apply` applies them.

These are about what they log, and how they end with the engine. Their code and their triggers have other modules.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from scorecast.ops.stack.polling import poll_until
from scorecast.twin import (
    async_invocations,
    function_code,
    mapping_limits,
    queue_mappings,
    rule_targets,
    stream_mappings,
)
from scorecast.twin.function_code import is_python, run_first
from scorecast.twin.patch import wrap


def apply() -> None:
    """Apply every patch of functions."""
    function_code.apply()
    read_logs_to_their_end()
    write_logs_one_after_another()
    mapping_limits.apply()
    stream_mappings.apply()
    queue_mappings.apply()
    async_invocations.apply()


# ---------------------------------------------------------------- logs

# Ends the log of an invocation; no function writes it.
_END = "\x01the end of an invocation's log"
# A reader waits this long only if a process that a function left behind keeps the function's stderr open.
_LONGEST_WAIT_S = 1.0


def read_logs_to_their_end() -> None:
    """MiniStack waits 50 ms after every invocation for a log line, and loses or delays one that comes later.

    Here Python functions write a line of their own before each answer, and the log is read up to it.
    """
    run_first(_MARK_ENDS)
    worker = lambda_runtime.Worker
    for name in ("_drain_stderr", "_drain_stderr_bounded"):
        setattr(worker, name, _read_log_instead_of(getattr(worker, name)))
    worker._read_stderr = _read_lines


def _read_lines(worker: Any) -> None:
    lines, stderr = worker._stderr_queue, worker._proc.stderr  # they differ after a restart
    with suppress(ValueError):  # it was closed
        for line in stderr:
            lines.put(line.rstrip("\n"))
    if is_python(worker):
        lines.put(_END)


# The first write says that the function is ready; anything logged before it belongs to the first invocation.
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
        if not is_python(worker):
            return original(worker, **waits)
        lines: list[str] = []
        with suppress(queue.Empty):
            while not (line := worker._stderr_queue.get(timeout=_LONGEST_WAIT_S)).endswith(_END):
                lines.append(line)
            lines += filter(None, [line.removesuffix(_END)])
        return "\n".join(lines)

    return read_log


def write_logs_one_after_another() -> None:
    """If two invocations end together, MiniStack makes the log group twice, and loses what is in the first one."""
    writing = threading.Lock()

    def emit(original: Callable[..., None], *log: Any, **source: Any) -> None:
        with writing:
            original(*log, **source)

    wrap(lambda_svc, "_emit_lambda_logs", emit)


# ---------------------------------------------------------------- the end


def settle(deadline_s: float = 10.0) -> None:
    """Start no further function or delivery, and wait for running ones; called before the engine stops serving."""
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
    function_code.remove_unused_code()

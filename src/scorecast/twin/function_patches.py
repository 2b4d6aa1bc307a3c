"""Patches of how MiniStack runs functions, so that it runs them as Lambda does; `patches.apply` applies them.

What functions can import, and how they end with the engine. What triggers them is in modules of its own.
"""

import sysconfig

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from scorecast.ops.stack.polling import poll_until
from scorecast.twin import async_invocations, queue_mappings, rule_targets, stream_mappings


def apply() -> None:
    """Apply every patch of functions."""
    show_functions_only_their_bundle()
    answer_without_waiting_for_logs()
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


def answer_without_waiting_for_logs() -> None:
    """MiniStack waits 50 ms after every invocation for a late log line; 5 ms are enough for those that come."""
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.005, 0.005, 0.25)


# ---------------------------------------------------------------- the end


def settle(deadline_s: float = 10.0) -> None:
    """Start no further function or delivery, and wait for those that run; called before the engine stops serving."""
    lambda_svc._iter_all_esms = lambda: iter(())
    queues = (async_invocations.waiting, rule_targets.waiting)
    for queue in queues:
        queue.close()
    for _ in poll_until(deadline_s, pause_s=0.05, longest_pause_s=0.05):
        if not lambda_svc.executions_in_flight()[0] and all(queue.is_idle() for queue in queues):
            return


def stop_workers() -> None:
    """MiniStack leaves functions' processes and folders behind when it ends."""
    lambda_runtime.reset()

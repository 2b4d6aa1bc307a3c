"""A function's process: loads a handler from its bundle, invokes it, and reports how long each invocation took.

Run as `python -S -P bench/rig/worker.py BUNDLE MODULE`; it reads one JSON line an invocation and answers with one. As
in Lambda, it sees only the standard library and the bundle.
"""

import gc
import importlib
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Context:
    """The part of an invocation's context that handlers use."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def invoke(handle: Callable[[Any, Context], Any], event: Any) -> dict[str, Any]:
    """Invoke once; report the elapsed seconds, and the CPU seconds of all threads."""
    gc.collect()
    started, cpu = time.perf_counter(), time.process_time()
    answer = handle(event, Context())
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    # From Linux, because getrusage returns the parent's peak if that is greater.
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return {"seconds": took_s, "cpu_s": cpu_s, "peak_mb": int(peak.split()[1]) / 1024, "answer": answer}


def main(bundle: str, module: str) -> None:
    answers, sys.stdout = sys.stdout, io.StringIO()  # keeps a handler's log lines out of the answers
    sys.path.insert(0, bundle)
    handle = importlib.import_module(module).handle
    for line in sys.stdin:
        print(json.dumps(invoke(handle, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

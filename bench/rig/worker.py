"""A function's process: loads a handler from its bundle and nothing else, invokes it, and says what that took.

Run as `python -S -P bench/rig/worker.py BUNDLE MODULE`; takes one JSON line an invocation, answers with one. Sees the
standard library and the bundle, as in Lambda.
"""

import gc
import importlib
import io
import json
import sys
import time
from pathlib import Path


class Context:
    """What a handler asks its invocation for."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def invoke(handle, event) -> dict:
    """Invoke once; seconds that passed, and seconds of CPU in all threads."""
    gc.collect()
    started, cpu = time.perf_counter(), time.process_time()
    answer = handle(event, Context())
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    # Linux's own note; getrusage would tell the parent's peak where that is the greater one.
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return {"seconds": took_s, "cpu_s": cpu_s, "peak_mb": int(peak.split()[1]) / 1024, "answer": answer}


def main(bundle: str, module: str) -> None:
    answers, sys.stdout = sys.stdout, io.StringIO()  # what a handler logs is no answer
    sys.path.insert(0, bundle)
    handle = importlib.import_module(module).handle
    for line in sys.stdin:
        print(json.dumps(invoke(handle, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

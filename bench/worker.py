"""A function's process: loads a handler from its bundle and nothing else, invokes it, and says what that took.

Run as `python -S -P bench/worker.py BUNDLE MODULE`; takes one JSON line an invocation, answers with one. Sees the
standard library and the bundle, as in Lambda.
"""

import gc
import importlib
import io
import json
import resource
import sys
import time


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
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": took_s, "cpu_s": cpu_s, "peak_mb": peak_kb / 1024, "answer": answer}


def main(bundle: str, module: str) -> None:
    answers, sys.stdout = sys.stdout, io.StringIO()  # what a handler logs is no answer
    sys.path.insert(0, bundle)
    handle = importlib.import_module(module).handle
    for line in sys.stdin:
        print(json.dumps(invoke(handle, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""One cold start: loads a handler from its bundle, creates its clients, reports what that took, and exits.

Run as `python -S -P bench/rig/cold_start_process.py BUNDLE MODULE [MAKER]`. As in Lambda, it sees only the standard
library and the bundle.
"""

import importlib
import sys
import time


def main(bundle: str, module: str, maker: str = "") -> None:
    sys.path.insert(0, bundle)
    handler = importlib.import_module(module)
    if maker:
        getattr(handler, maker)()
    cpu_s, modules = time.process_time(), len(sys.modules)

    import json
    from pathlib import Path

    # From Linux, because getrusage returns the parent's peak if that is greater.
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(json.dumps({"cpu_s": cpu_s, "modules": modules, "peak_mb": int(peak.split()[1]) / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])

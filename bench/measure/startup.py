"""Measures the functions' start-up beside the textbook's: from the start of the process to a client that is ready.

Each function starts from its bundle in a new process; the two designs take turns. It starts with compiled bytecode (as
in an image or after a first import) and without (as a zip from `sam build` starts in Lambda). Run
`python -m bench.measure.startup --help`.
"""

from __future__ import annotations

import compileall
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from statistics import median
from typing import Any

from bench.report.results import Row, create_parser, save, spread
from bench.rig import functions
from bench.rig.functions import Function

COLD_START_PROCESS = Path(__file__).parents[1] / "rig" / "cold_start_process.py"
PAIRS = {"fan-out": functions.FANOUT, "consumer": functions.CONSUMER, "read": functions.READ}


def measure(rounds: int) -> Iterator[Row]:
    """Measure all functions, with and without compiled bytecode."""
    for bytecode in ("compiled", "none"):
        for stage, pair in PAIRS.items():
            for function in pair:
                _prepare(function.bundle, bytecode)
            for row in _compare(pair, rounds if bytecode == "compiled" else max(5, rounds // 2)):
                yield {"bytecode": bytecode, "stage": stage} | row


def _prepare(bundle: Path, bytecode: str) -> None:
    for cache in bundle.rglob("__pycache__"):
        rmtree(cache)
    if bytecode == "compiled":
        compileall.compile_dir(bundle, quiet=2)


def _compare(pair: tuple[Function, Function], rounds: int) -> Iterator[Row]:
    taken: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in range(rounds + 1):
        for function in pair:
            started = _start(function)
            if turn:  # the first one reads the files into the page cache
                taken[function.design].append(started)
    base = {key: median(one[key] for one in taken[functions.TEXTBOOK]) for key in ("seconds", "cpu_s")}
    for function in pair:
        starts = taken[function.design]
        yield {
            "function": function.name,
            "milliseconds": spread(1000 * one["seconds"] for one in starts),
            "cpu_ms": spread(1000 * one["cpu_s"] for one in starts),
            "times_the_time": round(median(one["seconds"] for one in starts) / base["seconds"], 2),
            "times_the_cpu": round(median(one["cpu_s"] for one in starts) / base["cpu_s"], 2),
            "peak_mb": round(median(one["peak_mb"] for one in starts)),
            "modules": starts[0]["modules"],
        }


def _start(function: Function) -> dict[str, Any]:
    command = [sys.executable, "-S", "-P", "-B", str(COLD_START_PROCESS)]
    command += [str(function.bundle), function.module, function.maker]
    started = time.perf_counter()
    done = subprocess.run(command, env=functions.environment(), capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured | {"seconds": time.perf_counter() - started}


def main() -> None:
    parser = create_parser("Measure cold starts.")
    parser.add_argument(
        "--rounds", type=int, default=15, help="starts of each function with bytecode, and half as many without"
    )
    arguments = parser.parse_args()
    functions.build()
    save("startup", measure(arguments.rounds), arguments.into)


if __name__ == "__main__":
    main()

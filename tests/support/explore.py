"""Run every property test with fresh seeds, until one fails. `python -m tests.support.explore --help`.

`make test` draws the same examples in every run; this draws others. A seed decides what Hypothesis draws and in which
order Python iterates over sets, so that a failure can be repeated with the command that is printed.
"""

import argparse
import os
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

ROOT = Path(__file__).parents[2]
# Tests of the deployed twin draw too, but each of their examples costs seconds.
FOLDERS = ("tests/unit", "tests/property")
HASH_SEEDS = 2**32


class Exploration:
    """Runs of all property tests, several at a time; the first failure ends the others."""

    def __init__(self) -> None:
        self.running: set[subprocess.Popen[str]] = set()
        self.over = Event()

    def explore(self, seeds: list[int], processes: int) -> int | None:
        """Return the seed that failed first, or None."""
        with ThreadPoolExecutor(processes) as executor:
            futures = {executor.submit(self._run, seed): seed for seed in seeds}
            try:
                for done, future in enumerate(as_completed(futures), 1):
                    if output := future.result():
                        print(output)
                        return futures[future]
                    print(f"{done} of {len(seeds)} seeds passed", file=sys.stderr)
            finally:
                self._stop()
        return None

    def _run(self, seed: int) -> str | None:
        """Return the output of a run that failed."""
        if self.over.is_set():
            return None
        process = subprocess.Popen(
            command(seed),
            cwd=ROOT,
            env=os.environ | environment(seed),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.running.add(process)
        if self.over.is_set():  # a failure that came in between has not stopped this one
            process.terminate()
        output, _ = process.communicate()
        self.running.discard(process)
        return None if process.returncode == 0 or self.over.is_set() else output

    def _stop(self) -> None:
        self.over.set()
        for process in list(self.running):
            process.terminate()


def command(seed: int) -> list[str]:
    """Return the command of one run; it stops at its first failure."""
    options = ["-q", "-x", "-m", "hypothesis", "-p", "no:cacheprovider", "--show-capture=no"]
    return [sys.executable, "-m", "pytest", *options, f"--hypothesis-seed={seed}", *property_tests()]


def environment(seed: int) -> dict[str, str]:
    """Return the variables that make a run draw what its seed says."""
    return {"HYPOTHESIS_PROFILE": "fresh", "PYTHONHASHSEED": str(seed % HASH_SEEDS)}


def property_tests() -> Iterator[str]:
    """Return the files with property tests, so that a run imports no others."""
    found = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("test_*.py")))
    return (str(path.relative_to(ROOT)) for path in found if "hypothesis" in path.read_text())


def main(arguments: list[str]) -> int:
    """Explore; exits 1 if a test failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.explore", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds (default: %(default)s)")
    cores = os.cpu_count() or 1
    parser.add_argument("--processes", type=int, default=cores, help="runs at a time (default: one per core)")
    chosen = parser.parse_args(arguments)
    seeds = [random.SystemRandom().randrange(HASH_SEEDS) for _ in range(chosen.seeds)]
    started = time.monotonic()
    failed = Exploration().explore(seeds, chosen.processes)
    seconds = time.monotonic() - started
    if failed is None:
        print(f"All property tests passed with {chosen.seeds} seeds, in {seconds:.0f} s.")
        return 0
    variables = " ".join(f"{name}={value}" for name, value in environment(failed).items())
    print(f"Seed {failed} failed, after {seconds:.0f} s. To repeat it:\n{variables} {shlex.join(command(failed))}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

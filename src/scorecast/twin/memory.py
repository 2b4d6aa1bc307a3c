"""Ends processes that use too much memory, by checking each every few milliseconds."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

# A function that fills a gigabyte per second is 20 MB beyond its limit when it is noticed.
LOOK_EVERY_S = 0.02

Process = Popen[Any]


@dataclass(eq=False)
class Watched:
    """A process, once it exists, and its limit in bytes; `killed` means that it exceeded the limit."""

    process: Callable[[], Process | None]
    limit_bytes: int
    killed: bool = False


class MemoryGuard:
    """Kills a watched process whose resident memory is above its limit.

    The system's own limit (RLIMIT_AS) would not work: it counts address space, of which Python and its threads reserve
    several times as much as they use.
    """

    def __init__(self, proc: Path) -> None:
        """`proc` is Linux's /proc; on systems without it, nothing is watched."""
        self._proc = proc
        self._watched: set[Watched] = set()
        self._busy = threading.Condition()

    @property
    def works(self) -> bool:
        return (self._proc / "self" / "statm").exists()

    @contextmanager
    def watching(self, process: Callable[[], Process | None], limit_bytes: int) -> Iterator[Watched]:
        """Watch what `process` returns, which may still be None at first."""
        watched = Watched(process, limit_bytes)
        with self._busy:
            self._watched.add(watched)
            self._busy.notify()
        try:
            yield watched
        finally:
            with self._busy:
                self._watched.remove(watched)

    def run(self) -> None:
        """Check all watched processes repeatedly; sleep while there are none. Never returns."""
        while True:
            with self._busy:
                self._busy.wait_for(lambda: self._watched)
                for watched in self._watched:
                    self._look(watched)
            time.sleep(LOOK_EVERY_S)

    def _look(self, watched: Watched) -> None:
        process = watched.process()
        if process and self._resident_bytes(process.pid) > watched.limit_bytes:
            watched.killed = True
            process.kill()

    def _resident_bytes(self, pid: int) -> int:
        with suppress(OSError, IndexError):  # it has ended
            return int((self._proc / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return 0

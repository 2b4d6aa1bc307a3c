"""Interrupts: Ctrl-C, SIGTERM and SIGHUP are held back until the program asks, so that no clean-up is cut short."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from scorecast.ops.stack.polling import Clock

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Ctrl-C ends a pause within this many seconds.
_SLICE_S = 0.2


class Interrupts:
    """`with Interrupts() as interrupts: work(); interrupts.check(); ...`

    Within the block a signal raises nothing by itself, however often it arrives: the next `check` raises
    KeyboardInterrupt, or else the end of the block does. A signal that the process ignores stays ignored.
    """

    def __init__(self) -> None:
        self.is_received = False
        self._former: dict[signal.Signals, Any] = {}

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal was received."""
        if self.is_received:
            raise KeyboardInterrupt

    def interruptible(self, clock: Clock) -> Clock:
        """Return a clock whose pauses end when a signal is received."""

        def sleep(seconds: float) -> None:
            end = clock.now() + seconds
            self.check()
            while (rest := end - clock.now()) > 0:
                clock.sleep(min(rest, _SLICE_S))
                self.check()

        return Clock(clock.now, sleep)

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # only the main thread may handle signals
            for one in _SIGNALS:
                if signal.getsignal(one) is not signal.SIG_IGN:
                    self._former[one] = signal.signal(one, self._receive)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: TracebackType | None) -> None:
        for one, former in self._former.items():
            signal.signal(one, former)
        if error is None:
            self.check()

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.is_received = True

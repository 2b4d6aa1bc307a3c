"""Work that MiniStack does for each event, and that nobody needs; `patches.apply` leaves it out.

It was found by profiling the engine during `scorecast load`; docs/performance.md has what is left.
"""

import gc
import logging
from collections import deque

from ministack.services import eventbridge


def apply() -> None:
    """Leave out all of it."""
    write_no_line_for_each_event()
    forget_events_that_were_delivered()
    collect_garbage_seldom()


def write_no_line_for_each_event() -> None:
    """MiniStack logs each event that it delivers to a queue: 4 % of the engine's time, and a log without end."""
    logging.getLogger("events").setLevel(logging.WARNING)


def forget_events_that_were_delivered() -> None:
    """MiniStack keeps every event for ever, and reads none of them."""
    last = deque[object](maxlen=1)
    eventbridge._events_log_list = lambda: last


def collect_garbage_seldom() -> None:
    """Python searches all objects for garbage whenever their number has grown by a quarter, so often during a load.

    The young ones are still searched. All are when the engine has become quiet, or after 200 million new ones.
    """
    gc.set_threshold(10_000, 20, 1_000)

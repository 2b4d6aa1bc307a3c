"""What waits is tried when it is due, and an attempt that raises loses nothing else."""

import threading
import time
from dataclasses import dataclass, replace

import pytest

from scorecast.twin.waiting import Waiting


@dataclass(frozen=True)
class One:
    resource: str
    due_at: float


def one(name: str, due_in_s: float = 0.0) -> One:
    return One(name, time.time() + due_in_s)


def test_what_is_due_first_is_taken_first_and_a_retry_waits() -> None:
    waiting = Waiting[One]()
    waiting.put(one("later", 0.05))
    waiting.put(one("now"))
    first = waiting.take()
    assert first.resource == "now"
    waiting.done(first, one("now", 3600))
    assert waiting.take().resource == "later"


def test_an_attempt_that_raises_loses_its_own_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    waiting = Waiting[One]()
    tried: list[str] = []
    ended = threading.Event()

    def attempt(due: One) -> One | None:
        tried.append(due.resource)
        if due.resource == "broken":
            raise RuntimeError
        if due.resource == "again":
            return replace(due, resource="last")
        waiting.close()
        ended.set()
        return None

    for name in ("broken", "again"):
        waiting.put(one(name))
    threading.Thread(target=waiting.work, args=(attempt,), daemon=True).start()
    assert ended.wait(10)
    assert tried == ["broken", "again", "last"]
    assert "what was due for broken is lost" in caplog.text

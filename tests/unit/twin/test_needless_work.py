"""What nobody needs is left out: events that were delivered, a log line for each, and searches for garbage."""

import gc
import logging
from collections.abc import Iterator

import pytest
from ministack.services import eventbridge

from scorecast.twin import needless_work


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    logger, threshold = logging.getLogger("events"), gc.get_threshold()
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setattr(eventbridge, "_events_log_list", eventbridge._events_log_list)
    yield
    gc.set_threshold(*threshold)
    logger.setLevel(logger.level)


def test_delivered_events_do_not_stay_in_memory() -> None:
    needless_work.apply()
    for number in range(100):
        assert b'"FailedEntryCount": 0' in eventbridge._put_events({"Entries": [{"Source": str(number)}]})[2]
    assert len(eventbridge._events_log_list()) == 1


def test_warnings_about_events_are_still_logged() -> None:
    logger = logging.getLogger("events")
    logger.setLevel(logging.INFO)  # as the engine logs
    needless_work.apply()
    assert logger.isEnabledFor(logging.WARNING)
    assert not logger.isEnabledFor(logging.INFO)

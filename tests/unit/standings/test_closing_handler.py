"""What the schedule of the template sends makes ConsumerLambda announce the ends of boards, and nothing else does."""

import json
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace

import pytest

from scorecast.standings import closing_handler
from scorecast.standings.closing_handler import CLOSINGS_DUE, closings
from scorecast.standings.handler import RESERVE_S, handle
from tests.support.template import RESOURCES

SETTINGS = {
    "LEADERBOARD_TABLE": "leaderboard",
    "LEADERBOARD_INDEX": "index",
    "LEADERBOARD_TIE_INDEX": "ties",
    "BOARD_TABLE": "boards",
    "EVENT_BUS_NAME": "fanoutBus",
    "DEAD_LETTER_QUEUE_URL": "queue",
    "CONSUMER_QUEUE_URL": "consumer",
    "ID_ATTRIBUTE": "id",
    "METADATA_ATTRIBUTE": "metadata",
    "SCORE_ATTRIBUTE": "projectScore",
    "BOARD_ATTRIBUTE": "hackathonName",
    "NAME_ATTRIBUTE": "userName",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    closings.cache_clear()
    yield
    closings.cache_clear()


def test_the_template_sends_what_the_function_takes() -> None:
    assert json.loads(RESOURCES["ClosingSchedule"]["Properties"]["Target"]["Input"]) == CLOSINGS_DUE


def test_the_schedule_makes_the_function_announce_until_its_time_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[tuple[datetime, float]] = []

    def announce(now: datetime, deadline: float) -> int:
        calls.append((now, deadline))
        return 2

    monkeypatch.setattr(closing_handler, "closings", lambda: SimpleNamespace(announce=announce))
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
    assert handle(CLOSINGS_DUE, context) == {"closings": 2}
    [(now, deadline)] = calls
    assert now.tzinfo is not None
    assert deadline == 130 - RESERVE_S
    assert "closings=2" in caplog.text


def test_without_standing_events_nothing_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDING_EVENTS_TOP", "0")
    assert closing_handler.handle_closings(10) == {"closings": 0}


def test_the_announcements_have_the_settings_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDING_EVENTS_TOP", "10")
    found = closings()
    assert found is not None
    assert (found.table, found.board_table, found.size) == ("leaderboard", "boards", 10)

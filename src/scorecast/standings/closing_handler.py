"""What ConsumerLambda does every minute: announce the ends of boards that have closed."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache

from scorecast.runtime.aws import create_client
from scorecast.runtime.logs import logger
from scorecast.runtime.settings import AnnouncementSettings, ConsumerSettings
from scorecast.standings.announce.closings import ClosingAnnouncements
from scorecast.standings.announce.publish import StandingEventPublisher

# What the template's ClosingSchedule sends.
CLOSINGS_DUE = {"announce": "closings"}


def handle_closings(remaining_s: float) -> dict[str, int]:
    """Announce the boards that have closed, for at most `remaining_s` seconds; return how many."""
    announcements = closings()
    count = announcements.announce(datetime.now(UTC), time.monotonic() + remaining_s) if announcements else 0
    if count:
        logger.info("standings closings=%d", count)
    return {"closings": count}


@cache
def closings() -> ClosingAnnouncements | None:
    """Make the function's clients, once per process; None if the stack has no standing events."""
    settings, own = ConsumerSettings.from_environment(os.environ), AnnouncementSettings.from_environment(os.environ)
    if not own.top_size:
        return None
    return ClosingAnnouncements(
        create_client("dynamodb"),
        settings.leaderboard_table,
        own.leaderboard_index,
        own.leaderboard_tie_index,
        settings.board_table,
        StandingEventPublisher(create_client("events", total_attempts=1), own.bus_name),
        own.top_size,
    )

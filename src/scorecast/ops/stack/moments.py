"""Moments: times as the command line takes them (which may be ages), and as events have them. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_moment(text: str, now: datetime) -> datetime:
    """Read an age or a time; a time without an offset is in UTC.

    >>> now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    >>> read_moment("2h", now).isoformat()
    '2026-01-31T10:00:00+00:00'
    >>> read_moment("2026-01-30T09:30:00", now).isoformat()
    '2026-01-30T09:30:00+00:00'
    """
    age = re.fullmatch(r"(\d+)([smhd])", text.strip())
    try:
        return now - timedelta(**{_UNITS[age[2]]: int(age[1])}) if age else read_time(text)
    except (ValueError, OverflowError):
        raise UserError(
            f"{text!r} is neither an age, such as 15m, 2h or 3d, nor a time, such as 2026-01-31T12:00:00Z.",
            ExitCode.USAGE,
        ) from None


def read_time(text: str) -> datetime:
    """Read an ISO 8601 time; ValueError if it is malformed."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""A time on the command line is an age or a moment."""

from datetime import UTC, datetime

import pytest

from scorecast.ops.stack.moments import read_moment

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", datetime(2026, 1, 1, 22, tzinfo=UTC)),
        ("1d", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T12:00:00", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-01-01T12:00:00+02:00", datetime(2026, 1, 1, 10, tzinfo=UTC)),
    ],
)
def test_times_are_ages_or_moments(text: str, moment: datetime) -> None:
    assert read_moment(text, NOW) == moment

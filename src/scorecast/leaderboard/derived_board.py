"""Derived boards: an item also stands on the boards of its period and of its attributes' values. Pure.

`StarWar~2026-W48` has what happened on the board StarWar in that week; `StarWar~country.CN` has its entries whose item
has the country CN. A derived board's name is its base's name, `~`, and a part of its own. A board that freezes has a
copy, `StarWar~frozen`, which takes no later changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Corrections, Every, read_time, utc_text, zone_of

MARK = "~"
# A longer value makes no board.
VALUE_CHARACTERS = 150
_FROZEN = f"{MARK}frozen"
_PERIOD = re.compile("[0-9]{4}-(W[0-9]{2}|[0-9]{2}(-[0-9]{2})?)")


@dataclass(frozen=True, slots=True)
class Period:
    """A day, a week (from Monday, ISO 8601) or a month, in the time zone of a policy; `end` is exclusive."""

    name: str
    start: datetime
    end: datetime

    def before(self, policy: BoardPolicy) -> Period:
        """Return the period before."""
        return period_at(policy, self.start - timedelta(seconds=1))


def period_at(policy: BoardPolicy, moment: datetime) -> Period:
    """Return the board's period that contains a time; the policy must have periods.

    >>> from datetime import UTC
    >>> weekly = BoardPolicy(every=Every.WEEK, time_zone="Asia/Shanghai")
    >>> period_at(weekly, datetime(2026, 11, 29, 16, tzinfo=UTC)).name
    '2026-W49'
    """
    zone = zone_of(policy.time_zone)
    first, following, name = _days(policy.every, moment.astimezone(zone).date())
    return Period(name, *(datetime.combine(day, time(), zone) for day in (first, following)))


def _days(every: Every | None, day: date) -> tuple[date, date, str]:
    """Return the first day of the period that contains a day, the first day of the next one, and the period's name."""
    match every:
        case Every.MONTH:
            first = day.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1), f"{first:%Y-%m}"
        case Every.WEEK:
            year, week, weekday = day.isocalendar()
            first = day - timedelta(days=weekday - 1)
            return first, first + timedelta(days=7), f"{year}-W{week:02}"
        case Every.DAY:
            return day, day + timedelta(days=1), day.isoformat()
    raise ValueError("The board has no periods.")


def period_named(policy: BoardPolicy, name: str) -> Period | None:
    """Return a board's period by name; None if the board has no such period."""
    if policy.every is None or not is_period(name):
        return None
    try:
        if "W" in name:
            first = date.fromisocalendar(int(name[:4]), int(name[6:]), 1)
        else:
            first = date.fromisoformat(f"{name}-01"[:10])
    except ValueError:
        return None
    found = period_at(policy, datetime.combine(first, time(), zone_of(policy.time_zone)))
    return found if found.name == name else None


def is_period(text: str) -> bool:
    """Whether a text may be the name of a period."""
    return bool(_PERIOD.fullmatch(text))


def period_board(base: str, period: str) -> str:
    """Return the name of a period's board, from the period's name."""
    return f"{base}{MARK}{period}"


def board_before(board: str) -> str:
    """Return the name of the previous period's board.

    >>> board_before("StarWar~2026-W01")
    'StarWar~2025-W52'
    """
    base, _, name = board.rpartition(MARK)
    every = Every.WEEK if "W" in name else Every.DAY if name.count("-") > 1 else Every.MONTH
    policy = BoardPolicy(every=every)  # names follow the calendar, whatever the time zone
    period = period_named(policy, name)
    if period is None:
        raise ValueError("The board is not that of a period.")
    return period_board(base, period.before(policy).name)


def attribute_board(base: str, attribute: str, value: str) -> str:
    """Return the name of the board of the entries whose attribute has a value."""
    return f"{base}{MARK}{attribute}.{value}"


def period_policy(base: str, policy: BoardPolicy, period: Period) -> BoardPolicy:
    """Return the policy of a period's board: its base's policy, but closing when the period or the base ends."""
    ends = min([period.end, *([read_time("closes_at", policy.closes_at)] if policy.closes_at else [])])
    kept_until = utc_text(_end_of_keeping(policy.keep_periods, policy, period)) if policy.keep_periods else None
    inherited = replace(_inherited(base, policy), closes_at=utc_text(ends), kept_until=kept_until)
    return replace(inherited, starts_at=utc_text(period.start))


def _end_of_keeping(many: int, policy: BoardPolicy, period: Period) -> datetime:
    """Return the end of the last of the `many` periods that follow this one."""
    day = period.end.date()  # in the policy's time zone
    if policy.every is Every.MONTH:
        months = 12 * day.year + day.month - 1 + many
        last = date(months // 12, months % 12 + 1, 1)
    else:
        last = day + many * (timedelta(weeks=1) if policy.every is Every.WEEK else timedelta(days=1))
    return datetime.combine(last, time(), zone_of(policy.time_zone))


def attribute_policies(base: str, policy: BoardPolicy, image: Mapping[str, Any]) -> dict[str, BoardPolicy]:
    """Return the boards of an item's values, by name, with their policies, which follow from their base's.

    >>> [*attribute_policies("StarWar", BoardPolicy(by=("country", "team")), {"country": {"S": "CN"}})]
    ['StarWar~country.CN']
    """
    named = [(one, text) for one in policy.by if (text := _text(image.get(one, {})))]
    if not named:
        return {}
    inherited = _inherited(base, policy)
    return {attribute_board(base, one, text): replace(inherited, attribute=one) for one, text in named}


def _text(value: Mapping[str, Any]) -> str:
    """The text or number that names a board; empty if it is too long or of another type."""
    text = str(value.get("S") or value.get("N") or "")
    return text if len(text) <= VALUE_CHARACTERS else ""


def policy_by_name(board: str, policies: Mapping[str, BoardPolicy]) -> BoardPolicy | None:
    """Return the initial policy of a derived board, from its base's policy; None if the name is not a derived board's.

    >>> policy_by_name("StarWar~2026-W48", {"StarWar": BoardPolicy(every=Every.WEEK)}).starts_at
    '2026-11-23T00:00:00Z'
    """
    if board.endswith(_FROZEN):
        name = board.removesuffix(_FROZEN)
        frozen = policies.get(name) or policy_by_name(name, policies)
        return frozen_policy(name, frozen) if frozen and frozen.freezes_at else None
    for at in (at for at, one in enumerate(board) if one == MARK):
        base, own = board[:at], board[at + 1 :]
        policy = policies.get(base, DEFAULT)
        if period := period_named(policy, own):
            return period_policy(base, policy, period)
        if by := next((one for one in policy.by if own.startswith(f"{one}.")), None):
            return replace(_inherited(base, policy), attribute=by)
    return None


def frozen_board(board: str) -> str:
    """Return the name of the copy of a board that freezes."""
    return f"{board}{_FROZEN}"


def frozen_policy(board: str, policy: BoardPolicy) -> BoardPolicy:
    """Return the policy of a board's copy, which takes no corrections, and from which no boards derive."""
    return replace(policy, corrections=Corrections.CLOSED, every=None, keep_periods=None, by=(), copy_of=board)


def value_of(board: str, policy: BoardPolicy) -> str:
    """Return the attribute's value that a derived board is for.

    >>> value_of("StarWar~country.CN", BoardPolicy(base="StarWar", attribute="country"))
    'CN'
    """
    return board.removeprefix(attribute_board(policy.base or "", policy.attribute or "", ""))


def _inherited(base: str, policy: BoardPolicy) -> BoardPolicy:
    own = replace(policy, every=None, keep_periods=None, time_zone=DEFAULT.time_zone, by=())
    return replace(own, base=base)

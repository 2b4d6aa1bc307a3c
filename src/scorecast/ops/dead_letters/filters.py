"""Filters that select dead letters, and groups that count them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scorecast.errors import UserError
from scorecast.ops.dead_letters.letters import STAGES, ParkedLetter
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.moments import read_moment, read_time


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects the letters that satisfy every criterion; None is no criterion.

    >>> str(Filter(stage="stream", board="StarWar"))
    'stage stream, board StarWar'
    """

    reason: str | None = None
    stage: str | None = None
    older_than: datetime | None = None
    newer_than: datetime | None = None
    board: str | None = None
    id: str | None = None

    def matches(self, letter: ParkedLetter) -> bool:
        """Whether the filter selects the letter."""
        parked_at = read_time(letter.parked_at)
        return (
            (self.stage is None or letter.stage == self.stage)
            and (self.reason is None or _has_reason(self.reason, letter))
            and (self.older_than is None or parked_at < self.older_than)
            and (self.newer_than is None or parked_at > self.newer_than)
            and (self.board is None or letter.board == self.board)
            and (self.id is None or self.id in (letter.participant, letter.change_id, letter.message_id))
        )

    def __str__(self) -> str:
        criteria = {
            "reason": self.reason,
            "stage": self.stage,
            "parked before": self.older_than,
            "parked after": self.newer_than,
            "board": self.board,
            "id": self.id,
        }
        return ", ".join(f"{name} {value}" for name, value in criteria.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Group:
    """The number of letters with one stage and error code, and the reason of one of them."""

    stage: str
    error_code: str
    count: int
    oldest: str
    newest: str
    example: str


def read_filter(
    now: datetime,
    reason: str | None,
    stage: str | None,
    older_than: str | None,
    newer_than: str | None,
    board: str | None,
    id_: str | None,
) -> Filter:
    """Read a filter's options; refuses an unknown stage, an invalid time, and an empty text.

    An empty reason would select every letter.
    """
    for name, text in (("reason", reason), ("board", board), ("id", id_)):
        if text == "":
            raise UserError(f"--{name} must not be empty: omit it to select all letters.", ExitCode.USAGE)
    if stage is not None and stage not in STAGES:
        raise UserError(f"There is no stage {stage!r}: it is one of {', '.join(STAGES)}.", ExitCode.USAGE)
    moments = [None if text is None else read_moment(text, now) for text in (older_than, newer_than)]
    return Filter(reason, stage, moments[0], moments[1], board, id_)


def group(letters: Iterable[ParkedLetter]) -> list[Group]:
    """Count letters by stage and error code, the largest group first."""
    groups: dict[tuple[str, str], Group] = {}
    for letter in letters:
        key, at = (letter.stage, letter.error_code), letter.parked_at
        known = groups.get(key, Group(*key, 0, at, at, letter.reason))
        oldest, newest = min(known.oldest, at, key=read_time), max(known.newest, at, key=read_time)
        groups[key] = Group(*key, known.count + 1, oldest, newest, known.example)
    return sorted(groups.values(), key=lambda one: (-one.count, one.stage, one.error_code))


def _has_reason(reason: str, letter: ParkedLetter) -> bool:
    return reason == letter.error_code or reason.lower() in letter.reason.lower()

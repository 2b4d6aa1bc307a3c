"""`period=`: any question about a board, asked about one of its periods."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scorecast.api.endpoints.comparison import CompareEntries
from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.endpoints.histogram import GetHistogram
from scorecast.api.endpoints.participant import GetEntry
from scorecast.api.endpoints.score_rank import RankScore
from scorecast.api.errors import ApiError
from scorecast.api.fields import Fields
from scorecast.api.parameters import CURRENT
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.derived_board import is_period, period_at, period_board

BoardQuestion = ListEntries | CompareEntries | GetEntry | RankScore | GetHistogram


@dataclass(frozen=True, slots=True)
class AskPeriod:
    """A question about a period of its board: the current one, the previous one, or a named one (2026-W48)."""

    question: BoardQuestion
    period: str

    def answer(self, reader: LeaderboardReader) -> Fields:
        """Ask the period's board; unless the period is named, finding that takes a round trip and half a read unit."""
        base = self.question.board
        return replace(self.question, board=period_board(base, self._period(base, reader))).answer(reader)

    def _period(self, base: str, reader: LeaderboardReader) -> str:
        if is_period(self.period):
            return self.period
        policy = reader.policy_of(base)
        if policy.every is None or not reader.may_read(policy):
            raise ApiError(404, f"The board {base[:200]!r} has no periods.", "period")
        current = period_at(policy, reader.now())
        return current.name if self.period == CURRENT else current.before(policy).name

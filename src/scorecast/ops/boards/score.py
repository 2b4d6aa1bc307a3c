"""One score: write it to the main table, and wait until the board shows it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from scorecast.errors import UserError
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Keep
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.main_table import MainTable
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until


class _Board(Protocol):
    def score_of(self, board: str, participant: str) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class Expected:
    """The score that the board should show; None if the participant should not be on it."""

    participant: str
    board: str
    score: Decimal | None

    def is_met_by(self, shown: Decimal | None, policy: BoardPolicy) -> bool:
        """Whether the board may show this score after the write; a board that keeps scores may show a different one."""
        if self.score is None or shown is None or policy.keep == Keep.LATEST:
            return shown == self.score
        return policy.keep in (Keep.FIRST, Keep.GAIN) or not policy.order.is_better(self.score, shown)


def write_score(table: MainTable, participant: str, board: str, score: Decimal, name: str | None) -> Expected:
    """Write the score; CannotApply if the item makes no entry, with the reason."""
    entry = table.entry_of(table.put_score(participant, board, score, name))
    if entry is None:
        raise UserError(f"The item {participant!r} of {board!r} makes no entry: it has no score.")
    return Expected(entry.id, entry.board, score)


def delete_score(table: MainTable, participant: str, board: str) -> Expected:
    """Delete the item."""
    image = table.delete(participant, board)
    if image is None:
        raise UserError(f"The main table {table.name} has no item {participant!r} of {board!r} to delete.")
    entry = table.entry_of(image)
    return Expected(participant, entry.board if entry else board, None)


def wait_until_shown(
    board: _Board, expected: Expected, deadline_s: float, clock: Clock = CLOCK, policy: BoardPolicy = DEFAULT
) -> float:
    """Wait until the board shows the expected score; return the seconds it took."""
    for elapsed_s in poll_until(deadline_s, pause_s=0.1, longest_pause_s=1, clock=clock):
        shown = board.score_of(expected.board, expected.participant)
        if expected.is_met_by(shown, policy):
            return elapsed_s
    readers = " The board has readers (`scorecast boards list`), and is shown to nobody else." if policy.readers else ""
    raise UserError(
        f"The score is written, but after {deadline_s:g} s the board {expected.board!r} {_said(shown, expected)}. It "
        "follows, unless another program writes this item, the participant is hidden (`scorecast boards hidden`), or "
        f"the change is a dead letter (`scorecast dlq list`).{readers}",
        ExitCode.TIMED_OUT,
    )


def _said(shown: Decimal | None, expected: Expected) -> str:
    return f"does not show {expected.participant!r}" if shown is None else f"shows {shown} for {expected.participant!r}"

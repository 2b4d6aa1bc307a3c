"""Derived entries: what a change writes on the boards that derive from the board of its item. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from scorecast.leaderboard.batch_get import BOARD_BYTES
from scorecast.leaderboard.derived_board import (
    attribute_policies,
    frozen_board,
    frozen_policy,
    period_at,
    period_board,
    period_policy,
)
from scorecast.leaderboard.policy import BoardPolicy, read_time
from scorecast.standings.entry import Entry


def derived_entries(
    entries: Sequence[Entry], policies: Mapping[str, BoardPolicy], *, is_read: bool
) -> Iterator[tuple[Entry, BoardPolicy]]:
    """Yield what a change writes on derived boards, with their policies; `entries` is what it writes on the bases.

    CannotRead if the change's `at` is not a time.
    """
    for entry in entries:
        policy = policies[entry.board]
        made = [*_by_attribute(entry, policy, is_read=is_read)] if policy.by else []
        if policy.every and not is_read:  # a READ does not know when the score was set
            made.append(_in_its_period(entry, policy))
        copies = [_on_the_copy(*one) for one in ((entry, policy), *made) if one[1].freezes_at]
        yield from (one for one in made + copies if len(one[0].board.encode()) <= BOARD_BYTES)


def _on_the_copy(entry: Entry, policy: BoardPolicy) -> tuple[Entry, BoardPolicy]:
    return replace(entry, board=frozen_board(entry.board)), frozen_policy(entry.board, policy)


def _in_its_period(entry: Entry, policy: BoardPolicy) -> tuple[Entry, BoardPolicy]:
    """The entry on the board of the change's period; a change that does not set the score only sets the name there."""
    period = period_at(policy, read_time("at", entry.at))
    is_name_only = entry.is_name_only or (entry.score is not None and not entry.score_changed)
    score = None if is_name_only else entry.score
    made = replace(entry, board=period_board(entry.board, period.name), score=score, is_name_only=is_name_only)
    return made, period_policy(entry.board, policy, period)


def _by_attribute(entry: Entry, policy: BoardPolicy, *, is_read: bool) -> Iterator[tuple[Entry, BoardPolicy]]:
    """The entries on the boards of the item's values, and tombstones on the boards of its previous values."""
    is_removal = entry.score is None and not entry.is_name_only
    images = (entry.image, None) if is_removal else (entry.previous, entry.image)
    before, after = (attribute_policies(entry.board, policy, image or {}) for image in images)
    stays = after
    if entry.is_name_only:  # a correction after the closing adds nobody to a board
        stays = {board: inherited for board, inherited in after.items() if board in before}
    if not entry.is_first:
        gone = replace(entry, score=None, name=None, attributes=(), score_changed=False, is_name_only=False)
        yield from ((replace(gone, board=board), before[board]) for board in before if board not in stays)
    for board, inherited in stays.items():
        enters = board not in before and not is_read
        made = replace(entry, is_first=True, score_changed=True) if enters else entry
        yield replace(made, board=board), inherited

"""Derived entries: what a change writes on the boards that derive from the board of its item. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scorecast.changes.change import Change
from scorecast.changes.values import Image
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

# A longer value names no board. It bounds what a batch keeps of its items, too.
VALUE_BYTES = 256

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What derived boards need of a change: whether it is a READ, and the item's short texts and numbers."""

    is_read: bool = False
    before: Values = field(default_factory=dict)
    after: Values = field(default_factory=dict)


def facts_of(change: Change) -> Facts:
    """Return the facts of a change."""
    return Facts(change.operation == "READ", values_of(change.old), values_of(change.new))


def derived_entries(
    facts: Facts, entries: Sequence[Entry], policies: Mapping[str, BoardPolicy]
) -> Iterator[tuple[Entry, BoardPolicy]]:
    """Yield what a change writes on derived boards, with their policies; `entries` are what it writes on their bases.

    CannotRead if the time of the change is not a time.
    """
    for entry in entries:
        policy = policies[entry.board]
        made = [*_by_attribute(entry, facts, policy)]
        if policy.every and not facts.is_read:  # a READ does not know when the score was set
            made.append(_in_its_period(entry, policy))
        copies = [_on_the_copy(*one) for one in ((entry, policy), *made) if one[1].freezes_at]
        yield from (one for one in made + copies if len(one[0].board.encode()) <= BOARD_BYTES)


def _on_the_copy(entry: Entry, policy: BoardPolicy) -> tuple[Entry, BoardPolicy]:
    return replace(entry, board=frozen_board(entry.board)), frozen_policy(entry.board, policy)


def _in_its_period(entry: Entry, policy: BoardPolicy) -> tuple[Entry, BoardPolicy]:
    """The entry of the period of its change; a change that does not set the score only changes the name there."""
    period = period_at(policy, read_time("at", entry.at))
    is_name_only = entry.is_name_only or (entry.score is not None and not entry.score_changed)
    score = None if is_name_only else entry.score
    made = replace(entry, board=period_board(entry.board, period.name), score=score, is_name_only=is_name_only)
    return made, period_policy(entry.board, policy, period)


def _by_attribute(entry: Entry, facts: Facts, policy: BoardPolicy) -> Iterator[tuple[Entry, BoardPolicy]]:
    """The entries on the boards of the item's values, and the ends of those on the boards of its values before."""
    before, after = (attribute_policies(entry.board, policy, values) for values in (facts.before, facts.after))
    if entry.is_name_only:  # a correction after the closing: nobody enters
        stays = {board: inherited for board, inherited in after.items() if board in before}
    else:
        stays = {} if entry.score is None else after
    if not entry.is_first:
        gone = replace(entry, score=None, name=None, attributes=(), score_changed=False, is_name_only=False)
        yield from ((replace(gone, board=board), before[board]) for board in before if board not in stays)
    for board, inherited in stays.items():
        enters = board not in before and not facts.is_read
        made = replace(entry, is_first=True, score_changed=True) if enters else entry
        yield replace(made, board=board), inherited


def values_of(image: Image | None) -> Values:
    """Return the short texts and numbers of an item, by attribute."""
    found = {name: value.get("S") or value.get("N") for name, value in (image or {}).items()}
    return {name: text for name, text in found.items() if text and len(text.encode()) <= VALUE_BYTES}

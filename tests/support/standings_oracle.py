"""What a leaderboard must show: the changes applied one by one, in the order in which they happened."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from scorecast.changes.change import Change
from scorecast.leaderboard.item import NAME_CHARACTERS
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Corrections, Keep, Order, Ties

Key = tuple[str, str]
Stay = list[tuple[Decimal, str, str]]
"""The scores and names that a participant had on a board since entering it, and the sequence of each one's change."""


def replay(changes: Iterable[Change], policies: Mapping[str, BoardPolicy]) -> dict[Key, tuple[Decimal, str]]:
    """Return the score and the name of every entry, by participant and board."""
    stays = stays_of(changes, policies)
    return {key: (counting(stay, policies.get(key[1], DEFAULT)), stay[-1][1]) for key, stay in stays.items()}


def replay_ties(changes: Iterable[Change], policies: Mapping[str, BoardPolicy]) -> dict[Key, str]:
    """Return the sequence of the change that brought each entry's score, on the boards that order ties."""
    stays = stays_of(changes, policies)
    declared = {key: policies.get(key[1], DEFAULT) for key in stays}
    return {key: _bringing(stays[key], policy) for key, policy in declared.items() if policy.ties is Ties.EARLIEST}


def stays_of(changes: Iterable[Change], policies: Mapping[str, BoardPolicy]) -> dict[Key, Stay]:
    """Return the stay of every participant that is on a board after the changes."""
    stays: dict[Key, Stay] = {}
    for change in changes:
        old, new = _made(change.old), _made(change.new)
        for key in {made[0] for made in (old, new) if made}:
            policy = policies.get(key[1], DEFAULT)
            if _is_in_time(change, policy):
                _step(stays, key, old, new, change.sequence)
            elif policy.corrections is Corrections.OPEN:
                _correct(stays, key, old, new)
    return stays


def _step(stays: dict[Key, Stay], key: Key, old: Any, new: Any, sequence: str) -> None:
    if new is None or new[0] != key:
        stays.pop(key, None)
    elif old is None or old[0] != key:
        stays[key] = [(*new[1], sequence)]
    else:
        stays[key].append((*new[1], sequence))


def _correct(stays: dict[Key, Stay], key: Key, old: Any, new: Any) -> None:
    """After the closing somebody may leave, and be named; a score is not taken, nor somebody who comes (again)."""
    if new is None or new[0] != key or old is None or old[0] != key:
        stays.pop(key, None)
    elif key in stays:
        score, _, sequence = stays[key][-1]
        stays[key][-1] = (score, new[1][1], sequence)


def _is_in_time(change: Change, policy: BoardPolicy) -> bool:
    return policy.closes_at is None or change.at <= policy.closes_at


def counting(stay: Stay, policy: BoardPolicy) -> Decimal:
    """Return the score of a stay that counts on a board."""
    scores = [score for score, _, _ in stay]
    if policy.keep == Keep.BEST:
        return max(scores) if policy.order == Order.DESCENDING else min(scores)
    return scores[0] if policy.keep == Keep.FIRST else scores[-1]


def _bringing(stay: Stay, policy: BoardPolicy) -> str:
    """Return the change from which on the score counts: the last that changed it, or the first that reached it."""
    counted = counting(stay, policy)
    if policy.keep == Keep.LATEST:
        return [now for (old, _, _), (new, _, now) in pairwise([(None, "", ""), *stay]) if old != new][-1]
    return next(sequence for score, _, sequence in stay if score == counted)


def _made(image: Mapping[str, Any] | None) -> tuple[Key, tuple[Decimal, str]] | None:
    if not image or "N" not in image.get("projectScore", {}):
        return None
    key = image["id"]["S"], image["hackathonName"]["S"]
    return key, (Decimal(image["projectScore"]["N"]), image["userName"]["S"][:NAME_CHARACTERS])

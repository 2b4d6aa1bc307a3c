"""What a leaderboard must show: the changes in the order in which they happened, one after another, nothing late."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from scorecast.change import Change
from scorecast.ranks.policy import DEFAULT, BoardPolicy, Keep, Order

Key = tuple[str, str]
Stay = list[tuple[Decimal, str]]
"""The scores and names that a participant had on a board, from entering it until now."""


def replay(changes: Iterable[Change], policies: Mapping[str, BoardPolicy]) -> dict[Key, tuple[Decimal, str]]:
    """The score and the name of every entry, by participant and board."""
    stays: dict[Key, Stay] = {}
    for change in changes:
        old, new = _made(change.old), _made(change.new)
        for key in {made[0] for made in (old, new) if made}:
            if _is_in_time(change, policies.get(key[1], DEFAULT)):
                _step(stays, key, old, new)
    return {key: (_counting(stay, policies.get(key[1], DEFAULT)), stay[-1][1]) for key, stay in stays.items()}


def _step(stays: dict[Key, Stay], key: Key, old: Any, new: Any) -> None:
    if new is None or new[0] != key:
        stays.pop(key, None)
    elif old is None or old[0] != key:
        stays[key] = [new[1]]
    else:
        stays[key].append(new[1])


def _is_in_time(change: Change, policy: BoardPolicy) -> bool:
    return policy.closes_at is None or change.at <= policy.closes_at


def _counting(stay: Stay, policy: BoardPolicy) -> Decimal:
    scores = [score for score, _ in stay]
    if policy.keep == Keep.BEST:
        return max(scores) if policy.order == Order.DESCENDING else min(scores)
    return scores[0] if policy.keep == Keep.FIRST else scores[-1]


def _made(image: Mapping[str, Any] | None) -> tuple[Key, tuple[Decimal, str]] | None:
    if not image or "N" not in image.get("projectScore", {}):
        return None
    key = image["id"]["S"], image["hackathonName"]["S"]
    return key, (Decimal(image["projectScore"]["N"]), image["userName"]["S"])

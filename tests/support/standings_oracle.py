"""What a leaderboard must show: the changes applied one by one, in the order in which they happened."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from scorecast.changes.change import Change
from scorecast.leaderboard.item import NAME_CHARACTERS
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Corrections, Keep, Order

Key = tuple[str, str]


@dataclass(frozen=True)
class Stood:
    """What a participant had on a board after a change, and which score before it."""

    score: Decimal
    name: str
    sequence: str
    columns: tuple[Decimal | datetime | None, ...]
    before: Decimal = Decimal(0)


Stay = list[Stood]
"""What a participant had on a board since entering it."""


def replay(changes: Iterable[Change], policies: Mapping[str, BoardPolicy]) -> dict[Key, tuple[Decimal, str]]:
    """Return the score and the name of every entry, by participant and board."""
    stays = stays_of(changes, policies)
    counted = {key: counting(stay, policies.get(key[1], DEFAULT)) for key, stay in stays.items()}
    return {key: (counted[key].score, stay[-1].name) for key, stay in stays.items()}


def replay_columns(changes: Iterable[Change], policies: Mapping[str, BoardPolicy]) -> dict[Key, dict[str, Any]]:
    """Return the columns of every entry, by name, on the boards that have some."""
    found = {}
    for key, stay in stays_of(changes, policies).items():
        policy = policies.get(key[1], DEFAULT)
        if names := [column.name for column in policy.columns]:
            found[key] = dict(zip(names, counting(stay, policy).columns, strict=True))
    return found


def replay_ties(changes: Iterable[Change], policies: Mapping[str, BoardPolicy]) -> dict[Key, str]:
    """Return the sequence of the change that brought each entry's score, on the boards that order ties."""
    stays = stays_of(changes, policies)
    declared = {key: policies.get(key[1], DEFAULT) for key in stays}
    return {key: _bringing(stays[key], policy) for key, policy in declared.items() if policy.orders_ties}


def stays_of(changes: Iterable[Change], policies: Mapping[str, BoardPolicy]) -> dict[Key, Stay]:
    """Return the stay of every participant that is on a board after the changes."""
    stays: dict[Key, Stay] = {}
    for change in changes:
        old, new = _made(change.old), _made(change.new)
        for key in {made[0] for made in (old, new) if made}:
            policy = policies.get(key[1], DEFAULT)
            if _is_in_time(change, policy):
                _step(stays, key, old, new, change, policy)
            elif policy.corrections is Corrections.OPEN:
                _correct(stays, key, old, new)
    return stays


def _step(stays: dict[Key, Stay], key: Key, old: Any, new: Any, change: Change, policy: BoardPolicy) -> None:
    if new is None or new[0] != key:
        stays.pop(key, None)
        return
    score, name = new[1]
    stood = Stood(score, name, change.sequence, columns_of(change.new or {}, policy))
    if old is None or old[0] != key:
        stays[key] = [stood]
    else:
        stays[key].append(replace(stood, before=old[1][0]))


def _correct(stays: dict[Key, Stay], key: Key, old: Any, new: Any) -> None:
    """After the closing somebody may leave, and be named; a score is not taken, nor somebody who comes (again)."""
    if new is None or new[0] != key or old is None or old[0] != key:
        stays.pop(key, None)
    elif key in stays:
        stays[key][-1] = replace(stays[key][-1], name=new[1][1])


def _is_in_time(change: Change, policy: BoardPolicy) -> bool:
    return policy.closes_at is None or change.at <= policy.closes_at


def counting(stay: Stay, policy: BoardPolicy) -> Stood:
    """Return what counts of a stay on a board."""
    if policy.keep == Keep.BEST:
        return min(stay, key=lambda stood: rank_of(stood, policy))
    if policy.keep == Keep.GAIN:
        return replace(stay[-1], score=stay[-1].score - stay[0].before)
    return stay[0] if policy.keep == Keep.FIRST else stay[-1]


def rank_of(stood: Stood, policy: BoardPolicy) -> list[tuple[bool, Decimal]]:
    """Return what is smaller for a better rank: the score, then the columns, of which a missing one is the last."""
    values = [stood.score, *stood.columns]
    orders = [policy.order, *(column.order for column in policy.columns)]
    return [(value is None, _signed(value, order)) for value, order in zip(values, orders, strict=True)]


def _signed(value: Decimal | datetime | None, order: Order) -> Decimal:
    number = Decimal(value.timestamp()) if isinstance(value, datetime) else value or Decimal(0)
    return number if order is Order.ASCENDING else -number


def columns_of(image: Mapping[str, Any], policy: BoardPolicy) -> tuple[Decimal | datetime | None, ...]:
    """Return the values that an item has in the columns of a board."""
    return tuple(_column(image.get(one.name)) for one in policy.columns)


def _column(value: Mapping[str, Any] | None) -> Decimal | datetime | None:
    """A number, or one of the times that tests write: with Z, or malformed."""
    if value and "N" in value:
        return Decimal(value["N"])
    return datetime.fromisoformat(value["S"]) if value and value.get("S", "").endswith("Z") else None


def _bringing(stay: Stay, policy: BoardPolicy) -> str:
    """Return the change from which on the score counts: the last that changed it, or the first that reached it."""
    counted = counting(stay, policy)
    if policy.keep in (Keep.LATEST, Keep.GAIN):
        ranks = [None, *(rank_of(stood, policy) for stood in stay)]
        return [stood.sequence for (old, new), stood in zip(pairwise(ranks), stay, strict=True) if old != new][-1]
    return next(one.sequence for one in stay if rank_of(one, policy) == rank_of(counted, policy))


def _made(image: Mapping[str, Any] | None) -> tuple[Key, tuple[Decimal, str]] | None:
    if not image or "N" not in image.get("projectScore", {}):
        return None
    key = image["id"]["S"], image["hackathonName"]["S"]
    return key, (Decimal(image["projectScore"]["N"]), image["userName"]["S"][:NAME_CHARACTERS])

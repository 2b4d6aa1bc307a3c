"""The ranks of an entry's neighbours, from their order and one look-up for each side. Pure."""

from __future__ import annotations

from collections.abc import Sequence

Keys = Sequence[str]
"""The rank keys of the entries above or below an entry, nearest first; equal keys mean a shared rank."""


def share_places(above: int, below: int, each: int) -> tuple[int, int]:
    """Return how many neighbours to show above and below: `each`, or more if the other side has fewer."""
    shown_above = min(above, max(each, 2 * each - below))
    return shown_above, min(below, 2 * each - shown_above)


def ranks_above(keys: Keys, mine: str, rank: int, farthest_rank: int) -> list[int]:
    """Rank the entries above; `farthest_rank` is the rank of the last one, whose ties may lie further on. O(n)."""
    ties = sum(key == mine for key in keys)
    last_at = {key: at for at, key in enumerate(keys)}
    return [
        rank if key == mine else farthest_rank if key == keys[-1] else rank - 1 - (last_at[key] - ties) for key in keys
    ]


def ranks_below(keys: Keys, mine: str, rank: int, first_worse_rank: int) -> list[int]:
    """Rank the entries below; `first_worse_rank` is the rank of the first worse one. O(n)."""
    ties = sum(key == mine for key in keys)
    first_at: dict[str, int] = {}
    for at, key in enumerate(keys):
        first_at.setdefault(key, at)
    return [rank if key == mine else first_worse_rank + first_at[key] - ties for key in keys]

"""What became of the deliveries of a batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from scorecast.standings.entry import Entry
from scorecast.standings.store import Result


class Fate(StrEnum):
    """What became of a change: exactly one for each. The names appear in the log."""

    APPLIED = "applied"
    STALE = "stale"  # the board has a newer one, or this one
    MERGED = "merged"  # a newer change of the same entry, in the same batch, was written
    CLOSED = "closed"
    IGNORED = "ignored"  # it concerns no entry
    PARKED = "parked"
    RETRY = "retry"


@dataclass(slots=True)
class Outcome:
    """The result of a batch: the fate of each delivery, the results of written entries, and the standing events."""

    fates: dict[str, Fate] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    announced: int = 0

    @property
    def written(self) -> list[Entry]:
        """The entries that were written."""
        return [result.entry for result in self.results if result.entry]

    @property
    def retry_ids(self) -> list[str]:
        """The deliveries that must be delivered again."""
        return [delivery_id for delivery_id, fate in self.fates.items() if fate is Fate.RETRY]

    @property
    def counts(self) -> Counter[str]:
        """The number of deliveries of each fate."""
        return Counter(map(str, self.fates.values()))

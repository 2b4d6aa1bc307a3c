"""PutEvents for standing events: all of them are on the bus, or it says that they are not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.errors import NotAcknowledged
from scorecast.runtime.batches import cut_batches
from scorecast.standings.announce.standing_event import StandingEvent

# PutEvents takes 10 entries a call.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
BATCH_ENTRIES = 10
# Short: what is not taken by then is published at another delivery.
_PAUSES_S = (0.1, 0.4)

Entries = list[dict[str, Any]]


class _Events(Protocol):
    def put_events(self, *, Entries: Entries) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Publisher:
    """Puts standing events on the bus of this name."""

    events: _Events
    bus_name: str
    sleep: Callable[[float], None] = time.sleep

    def publish(self, events: Iterable[StandingEvent]) -> None:
        """Put all events on the bus, a call for ten; NotAcknowledged where it did not take one in three attempts."""
        entries = [event.entry(self.bus_name) for event in events]
        for pause_s in (0.0, *_PAUSES_S):
            self.sleep(random.uniform(0, pause_s))
            entries = [entry for batch in cut_batches(entries, BATCH_ENTRIES) for entry in self._put(batch)]
            if not entries:
                return
        raise NotAcknowledged(f"The bus {self.bus_name} did not take {len(entries)} standing events.")

    def _put(self, entries: Entries) -> Entries:
        """Make one call; return the entries that were not taken."""
        try:
            answer = self.events.put_events(Entries=entries)
        except (ClientError, BotoCoreError):
            return entries
        results = zip(entries, answer["Entries"], strict=True)
        return [entry for entry, result in results if result.get("ErrorCode")]

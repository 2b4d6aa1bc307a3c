"""PutEvents for standing events: publish all of them, or raise NotAcknowledged."""

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
# Short pauses: events that the bus still refuses after them are published at another delivery.
_PAUSES_S = (0.1, 0.4)

Entries = list[dict[str, Any]]


class _Events(Protocol):
    def put_events(self, *, Entries: Entries) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class StandingEventPublisher:
    """Puts standing events on the bus with this name."""

    events: _Events
    bus_name: str
    sleep: Callable[[float], None] = time.sleep

    def publish(self, events: Iterable[StandingEvent]) -> int:
        """Put all events on the bus, ten per call; return their number. NotAcknowledged after three refusals of one."""
        entries = [event.entry(self.bus_name) for event in events]
        count = len(entries)
        for pause_s in (0.0, *_PAUSES_S):
            self.sleep(random.uniform(0, pause_s))
            entries = [entry for batch in cut_batches(entries, BATCH_ENTRIES) for entry in self._put(batch)]
            if not entries:
                return count
        raise NotAcknowledged(f"The bus {self.bus_name} did not take {len(entries)} standing events.")

    def _put(self, entries: Entries) -> Entries:
        """Make one call; return the entries that the bus refused."""
        try:
            answer = self.events.put_events(Entries=entries)
        except (ClientError, BotoCoreError):
            return entries
        results = zip(entries, answer["Entries"], strict=True)
        return [entry for entry, result in results if result.get("ErrorCode")]

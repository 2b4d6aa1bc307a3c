"""Redrive: send dead letters to where they belong; each is deleted only after its destination has accepted it.

Sending twice is harmless: consumers recognize a change by its `id` and `sequence`. So an interrupted or killed run can
be repeated. A letter that returns during a run, or another letter about the same change, waits for the next run: their
times cannot tell the two apart, and no letter may circulate endlessly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scorecast.ops.dead_letters.filters import Filter
from scorecast.ops.dead_letters.letters import ParkedLetter
from scorecast.ops.dead_letters.queue import BATCH_MESSAGES, LetterQueue
from scorecast.ops.stack.polling import CLOCK, Clock
from scorecast.ops.stack.rate_limit import RateLimit

# With a rate, letters wait while hidden, so receive at most as many as can be sent in this time.
_HELD_S = 20


class _Destinations(Protocol):
    def redeliver(self, letters: Sequence[ParkedLetter]) -> dict[str, str | None]: ...


@dataclass(slots=True)
class Redriven:
    """The result of a redrive so far; `refusals` counts, by reason, the letters that stayed in the queue."""

    selected: int = 0
    sent: int = 0
    came_back: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    is_interrupted: bool = False

    @property
    def stayed(self) -> int:
        """How many selected letters are still in the queue."""
        return sum(self.refusals.values())


@dataclass(slots=True)
class Redrive:
    """Sends the selected letters; `on_read` receives the size of each batch that was read."""

    queue: LetterQueue
    destinations: _Destinations
    wanted: Filter
    on_read: Callable[[int], None] = lambda _: None
    clock: Clock = CLOCK
    _sent: set[str] = field(default_factory=set)

    def run(self, rate: float | None = None) -> Redriven:
        """Send every selected letter, at most `rate` per second; Ctrl-C stops it."""
        done = Redriven()
        try:
            self._run(done, rate)
        except KeyboardInterrupt:
            done.is_interrupted = True
        return done

    def _run(self, done: Redriven, rate: float | None) -> None:
        size = BATCH_MESSAGES if rate is None else max(1, min(BATCH_MESSAGES, int(rate * _HELD_S)))
        limit = RateLimit(rate, self.clock)
        for batch in self.queue.batches(size):
            letters = list(self._fresh(batch, done))
            limit.wait(len(letters))
            self._send(letters, done)
            self.on_read(len(batch))

    def _fresh(self, batch: Sequence[ParkedLetter], done: Redriven) -> Iterator[ParkedLetter]:
        """Yield the selected letters, except those about changes that this run has already sent."""
        for letter in filter(self.wanted.matches, batch):
            if letter.key in self._sent:
                done.came_back += 1
            else:
                yield letter

    def _send(self, letters: Sequence[ParkedLetter], done: Redriven) -> None:
        if not letters:
            return
        done.selected += len(letters)
        outcome = self.destinations.redeliver(letters)
        accepted = [letter for letter in letters if outcome[letter.message_id] is None]
        self.queue.delete(accepted)
        self._sent |= {letter.key for letter in accepted}
        done.sent += len(accepted)
        done.refusals.update(reason for reason in outcome.values() if reason is not None)


def purge(
    queue: LetterQueue, is_selected: Callable[[ParkedLetter], bool], on_read: Callable[[int], None] = lambda _: None
) -> int:
    """Delete every selected letter permanently; return how many."""
    deleted = 0
    for batch in queue.batches():
        letters = [letter for letter in batch if is_selected(letter)]
        queue.delete(letters)
        deleted += len(letters)
        on_read(len(batch))
    return deleted

"""Redrive: dead letters go back to where they belong, and leave the queue only once they were taken there.

Sending twice is harmless: consumers know a change by its `id` and `sequence`. So whatever is interrupted, by Ctrl-C
or by a kill, can be run again. A letter that comes back while this runs, or a further one about the same change, is
left for the next run: no clock could tell them apart, and nothing may go round and round.
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

# Letters that wait for their turn are hidden meanwhile: no more of them than this many seconds' worth.
_HELD_S = 20


class _Destinations(Protocol):
    def redeliver(self, letters: Sequence[ParkedLetter]) -> dict[str, str | None]: ...


@dataclass(slots=True)
class Redriven:
    """How a redrive went, so far; `refusals` counts the reasons why letters stayed."""

    meant: int = 0
    sent: int = 0
    came_back: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    is_interrupted: bool = False

    @property
    def stayed(self) -> int:
        """How many letters were meant and are still in the queue."""
        return sum(self.refusals.values())


@dataclass(slots=True)
class Redrive:
    """Sends letters back; `on_seen` hears of each batch that was looked at."""

    queue: LetterQueue
    destinations: _Destinations
    wanted: Filter
    on_seen: Callable[[int], None] = lambda _: None
    clock: Clock = CLOCK
    _sent: set[str] = field(default_factory=set)

    def run(self, rate: float | None = None) -> Redriven:
        """Send every letter that is meant, at most `rate` a second; Ctrl-C ends it after the batch at hand."""
        done = Redriven()
        try:
            self._run(done, rate)
        except KeyboardInterrupt:
            done.is_interrupted = True
        return done

    def _run(self, done: Redriven, rate: float | None) -> None:
        size = BATCH_MESSAGES if rate is None else max(1, min(BATCH_MESSAGES, int(rate * _HELD_S)))
        start, taken = self.clock.now(), 0
        for batch in self.queue.batches(size):
            letters = list(self._fresh(batch, done))
            early_s = start + taken / rate - self.clock.now() if rate and letters else 0
            if early_s > 0:
                self.clock.sleep(early_s)
            taken += len(letters)
            self._send(letters, done)
            self.on_seen(len(batch))

    def _fresh(self, batch: Sequence[ParkedLetter], done: Redriven) -> Iterator[ParkedLetter]:
        """The letters that are meant, but for those about what this run has sent already."""
        for letter in filter(self.wanted.matches, batch):
            if letter.key in self._sent:
                done.came_back += 1
            else:
                yield letter

    def _send(self, letters: Sequence[ParkedLetter], done: Redriven) -> None:
        if not letters:
            return
        done.meant += len(letters)
        outcome = self.destinations.redeliver(letters)
        taken = [letter for letter in letters if outcome[letter.message_id] is None]
        self.queue.delete(taken)
        self._sent |= {letter.key for letter in taken}
        done.sent += len(taken)
        done.refusals.update(reason for reason in outcome.values() if reason is not None)


def purge(queue: LetterQueue, wanted: Filter, on_seen: Callable[[int], None] = lambda _: None) -> int:
    """Delete every letter that is meant, for good; return how many."""
    deleted = 0
    for batch in queue.batches():
        letters = [letter for letter in batch if wanted.matches(letter)]
        queue.delete(letters)
        deleted += len(letters)
        on_seen(len(batch))
    return deleted

"""Backoff of a writer: the pauses between rounds, when it stops, and how many failed entries share a transaction.

Pure except for the randomness. A writer that makes progress continues until its deadline. One that makes none stops
after some seconds: the changes come back with another delivery, and meanwhile the function can work on other boards'
changes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
TRANSACTION_ACTIONS = 100
# Pauses with full jitter. The first ones are about as long as another writer's transaction; throttling takes longer.
PAUSES_S = (0.08, 0.1, 0.15, 0.2, 0.4, 0.8, 1.6)


@dataclass(slots=True)
class Backoff:
    """`stalled` counts the rounds without progress; `width` bounds the failed entries of a transaction.

    If an entry itself caused a failure, either its whole board is busy, or it is the only entry that fails. Halving the
    failed entries isolates a single culprit, and smaller transactions fit better into the remaining capacity. Single
    entries at once would multiply the writes of a busy board, because each transaction also updates counters.
    """

    stalled: int = 0
    width: int = TRANSACTION_ACTIONS

    def after_round(self, has_progress: bool, failed: int) -> None:
        """Record a round; `failed` is the number of entries that caused a failure themselves."""
        if has_progress:
            self.stalled, self.width = self.stalled // 2, min(2 * self.width, TRANSACTION_ACTIONS)
        else:
            self.stalled += 1
            self.width = max(1, min(self.width, failed) // 2) if failed else self.width

    @property
    def is_exhausted(self) -> bool:
        """Whether the writer has made no progress for so long that it should stop."""
        return self.stalled > len(PAUSES_S)

    def pause_s(self) -> float:
        """How long to pause before the next round."""
        return random.uniform(0, PAUSES_S[max(0, self.stalled - 1)])

"""Repair: have ConsumerLambda write a wrong entry again from its item, or remove it if there is no item.

`verify --repair` sends a message for each difference, waits until the entries agree, and then corrects the counters
that are still wrong (rebuild.py), since an edit by hand changes no counter. A repair sends a READ (docs/adr/0014), so
it never overwrites anything newer. The READ goes to the consumer's queue and not to the bus: the main table has not
changed, so other consumers and the backup must not receive an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from scorecast.changes.change import Change, to_detail
from scorecast.changes.values import Image
from scorecast.errors import UserError
from scorecast.leaderboard.item import Key
from scorecast.ops.dead_letters.formats import event_of
from scorecast.ops.recovery.comparison import Difference
from scorecast.ops.recovery.consumer_mapping import consumer_mapping_of
from scorecast.ops.recovery.read_change import ItemReader, item_reader_of
from scorecast.ops.recovery.verification import Verifier
from scorecast.ops.stack.polling import CLOCK, Clock, poll_until
from scorecast.ops.stack.stack import Stack
from scorecast.ops.stack.typed_json import in_json

# Lambda may wait up to 20 s before it reads a queue with little traffic, and takes a while to repeat failures.
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Repair:
    """Sends READ changes that correct entries."""

    verifier: Verifier
    reader: ItemReader
    sqs: Any
    queue_url: str
    clock: Clock = CLOCK
    sent: list[Key] = field(default_factory=list, init=False)

    def send(self, difference: Difference) -> None:
        """Send one message that corrects the entry."""
        change = self.read(difference)
        body = event_of(to_detail(change), change.stream_arn)
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)
        self.sent.append((difference.participant, difference.board))

    def wait(self) -> list[Difference]:
        """Wait until every repaired entry agrees with its item; return the differences that remain.

        Gives up if no further entry comes to agree within a minute.
        """
        waiting, found = list(self.sent), list[Difference]()
        while waiting:
            for _ in poll_until(PATIENCE_S, pause_s=0.2, longest_pause_s=5, clock=self.clock):
                found = [difference for difference in map(self.verifier.examine, waiting) if difference]
                if len(found) < len(waiting):
                    break
            else:
                break
            waiting = [(one.participant, one.board) for one in found]
        return found

    def read(self, difference: Difference) -> Change:
        """Read the entry's position and then its item, in the same order as a backfill."""
        key = (difference.participant, difference.board)
        position = self.reader.positions([key]).get(key, self.reader.never)
        at = self.reader.now()
        item = self._item_of(key)
        if item is not None:
            return self.reader.change(item, position, at)
        removed = self.reader.change(self._entry_image(key), position, at)
        return replace(removed, new=None, old=removed.new)

    def _item_of(self, key: Key) -> Image | None:
        """Return the item's attributes that make the entry, because a whole item may be too large for a message."""
        needed = {*self.reader.key_names, *self.reader.attributes.needed, *self.verifier.agreement.values}
        for item in self.verifier.items_of(key[0]):
            if key in self.verifier.expected(item):
                image: Image = in_json({name: value for name, value in item.items() if name in needed})
                return image
        return None

    def _entry_image(self, key: Key) -> Image:
        """Make an item that would have made the entry; the consumer needs it to remove the entry."""
        names = self.reader.attributes
        keys = {name: {"S": key[1]} for name in self.reader.key_names}
        return keys | {names.id: {"S": key[0]}, names.board: {"S": key[1]}, names.score: {"N": "0"}}


def repair_of(stack: Stack, verifier: Verifier, clock: Clock = CLOCK) -> Repair:
    """Make the repair of a stack; refuses a stack whose queue ConsumerLambda does not read."""
    if (state := consumer_mapping_of(stack).read()).is_paused:
        raise UserError(f"Nothing was repaired. {state}")
    return Repair(verifier, item_reader_of(stack), stack.client("sqs"), stack.output("ConsumerQueueUrl"), clock)

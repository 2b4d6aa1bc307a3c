"""The dead-letter queue as the command line reads it: every message once, and visible again as soon as one is done.

SQS cannot be looked into without receiving. So what is received is hidden for as long as it is looked at, and given
back at the end, also at Ctrl-C; a killed command's messages come back by themselves after HIDDEN_S.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from scorecast.errors import UserError
from scorecast.ops.dead_letters.letters import ParkedLetter, read_letter
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.settings import AttributeNames

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
BATCH_MESSAGES = 10
# Long enough to send a batch on, short enough for who waits after a kill.
HIDDEN_S = 120
# A second of long polling asks all of SQS's servers; a short poll may miss messages that are there.
WAIT_S = 1
# What was looked at already comes back when looking takes longer than HIDDEN_S: so often in a row, and it is all.
_ONLY_SEEN = 3


class _Sqs(Protocol):
    def receive_message(self, **request: Any) -> dict[str, Any]: ...
    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...
    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...
    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]: ...


@dataclass(slots=True)
class LetterQueue:
    """`with LetterQueue(...) as queue: for batch in queue.batches(): ...`; at the end all is given back."""

    sqs: _Sqs
    url: str
    names: AttributeNames
    _receipts: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> LetterQueue:
        return self

    def __exit__(self, _kind: object, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """Give back what was received and not deleted; what SQS does not give back comes back by itself."""
        entries = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(self._receipts.values())]
        self._receipts.clear()
        for batch in cut_batches(entries, BATCH_MESSAGES):
            shown = [entry | {"VisibilityTimeout": 0} for entry in batch]
            self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=shown)

    def count(self) -> int:
        """About how many messages there are, those that are hidden included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(value) for name, value in answer["Attributes"].items() if name in names)

    def batches(self, size: int = BATCH_MESSAGES) -> Iterator[list[ParkedLetter]]:
        """Receive every message once, up to `size` at a time; each stays hidden until the end."""
        seen: set[str] = set()
        only_seen = 0
        while only_seen < _ONLY_SEEN:
            messages = self._receive(size)
            if not messages:
                return
            new = [message for message in messages if message["MessageId"] not in seen]
            only_seen = 0 if new else only_seen + 1
            seen |= {message["MessageId"] for message in new}
            if new:
                yield [read_letter(message, self.names) for message in new]

    def delete(self, letters: Sequence[ParkedLetter]) -> None:
        """Delete messages; UserError where SQS keeps one, which does no harm: it can be handled again."""
        receipts = [self._receipts[letter.message_id] for letter in letters]
        entries = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(receipts)]
        for batch in cut_batches(entries, BATCH_MESSAGES):
            failed = self.sqs.delete_message_batch(QueueUrl=self.url, Entries=batch).get("Failed", [])
            if failed:
                raise UserError(
                    f"SQS kept {len(failed)} messages that were dealt with ({failed[0].get('Code')}): run it again."
                )
        for letter in letters:
            self._receipts.pop(letter.message_id)

    def _receive(self, size: int) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=min(size, BATCH_MESSAGES),
            VisibilityTimeout=HIDDEN_S,
            WaitTimeSeconds=WAIT_S,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        self._receipts |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        return messages

"""The dead-letter queue as the command line reads it: each message once, and all visible again at the end.

SQS shows messages only by receiving them, which hides them. They are made visible again at the end, even after Ctrl-C.
If the command is killed, they reappear after HIDDEN_S.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlsplit

from scorecast.errors import UserError
from scorecast.ops.dead_letters.formats import read_letter
from scorecast.ops.dead_letters.letters import ParkedLetter
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.settings import AttributeNames

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
BATCH_MESSAGES = 10
# Long enough to redeliver a batch, short enough to recover soon after a kill.
HIDDEN_S = 120
# SQS spreads a queue over servers. A short poll queries only some of them, so an empty answer proves nothing. A long
# poll queries all of them, so reading ends with an empty long poll; it returns at once if it finds a message, and waits
# if not.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
LONG_POLL_S = 1
# An engine on this machine has a single server, so a short poll finds every message.
SHORT_POLL_S = 0
# Messages reappear if reading takes longer than HIDDEN_S, so reading ends after this many answers without a new
# message.
_ANSWERS_WITHOUT_NEW = 3


def open_letters(stack: Stack) -> LetterQueue:
    """Return the dead-letter queue of a stack; an endpoint that is not local, such as a VPC's, may lead to AWS."""
    host = urlsplit(stack.target.endpoint or "").hostname
    wait_s = SHORT_POLL_S if host in ("127.0.0.1", "::1", "localhost") else LONG_POLL_S
    return LetterQueue(stack.client("sqs"), stack.output("FanoutDlqUrl"), stack.attributes, wait_s)


class _Sqs(Protocol):
    def receive_message(self, **request: Any) -> dict[str, Any]: ...
    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...
    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...
    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]: ...


@dataclass(slots=True)
class LetterQueue:
    """`with LetterQueue(...) as queue: for batch in queue.batches(): ...`; the end makes all messages visible again."""

    sqs: _Sqs
    url: str
    names: AttributeNames
    wait_s: int = LONG_POLL_S
    _receipts: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> LetterQueue:
        return self

    def __exit__(self, _kind: object, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """Make every received message that was not deleted visible again; if this call fails, HIDDEN_S does it."""
        entries = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(self._receipts.values())]
        self._receipts.clear()
        for batch in cut_batches(entries, BATCH_MESSAGES):
            visible = [entry | {"VisibilityTimeout": 0} for entry in batch]
            self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=visible)

    def count(self) -> int:
        """Return the approximate number of messages, including hidden ones."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(value) for name, value in answer["Attributes"].items() if name in names)

    def batches(self, size: int = BATCH_MESSAGES) -> Iterator[list[ParkedLetter]]:
        """Yield each message once, up to `size` at a time; all stay hidden until the end."""
        seen: set[str] = set()
        without_new = 0
        while without_new < _ANSWERS_WITHOUT_NEW:
            messages = self._receive(size)
            if not messages:
                return
            new = [message for message in messages if message["MessageId"] not in seen]
            without_new = 0 if new else without_new + 1
            seen |= {message["MessageId"] for message in new}
            if new:
                yield [read_letter(message, self.names) for message in new]

    def delete(self, letters: Sequence[ParkedLetter]) -> None:
        """Delete messages; UserError if SQS keeps one, which is harmless because it can be redelivered again."""
        receipts = [self._receipts[letter.message_id] for letter in letters]
        entries = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(receipts)]
        for batch in cut_batches(entries, BATCH_MESSAGES):
            failed = self.sqs.delete_message_batch(QueueUrl=self.url, Entries=batch).get("Failed", [])
            if failed:
                raise UserError(
                    f"SQS kept {len(failed)} messages that should be deleted ({failed[0].get('Code')}): run it again."
                )
        for letter in letters:
            self._receipts.pop(letter.message_id)

    def _receive(self, size: int) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=min(size, BATCH_MESSAGES),
            VisibilityTimeout=HIDDEN_S,
            WaitTimeSeconds=self.wait_s,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        self._receipts |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        return messages

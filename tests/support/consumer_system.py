"""ConsumerLambda over tables, a queue and a bucket in memory."""

import json
from collections.abc import Callable
from typing import Any

from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.leaderboard.index.table import ROOT, IndexTable
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.settings import AttributeNames, ConsumerSettings
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.outcome import Outcome
from scorecast.standings.store import Leaderboard
from tests.support.fakes import STREAM_ARN, FakeDynamoDb, FakeObjects, FakeSqs, record

SETTINGS = ConsumerSettings("leaderboard", "boards", "queue", "consumer", AttributeNames())


class System:
    """The function with a table and a queue; it records its pauses and does not wait."""

    def __init__(self) -> None:
        self.table, self.queue, self.s3 = FakeDynamoDb(), FakeSqs(), FakeObjects()
        self.pauses: list[float] = []
        leaderboard = Leaderboard(self.table, "leaderboard", "boards", self.pauses.append)
        self.processor = BatchProcessor(
            SETTINGS,
            leaderboard,
            DeadLetterQueue(self.queue, "queue"),
            ClaimStore(lambda: self.s3),
            PolicyTable(self.table, "boards"),
        )

    def process(self, *events: object) -> Outcome:
        return self.processor.process([Delivery(str(at), event) for at, event in enumerate(events)])

    @property
    def updated_at(self) -> str:
        return IndexTable(self.table, "boards").read("StarWar", [ROOT])[ROOT].at


def about(participant: str, code: str) -> Callable[[dict[str, Any]], str | None]:
    """Fail the writes of a participant's entries with a code."""
    return lambda action: code if action.get("Put", {}).get("Item", {}).get("id") == {"S": participant} else None


class Context:
    """What Lambda tells a function of its invocation."""

    def __init__(self, remaining_ms: int = 30_000) -> None:
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def message(message_id: str, body: str, receives: int = 1) -> dict[str, Any]:
    """A message of the queue as Lambda passes it on."""
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"messageId": message_id, "receiptHandle": f"handle-{message_id}", "body": body, "attributes": attributes}


def event(new: dict[str, Any] | None = None, old: dict[str, Any] | None = None, sequence: int = 1) -> str:
    """The body of a message of the queue."""
    change = from_record(record(new, old, sequence))
    return json.dumps({"source": "update.aws.dynamodb", "resources": [STREAM_ARN], "detail": to_detail(change)})

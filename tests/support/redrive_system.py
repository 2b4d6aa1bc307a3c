"""A stack with dead letters, the bus, functions and queues to which they go, and a redrive, all in memory."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scorecast.ops.dead_letters.destinations import Destinations
from scorecast.ops.dead_letters.filters import Filter
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.dead_letters.redrive import Redrive, Redriven
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.settings import AttributeNames
from tests.support.fakes import STREAM_ARN, FakeEvents, FakeObjects, fake_countdown, item, record
from tests.support.ops_fakes import OUTPUTS, FakeClock, FakeRules, fake_target, refusal
from tests.support.recovery_fakes import CONSUMER_QUEUE, DEAD_LETTERS, FakeQueue

EVERYTHING = Filter()


class Bus(FakeEvents):
    """A bus with rules."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = FakeRules()

    def list_targets_by_rule(self, *, Rule: str, EventBusName: str) -> dict[str, Any]:
        if Rule not in self.rules.targets:
            raise refusal("ResourceNotFoundException")
        return {"Targets": self.rules.targets[Rule]}


@dataclass
class FakeFunctions:
    """Lambda: its invocations; `fails` is the function's answer with an error."""

    invoked: list[tuple[str, str, Any]] = field(default_factory=list)
    fails: str | None = None

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: Any) -> dict[str, Any]:
        self.invoked.append((FunctionName, InvocationType, json.loads(Payload)))
        if self.fails:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(self.fails.encode())}
        return {"Payload": io.BytesIO(b"{}")}


@dataclass
class FakeStreams:
    """A shard with the records 110 to 115, two per page, with empty pages in between; it has none before `oldest`."""

    oldest: int = 0
    ends_at: int = 115

    def get_shard_iterator(
        self, *, StreamArn: str, ShardId: str, ShardIteratorType: str, SequenceNumber: str
    ) -> dict[str, Any]:
        assert (StreamArn, ShardId, ShardIteratorType) == (STREAM_ARN, "shardId-1", "AT_SEQUENCE_NUMBER")
        if int(SequenceNumber) < self.oldest:
            raise refusal("TrimmedDataAccessException")
        return {"ShardIterator": SequenceNumber}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:
        start, _, is_empty = ShardIterator.partition("-")
        if is_empty:
            return {"Records": [], "NextShardIterator": start}
        found = [at for at in (int(start), int(start) + 1) if at <= self.ends_at]
        following = {"NextShardIterator": f"{found[-1] + 1}-empty"} if found else {}
        return {"Records": [self._record(at) for at in found]} | following

    def _record(self, at: int) -> dict[str, Any]:
        made = record(item(score=str(at)) | {"raw": {"B": b"\x00\xff"}}, sequence=at)
        del made["eventSourceARN"]
        made["dynamodb"]["ApproximateCreationDateTime"] = datetime(2026, 1, 1, tzinfo=UTC)
        return made


class System:
    """A stack with a dead-letter queue; run() redrives."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.sqs, self.bus, self.functions, self.streams = FakeQueue(), Bus(), FakeFunctions(), FakeStreams()
        self.published: list[tuple[str, str]] = []
        self.s3 = FakeObjects()
        clients: dict[str, Any] = {
            "sqs": self.sqs,
            "s3": self.s3,
            "events": self.bus,
            "lambda": self.functions,
            "sns": self,
        }
        target = fake_target(**clients | {"dynamodbstreams": self.streams})
        given = {"FanoutDlqUrl": DEAD_LETTERS, "ConsumerQueueUrl": CONSUMER_QUEUE, "BusName": "fanoutBus"}
        self.stack = Stack(target, "fanout", OUTPUTS | given | {"FanoutLambdaName": "fanout-FanoutLambda-1"})
        self.destinations = Destinations(self.stack, executor, lambda _: None, fake_countdown)
        self.clock = FakeClock()

    def publish(self, *, TopicArn: str, Message: str) -> None:
        self.published.append((TopicArn, Message))

    def queue(self) -> LetterQueue:
        return LetterQueue(self.sqs, DEAD_LETTERS, AttributeNames())

    def run(self, wanted: Filter = EVERYTHING, rate: float | None = None) -> Redriven:
        with self.queue() as queue:
            clock = Clock(self.clock.now, self.clock.sleep)
            return Redrive(queue, self.destinations, wanted, clock=clock).run(rate)

    @property
    def left(self) -> int:
        assert len(self.sqs.visible) == len(self.sqs.messages), "every letter is visible again"
        return len(self.sqs.messages)

"""The counters are counted again from the entries while the consumer's queue is paused."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.ops.recovery.rebuild import rebuild
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.stack import Stack
from tests.support.ops_fakes import entry, fake_target


@dataclass
class FakeAws:
    """DynamoDB, Lambda and SQS with entries, old counters, and a queue that does not pause at once."""

    entries: list[tuple[str, str, str]]
    counters: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    states: list[str] = field(default_factory=lambda: ["Enabled"])
    log: list[str] = field(default_factory=list)
    stuck: bool = False
    at_work: list[int] = field(default_factory=lambda: [2, 0])

    def list_event_source_mappings(self, FunctionName: str) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"EventSourceMappings": [{"UUID": "mapping", "State": state}]}

    def update_event_source_mapping(self, UUID: str, Enabled: bool) -> None:
        self.log.append("resume" if Enabled else "pause")
        last = self.states[-1]
        self.states = [last] if self.stuck else ["Disabling", "Disabled"] if not Enabled else ["Enabling", "Enabled"]

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        self.log.append("look")
        return {"Attributes": {AttributeNames[0]: str(self.at_work.pop(0))}}

    def scan(self, TableName: str, ExclusiveStartKey: int = 0, **_: Any) -> dict[str, Any]:
        if TableName != "LeaderboardTableName":
            self.log.append(f"scan {TableName}")
            return {"Items": [{"collection": {"S": key[0]}, "name": {"S": key[1]}} for key in self.counters]}
        found = [entry(participant, board, score) for board, participant, score in self.entries]
        if ExclusiveStartKey:
            return {"Items": found[ExclusiveStartKey:]}
        self.log.append(f"scan {TableName}")
        return {"Items": found[:1], "LastEvaluatedKey": 1}

    def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [(table, requests)] = RequestItems.items()
        request, *rest = requests  # the others are unprocessed and have to be sent again
        if "PutRequest" in request:
            item = request["PutRequest"]["Item"]
            self.counters[item["collection"]["S"], item["name"]["S"]] = item
        else:
            key = request["DeleteRequest"]["Key"]
            del self.counters[key["collection"]["S"], key["name"]["S"]]
        return {"UnprocessedItems": {table: rest} if rest else {}}


def stack_of(aws: FakeAws) -> Stack:
    names = ("LeaderboardTableName", "BoardTableName", "ConsumerLambdaName", "ConsumerQueueUrl")
    return Stack(fake_target(dynamodb=aws, lambda_=aws, sqs=aws), "fanout", {name: name for name in names})


ENTRIES = [("StarWar", "1", "60"), ("StarWar", "2", "90"), ("WarCraft", "4", "-0.5")]
CLOCK = Clock(now=iter(range(10_000)).__next__, sleep=lambda _: None)


def test_the_counters_count_the_entries_and_stale_ones_are_deleted() -> None:
    old = [("counters/3/132.99/StarWar", "StarWar"), ("counters/0//Gone", "Gone")]
    aws = FakeAws(ENTRIES, {key: {} for key in old})
    read: list[int] = []
    rebuilt = rebuild(stack_of(aws), read.append, CLOCK)
    assert (rebuilt.boards, rebuilt.entries, sum(read)) == (2, 3, 3)
    assert aws.counters["counters/0//StarWar", "StarWar"]["b132"] == {"N": "2"}
    assert ("boards", "WarCraft") in aws.counters
    assert not set(old) & set(aws.counters)


def test_counting_starts_when_the_queue_is_idle_and_the_queue_resumes_afterwards() -> None:
    aws = FakeAws(ENTRIES)
    rebuild(stack_of(aws), lambda _: None, CLOCK)
    assert aws.log == ["pause", "look", "look", "scan LeaderboardTableName", "scan BoardTableName", "resume"]


def test_the_queue_resumes_after_a_failure_too() -> None:
    aws = FakeAws(ENTRIES)

    def fail(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(stack_of(aws), fail, CLOCK)
    assert aws.log[-1] == "resume"


def test_a_queue_that_does_not_pause_is_reported() -> None:
    aws = FakeAws(ENTRIES, stuck=True)
    with pytest.raises(UserError, match="did not become disabled within 300 s"):
        rebuild(stack_of(aws), lambda _: None, CLOCK)

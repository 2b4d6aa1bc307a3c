from dataclasses import dataclass, field
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.ops.recovery.rebuild import rebuild
from scorecast.ops.stack.polling import Clock


@dataclass
class FakeStack:
    """A stack with entries, what is left of old counters, and a queue that takes its time to pause."""

    entries: list[tuple[str, str, str]]
    counters: dict[tuple[str, str], dict] = field(default_factory=dict)
    states: list[str] = field(default_factory=lambda: ["Enabled"])
    log: list[str] = field(default_factory=list)
    stuck: bool = False
    at_work: list[int] = field(default_factory=lambda: [2, 0])

    def client(self, _service: str) -> Any:
        return self

    def output(self, key: str) -> str:
        return key

    def list_event_source_mappings(self, FunctionName: str) -> dict:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"EventSourceMappings": [{"UUID": "mapping", "State": state}]}

    def update_event_source_mapping(self, UUID: str, Enabled: bool) -> None:
        self.log.append("resume" if Enabled else "pause")
        last = self.states[-1]
        self.states = [last] if self.stuck else ["Disabling", "Disabled"] if not Enabled else ["Enabling", "Enabled"]

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict:
        self.log.append("look")
        return {"Attributes": {AttributeNames[0]: str(self.at_work.pop(0))}}

    def scan(self, TableName: str, ExclusiveStartKey: int = 0, **_: Any) -> dict[str, Any]:
        if TableName != "LeaderboardTableName":
            self.log.append(f"scan {TableName}")
            return {"Items": [{"collection": {"S": key[0]}, "name": {"S": key[1]}} for key in self.counters]}
        found = [{"metadata": {"S": board}, "projectScore": {"N": score}} for board, _, score in self.entries]
        if ExclusiveStartKey:
            return {"Items": found[ExclusiveStartKey:]}
        self.log.append(f"scan {TableName}")
        return {"Items": found[:1], "LastEvaluatedKey": 1}

    def batch_write_item(self, RequestItems: dict) -> dict:
        [(table, requests)] = RequestItems.items()
        request, *rest = requests  # the others are throttled, and have to be sent again
        if "PutRequest" in request:
            item = request["PutRequest"]["Item"]
            self.counters[item["collection"]["S"], item["name"]["S"]] = item
        else:
            key = request["DeleteRequest"]["Key"]
            del self.counters[key["collection"]["S"], key["name"]["S"]]
        return {"UnprocessedItems": {table: rest} if rest else {}}


ENTRIES = [("StarWar", "1", "60"), ("StarWar", "2", "90"), ("WarCraft", "4", "-0.5")]
CLOCK = Clock(now=iter(range(10_000)).__next__, sleep=lambda _: None)


def test_the_counters_are_those_of_the_entries_and_nothing_else_is_left() -> None:
    old = {("counters/3/132.99/StarWar", "StarWar"): {}, ("counters/0//Gone", "Gone"): {}}
    stack = FakeStack(ENTRIES, dict(old))
    read: list[int] = []
    rebuilt = rebuild(stack, read.append, CLOCK)  # type: ignore[arg-type]
    assert (rebuilt.boards, rebuilt.entries, sum(read)) == (2, 3, 3)
    assert stack.counters["counters/0//StarWar", "StarWar"]["b132"] == {"N": "2"}
    assert ("boards", "WarCraft") in stack.counters
    assert not set(old) & set(stack.counters)


def test_nothing_is_counted_before_the_queue_rests_and_afterwards_it_goes_on() -> None:
    stack = FakeStack(ENTRIES)
    rebuild(stack, lambda _: None, CLOCK)  # type: ignore[arg-type]
    assert stack.log == ["pause", "look", "look", "scan LeaderboardTableName", "scan BoardTableName", "resume"]


def test_after_a_failure_the_queue_goes_on_too() -> None:
    stack = FakeStack(ENTRIES)

    def fail(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(stack, fail, CLOCK)  # type: ignore[arg-type]
    assert stack.log[-1] == "resume"


def test_a_queue_that_does_not_pause_is_a_sentence() -> None:
    stack = FakeStack(ENTRIES, stuck=True)
    with pytest.raises(UserError, match="did not become disabled within 300 s"):
        rebuild(stack, lambda _: None, CLOCK)  # type: ignore[arg-type]

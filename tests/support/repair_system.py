"""A main table, ConsumerLambda with its tables and queue, and the command line over them, all in memory.

A change is delivered at once, or when its queue's mapping is enabled again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from math import inf
from typing import Any

from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.leaderboard.index.table import IndexTable
from scorecast.leaderboard.item import BY_SCORE, read_item
from scorecast.leaderboard.policy_table import POLICY_AGE_S, PolicyTable
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.settings import AttributeNames, ConsumerSettings
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.store import Leaderboard
from scorecast.standings.upkeep import Upkeep
from tests.support.consumer_system import event
from tests.support.expressions import filtered
from tests.support.fakes import STREAM_ARN, FakeDynamoDb, FakeObjects, FakeSqs
from tests.support.mapping_fakes import FakeMapping
from tests.support.ops_fakes import fake_stack

Item = dict[str, Any]
Key = tuple[str, str]
SETTINGS = ConsumerSettings("leaderboard", "boards", "queue", "consumer", AttributeNames())


@dataclass
class RepairSystem:
    """`before_scan` happens before each page of a scan: other writers go on."""

    table: FakeDynamoDb = field(default_factory=FakeDynamoDb)
    main: dict[Key, Item] = field(default_factory=dict)
    mapping: FakeMapping = field(default_factory=FakeMapping)
    waiting: list[str] = field(default_factory=list)
    parked: FakeSqs = field(default_factory=FakeSqs)
    before_scan: Callable[[], None] = lambda: None
    sequence: int = 0
    delivered: int = 0

    def __post_init__(self) -> None:
        client: Any = self.table
        self.ticks = count()
        self.start_processes()
        index = IndexTable(client, "boards")
        self.upkeep = Upkeep(client, "leaderboard", "index", "ties", index, lambda: next(self.ticks))

    def start_processes(self) -> None:
        """Start two processes of ConsumerLambda, in place of those that know shapes, policies and boards."""
        self.consumers = [self._consumer() for _ in range(2)]

    def _consumer(self) -> BatchProcessor:
        leaderboard = Leaderboard(self.table, "leaderboard", "boards", lambda _: None)
        # Every look at the clock is later than a policy is cached.
        policies = PolicyTable(self.table, "boards", lambda: next(self.ticks) * float(POLICY_AGE_S))
        dead_letters = DeadLetterQueue(self.parked, "queue")
        return BatchProcessor(SETTINGS, leaderboard, dead_letters, ClaimStore(FakeObjects), policies)

    @property
    def stack(self) -> Stack:
        made = fake_stack(dynamodb=self, sqs=self, lambda_=self)
        outputs = {"ConsumerQueueUrl": "https://sqs/123456789012/consumer", "ConsumerLambdaName": "consumer"}
        return replace(made, outputs=dict(made.outputs) | outputs)

    def write(self, new: Item | None, participant: str, board: str) -> None:
        """Write or (None) delete an item of the main table; its change goes to the queue."""
        old = self.main.pop((participant, board), None)
        if new:
            self.main[participant, board] = new
        if new or old:
            self.sequence += 1
            self._send(event(new, old, self.sequence))

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        assert QueueUrl.endswith("/consumer")
        self._send(MessageBody)

    def _send(self, body: str) -> None:
        self.waiting.append(body)
        self.deliver()

    def deliver(self) -> None:
        """Deliver what waits, to one process or the other, if the mapping lets it; what fails waits again."""
        if self.mapping.state != "Enabled":
            return
        bodies, self.waiting = self.waiting, []
        for body in bodies:
            consumer = self.consumers[self.delivered % len(self.consumers)]
            self.delivered += 1
            if consumer.process([Delivery("1", body)]).retry_ids:
                self.waiting.append(body)

    def look_after(self, board: str, ticks: float = inf) -> None:
        """Do the upkeep that is due for the entries of a board, each for some ticks: in the end it is interrupted."""
        for item in list(self.table.items.values()):
            if "projectScore" in item and item["metadata"]["S"] == board:
                self.upkeep.look_at(read_item(item), self.table.policy_of(board), next(self.ticks) + ticks)

    # ------------------------------------------------------------ Lambda and SQS

    def list_event_source_mappings(self, *, FunctionName: str) -> dict[str, Any]:
        return self.mapping.list_event_source_mappings(FunctionName=FunctionName)

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> None:
        self.mapping.begin("Enabled" if Enabled else "Disabled")
        self.deliver()

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        return {"Attributes": dict.fromkeys(AttributeNames, "0")}

    # ------------------------------------------------------------ DynamoDB

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        keys = [{"AttributeName": "id"}, {"AttributeName": "metadata"}]
        types = [key | {"AttributeType": "S"} for key in keys]
        view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        about = {"KeySchema": keys, "AttributeDefinitions": types, "LatestStreamArn": STREAM_ARN}
        return {"Table": about | {"StreamSpecification": view}}

    def scan(self, *, TableName: str, ExclusiveStartKey: Key = ("", ""), **request: Any) -> dict[str, Any]:
        """A page of three items, after a key, whether or not its item is still there."""
        self.before_scan()
        items = [dict(one) for key, one in sorted(self._tables[TableName].items()) if key > ExclusiveStartKey]
        page = items[:3]
        following = {"LastEvaluatedKey": _key_of(page[-1])} if len(items) > 3 else {}
        return {"Items": filtered(page, request)} | following

    def query(self, *, TableName: str, **request: Any) -> dict[str, Any]:
        if TableName == "leaderboard":
            index = "index" if request["IndexName"] == BY_SCORE.index else "ties"
            return self.table.query(TableName=TableName, **request | {"IndexName": index})
        if TableName == "boards":
            return self.table.query(TableName=TableName, **request)
        [asked] = [value["S"] for value in request["ExpressionAttributeValues"].values()]
        return {"Items": [dict(one) for (participant, _), one in self.main.items() if participant == asked]}

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self.table.update_item(**request)

    def batch_get_item(self, *, RequestItems: Item) -> dict[str, Any]:
        [(table, request)] = RequestItems.items()
        found = [self._tables[table].get(_key_of(key)) for key in request["Keys"]]
        return {"Responses": {table: [dict(item) for item in found if item]}}

    def batch_write_item(self, *, RequestItems: Item) -> dict[str, Any]:
        [(table, requests)] = RequestItems.items()
        for request in requests:
            if "PutRequest" in request:
                item = request["PutRequest"]["Item"]
                self._tables[table][_key_of(item)] = dict(item)
            else:
                self._tables[table].pop(_key_of(request["DeleteRequest"]["Key"]), None)
        return {"UnprocessedItems": {}}

    @property
    def _tables(self) -> dict[str, dict[Key, Item]]:
        return {"main": self.main, "leaderboard": self.table.items, "boards": self.table.board_items}


def _key_of(item: Item) -> Key:
    names = ("id", "metadata") if "id" in item else ("collection", "name")
    return item[names[0]]["S"], item[names[1]]["S"]

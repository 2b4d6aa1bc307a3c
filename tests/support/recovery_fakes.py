"""Fakes of the services that dead letters, backfill and restore call, with state that a test can inspect."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scorecast.changes.change import Change, from_record, to_detail
from scorecast.leaderboard.index.shape import FIRST
from scorecast.leaderboard.index.table import ROOT, Shard, shard_item
from tests.support.expressions import filtered
from tests.support.fakes import STREAM_ARN, item, record
from tests.support.ops_fakes import ACCOUNT, FakeTables, refusal

FANOUT = ACCOUNT.format("lambda", "function:fanout-FanoutLambda-1")
CONSUMER_QUEUE = "https://sqs/consumer"
DEAD_LETTERS = "https://sqs/dead-letters"
SENT_MS = 1_767_225_600_000
STORED_BATCH = "aws/lambda/11111111-aaaa/shardId-1/2026/01/01/2026-01-01T06.00.00-22222222-bbbb"
BATCH = {
    "shardId": "shardId-1",
    "startSequenceNumber": "111",
    "endSequenceNumber": "113",
    "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00Z",
    "approximateArrivalOfLastRecord": "2026-01-01T00:00:02Z",
    "batchSize": 3,
    "streamArn": STREAM_ARN,
}


def change(sequence: int = 1, score: str = "60", participant: str = "1", old: dict[str, Any] | None = None) -> Change:
    return from_record(record(item(participant, score=score), old, sequence))


def envelope(stage: str = "fanout", made: Change | None = None, **more: Any) -> str:
    """A letter that FanoutLambda or ConsumerLambda parks."""
    letter = {
        "schema": "scorecast.deadLetter/1",
        "stage": stage,
        "errorCode": "InternalFailure",
        "reason": "as told",
        "attempts": 4,
        "firstAt": "2026-01-01T00:00:00Z",
        "lastAt": "2026-01-01T00:00:09Z",
    }
    if made:
        letter |= {"changeId": made.id, "streamArn": made.stream_arn, "change": to_detail(made)}
    return json.dumps(letter | more)


def event(made: Change) -> str:
    """An event that the bus delivers."""
    detail = to_detail(made)
    head = {"source": "update.aws.dynamodb", "detail-type": made.operation, "time": made.at}
    return json.dumps(head | {"resources": [made.stream_arn], "detail": detail})


def stream_letter(**batch: Any) -> str:
    context = {"functionArn": FANOUT, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 21}
    return json.dumps(
        {"requestContext": context, "version": "1.0", "timestamp": "2026-01-01T06:00:00Z"}
        | {"responseContext": {"statusCode": 200, "functionError": "Unhandled"}, "DDBStreamBatchInfo": BATCH | batch}
    )


def stored_batch_letter(key: str = STORED_BATCH, bucket: str = "backup") -> str:
    """The notification of a batch that the trigger put into the backup bucket."""
    detail = {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": 4321}}
    event = {"version": "0", "id": "e1", "source": "aws.s3", "detail-type": "Object Created"}
    event |= {"time": "2026-01-01T06:00:00Z", "region": "us-east-1", "account": "123456789012"}
    return json.dumps(event | {"resources": [f"arn:aws:s3:::{bucket}"], "detail": detail})


def stored_batch(payload: Any, **batch: Any) -> bytes:
    """The object that the notification is about: Lambda's record, with the whole event as text."""
    return json.dumps(json.loads(stream_letter(**batch)) | {"payload": payload}).encode()


def invocation_letter(payload: Any, function: str = FANOUT) -> str:
    context = {"functionArn": f"{function}:$LATEST", "condition": "RetriesExhausted", "approximateInvokeCount": 3}
    response = {"errorType": "CannotRead", "errorMessage": "takes a batch"}
    return json.dumps({"requestContext": context, "requestPayload": payload, "responsePayload": response})


def delivery_attributes(target: str, rule: str = "fanoutBus/orders", **more: str) -> dict[str, str]:
    given = {"RULE_ARN": ACCOUNT.format("events", f"rule/{rule}"), "TARGET_ARN": target}
    return given | {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "may not", "RETRY_ATTEMPTS": "2"} | more


@dataclass
class Message:
    id: str
    body: str
    attributes: dict[str, str]
    receives: int = 0
    is_hidden: bool = False
    receipt: str = ""


@dataclass
class FakeQueue:
    """SQS: the dead-letter queue with hidden messages, and the messages sent to other queues."""

    messages: list[Message] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    refuse_send: Callable[[str], bool] = lambda _: False
    refuse_delete: bool = False
    after_receive: Callable[["FakeQueue"], None] = lambda _: None
    most_at_once: int = 10
    parked: int = 0
    waits_s: list[int] = field(default_factory=list)

    def park(self, body: str, **attributes: str) -> str:
        self.parked += 1
        name = f"m{self.parked}"
        self.messages.append(Message(name, body, attributes))
        return name

    def receive_message(self, **request: Any) -> dict[str, Any]:
        assert request["QueueUrl"] == DEAD_LETTERS
        assert 0 < request["VisibilityTimeout"] <= 300
        self.waits_s.append(request["WaitTimeSeconds"])
        most = min(request["MaxNumberOfMessages"], self.most_at_once)
        found = [one for one in self.messages if not one.is_hidden][:most]
        for one in found:
            one.is_hidden, one.receives = True, one.receives + 1
            one.receipt = f"{one.id}-{one.receives}"
        answer = {"Messages": [_given(one) for one in found]} if found else {}
        self.after_receive(self)
        return answer

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        if self.refuse_delete:
            return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries]}
        receipts = {entry["ReceiptHandle"] for entry in Entries}
        self.messages = [one for one in self.messages if one.receipt not in receipts]
        return {}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        for one in self.messages:
            if one.receipt in {entry["ReceiptHandle"] for entry in Entries if entry["VisibilityTimeout"] == 0}:
                one.is_hidden = False
        return {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        hidden = sum(one.is_hidden for one in self.messages)
        counts = (len(self.messages) - hidden, hidden)
        return {"Attributes": dict(zip(AttributeNames, map(str, counts), strict=True))}

    def get_queue_url(self, *, QueueName: str, QueueOwnerAWSAccountId: str) -> dict[str, Any]:
        return {"QueueUrl": f"https://sqs/{QueueName}"}

    def send_message(self, *, QueueUrl: str, MessageBody: str, **fifo: str) -> dict[str, Any]:
        if self.refuse_send(MessageBody):
            raise refusal("Throttling")
        self.sent.append((QueueUrl, MessageBody))
        self.groups.append(fifo.get("MessageGroupId"))
        return {}

    @property
    def visible(self) -> list[str]:
        return [one.id for one in self.messages if not one.is_hidden]


def _given(one: Message) -> dict[str, Any]:
    system = {"SentTimestamp": str(SENT_MS), "ApproximateReceiveCount": str(one.receives)}
    given = {name: {"DataType": "String", "StringValue": value} for name, value in one.attributes.items()}
    return {
        "MessageId": one.id,
        "ReceiptHandle": one.receipt,
        "Body": one.body,
        "Attributes": system,
        "MessageAttributes": given,
    }


def message(body: str, attributes: dict[str, str] | None = None, receives: int = 1) -> dict[str, Any]:
    """A message as ReceiveMessage returns it."""
    return _given(Message("m1", body, attributes or {}, receives))


@dataclass
class RecoveryTables(FakeTables):
    """DynamoDB with the reads of verification and backfill; `after_read` receives the name of each operation."""

    after_read: Callable[[str], None] = lambda _: None

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [(table, request)] = RequestItems.items()
        assert 1 <= len(request["Keys"]) <= 100
        keys = [_key_of(key) for key in request["Keys"]]
        assert len(set(keys)) == len(keys), "DynamoDB refuses a call that asks for an item twice"
        found = [dict(self.tables[table][key]) for key in keys if key in self.tables[table]]
        self.after_read(f"get {table}")
        return {"Responses": {table: found}}

    def query(self, *, TableName: str, ExpressionAttributeValues: dict[str, Any], **_: Any) -> dict[str, Any]:
        [asked] = [value["S"] for value in ExpressionAttributeValues.values()]
        items = [item for key, item in self.tables[TableName].items() if key[0] == asked]
        self.after_read(f"query {TableName}")
        return {"Items": items}

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        answer = super().describe_table(TableName=TableName)
        return {"Table": answer["Table"] | {"LatestStreamArn": STREAM_ARN}}

    def scan(self, *, TableName: str, **request: Any) -> dict[str, Any]:
        if "Segment" in request:
            return self._scan_segment(TableName, **request)
        return self._scan_all(TableName, **request)

    def _scan_segment(
        self,
        table: str,
        *,
        Segment: int,
        TotalSegments: int,
        Limit: int,
        ExclusiveStartKey: dict[str, Any] | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        keys = sorted(self.tables[table])[Segment::TotalSegments]
        start = keys.index(_key_of(ExclusiveStartKey)) + 1 if ExclusiveStartKey else 0
        page = [dict(self.tables[table][key]) for key in keys[start : start + Limit]]
        self.after_read(f"scan {table}")
        if start + Limit >= len(keys):
            return {"Items": page}
        return {"Items": page, "LastEvaluatedKey": {name: page[-1][name] for name in ("id", "metadata")}}

    def _scan_all(self, TableName: str, *, ExclusiveStartKey: int = 0, **request: Any) -> dict[str, Any]:
        items = filtered(self.tables[TableName].values(), request)
        following = ExclusiveStartKey + 1
        answer: dict[str, Any] = {"Items": items[ExclusiveStartKey:following]}
        return answer | ({"LastEvaluatedKey": following} if following < len(items) else {})

    def put(self, table: str, *items: dict[str, Any]) -> None:
        for one in items:
            self.tables[table][_key_of(one)] = one

    def drop(self, table: str, one: dict[str, Any]) -> None:
        del self.tables[table][_key_of(one)]

    def count(self) -> None:
        """Write the counters of the present entries, all into one shard, and list their boards."""
        entries = [one["metadata"]["S"] for one in self.tables["leaderboard"].values() if "projectScore" in one]
        for board, counted in Counter(entries).items():
            self.put("boards", {"collection": {"S": "boards"}, "name": {"S": board}})
            self.put("boards", shard_item(board, ROOT, 0, Shard({FIRST: counted}, 0, counted, "2026-01-01T00:00:00Z")))


def _key_of(one: dict[str, Any]) -> tuple[str, str]:
    names = ("id", "metadata") if "id" in one else ("collection", "name")
    return one[names[0]]["S"], one[names[1]]["S"]

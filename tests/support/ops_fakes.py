"""Fakes of the services that the command line calls, with state that tests inspect; none opens a socket."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

from scorecast.leaderboard.policy import BoardPolicy, listed_key, policy_item
from scorecast.ops.stack.stack import Stack, Target
from tests.support.fakes import FakeObjects

ACCOUNT = "arn:aws:{}:us-east-1:123456789012:{}"
BUS = ACCOUNT.format("events", "event-bus/fanoutBus")
DLQ = ACCOUNT.format("sqs", "fanout-FanoutDlq-1")
QUEUE = ACCOUNT.format("sqs", "orders")
TOPIC = ACCOUNT.format("sns", "news")
FUNCTION = ACCOUNT.format("lambda", "function:notify")
ROLE = "arn:aws:iam::123456789012:role/deliver"

OUTPUTS = {
    "BusArn": BUS,
    "FanoutDlqArn": DLQ,
    "ConsumerTargetRoleArn": ROLE,
    "MainTableName": "main",
    "LeaderboardTableName": "leaderboard",
    "BoardTableName": "boards",
    "BackupBucketName": "backup",
    "LeaderGetApi": "https://abc123.execute-api.us-east-1.amazonaws.com/Prod/leaderBoard/",
}


def refusal(code: str, message: str = "as told", operation: str = "Operation") -> ClientError:
    """Make the error that botocore raises for an error answer."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def fake_target(endpoint: str | None = None, **clients: Any) -> Target:
    """Make a target with these clients."""
    made = {name.rstrip("_"): client for name, client in clients.items()}
    return Target(_session(), endpoint, made | {f"{name} json": client for name, client in made.items()})


@cache
def _session() -> boto3.Session:
    """The session of all targets: botocore takes 10 ms to make one, and no test changes it."""
    return boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")


def fake_stack(**clients: Any) -> Stack:
    """Make a stack with these clients; a trailing underscore is for `lambda_`."""
    return Stack(fake_target(**clients), "fanout", OUTPUTS)


@dataclass
class FakeClock:
    """Time that passes only by sleeping."""

    time_s: float = 0.0

    def now(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds


@dataclass
class Pages:
    """A paginator with one item per page."""

    key: str
    items: list[Any]

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        return iter([{self.key: [item]} for item in self.items] or [{self.key: []}])


@dataclass
class FakeRules:
    """EventBridge's rules and targets; `refuse` maps a call's name to what it raises."""

    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    targets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refuse: dict[str, ClientError] = field(default_factory=dict)
    failed_entries: list[dict[str, Any]] = field(default_factory=list)
    tested: list[tuple[str, str]] = field(default_factory=list)

    def get_paginator(self, name: str) -> Any:
        if name == "list_rules":
            return Pages("Rules", [self.rules[rule] for rule in sorted(self.rules)])
        return _TargetPages(self)

    def describe_rule(self, *, Name: str, EventBusName: str) -> dict[str, Any]:
        if Name not in self.rules:
            raise refusal("ResourceNotFoundException")
        return self.rules[Name]

    def put_rule(self, **rule: Any) -> dict[str, Any]:
        self._check("put_rule")
        self.rules[rule["Name"]] = rule
        return {}

    def delete_rule(self, *, Name: str, EventBusName: str) -> dict[str, Any]:
        self._check("delete_rule")
        assert not self.targets.get(Name), "AWS deletes no rule that has targets"
        del self.rules[Name]
        return {}

    def put_targets(self, *, Rule: str, EventBusName: str, Targets: list[dict[str, Any]]) -> dict[str, Any]:
        self._check("put_targets")
        if self.failed_entries:
            return {"FailedEntryCount": 1, "FailedEntries": self.failed_entries}
        ids = {target["Id"] for target in Targets}
        kept = [target for target in self.targets.get(Rule, []) if target["Id"] not in ids]
        self.targets[Rule] = [*kept, *Targets]
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def remove_targets(self, *, Rule: str, EventBusName: str, Ids: list[str]) -> dict[str, Any]:
        self.targets[Rule] = [target for target in self.targets[Rule] if target["Id"] not in Ids]
        return {}

    def test_event_pattern(self, *, EventPattern: str, Event: str) -> dict[str, Any]:
        self._check("test_event_pattern")
        self.tested.append((EventPattern, Event))
        wanted = json.loads(EventPattern).get("detail-type")
        return {"Result": wanted is None or json.loads(Event)["detail-type"] in wanted}

    def _check(self, call: str) -> None:
        if call in self.refuse:
            raise self.refuse[call]


@dataclass
class _TargetPages:
    rules: FakeRules

    def paginate(self, *, Rule: str, EventBusName: str) -> Iterator[dict[str, Any]]:
        return Pages("Targets", self.rules.targets.get(Rule, [])).paginate()


@dataclass
class FakeQueues:
    """SQS: the policies of queues, by name."""

    policies: dict[str, str] = field(default_factory=lambda: {"orders": "", "failures": ""})
    refuse_write: ClientError | None = None
    deduplicates: bool = True

    def get_queue_url(self, *, QueueName: str, QueueOwnerAWSAccountId: str) -> dict[str, str]:
        if QueueName not in self.policies:
            raise refusal("AWS.SimpleQueueService.NonExistentQueue")
        return {"QueueUrl": f"https://sqs/{QueueOwnerAWSAccountId}/{QueueName}"}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        if AttributeNames == ["ContentBasedDeduplication"]:
            return {"Attributes": {"ContentBasedDeduplication": json.dumps(self.deduplicates)}}
        policy = self.policies[QueueUrl.rpartition("/")[2]]
        return {"Attributes": {"Policy": policy}} if policy else {}

    def set_queue_attributes(self, *, QueueUrl: str, Attributes: dict[str, str]) -> None:
        if self.refuse_write:
            raise self.refuse_write
        self.policies[QueueUrl.rpartition("/")[2]] = Attributes["Policy"]

    def statements(self, name: str) -> list[dict[str, Any]]:
        policy = self.policies[name]
        return json.loads(policy)["Statement"] if policy else []


@dataclass
class FakeTopics:
    """SNS: the policy of one topic."""

    policy: str = ""

    def get_topic_attributes(self, *, TopicArn: str) -> dict[str, Any]:
        if TopicArn != TOPIC:
            raise refusal("NotFound")
        return {"Attributes": {"Policy": self.policy}}

    def set_topic_attributes(self, *, TopicArn: str, AttributeName: str, AttributeValue: str) -> None:
        assert AttributeName == "Policy"
        self.policy = AttributeValue


@dataclass
class FakeFunctions:
    """Lambda: the permissions of one function, by statement id."""

    permissions: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse_removal: ClientError | None = None

    def add_permission(self, **permission: Any) -> None:
        if permission["FunctionName"] != FUNCTION:
            raise refusal("ResourceNotFoundException")
        if permission["StatementId"] in self.permissions:
            raise refusal("ResourceConflictException")
        self.permissions[permission["StatementId"]] = permission

    def remove_permission(self, *, FunctionName: str, StatementId: str) -> None:
        if self.refuse_removal:
            raise self.refuse_removal
        if StatementId not in self.permissions:
            raise refusal("ResourceNotFoundException")
        del self.permissions[StatementId]


@dataclass
class FakeS3(FakeObjects):
    """A bucket that can be listed, with two entries per page."""

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, Delimiter: str = "", StartAfter: str = "", ContinuationToken: str = "0"
    ) -> dict[str, Any]:
        found: list[tuple[str, Any]] = []
        if not Delimiter:
            listed = sorted(key for key in self.objects if key.startswith(Prefix) and key > StartAfter)
            found = [("Contents", {"Key": key}) for key in listed]
        for at, key in enumerate(self.objects if Delimiter else ()):
            rest = key.removeprefix(Prefix)
            if not key.startswith(Prefix):
                continue
            folder = Prefix + rest.partition("/")[0] + "/"
            if "/" in rest and ("CommonPrefixes", {"Prefix": folder}) not in found:
                found.append(("CommonPrefixes", {"Prefix": folder}))
            elif "/" not in rest:
                found.append(("Contents", {"Key": key, "LastModified": datetime.fromtimestamp(at, UTC)}))
        start = int(ContinuationToken)
        page: dict[str, Any] = {"IsTruncated": start + 2 < len(found), "NextContinuationToken": str(start + 2)}
        for kind, entry in found[start : start + 2]:
            page.setdefault(kind, []).append(entry)
        return page


@dataclass
class FakeTables:
    """DynamoDB: items by table and key; scans return one item per page."""

    tables: dict[str, dict[tuple[str, str], dict[str, Any]]] = field(
        default_factory=lambda: {"main": {}, "leaderboard": {}, "boards": {}}
    )
    keys: tuple[str, str] = ("id", "metadata")
    batches: list[list[dict[str, Any]]] = field(default_factory=list)

    def query(self, *, TableName: str, ExpressionAttributeValues: dict[str, Any], **request: Any) -> dict[str, Any]:
        [wanted] = ExpressionAttributeValues.values()
        listed = sorted(self.tables[TableName].items(), reverse=not request["ScanIndexForward"])
        return {"Items": [item for (collection, _), item in listed if collection == wanted["S"]]}

    def get_item(self, *, TableName: str, Key: dict[str, Any]) -> dict[str, Any]:
        item = self.tables[TableName].get((Key["collection"]["S"], Key["name"]["S"]))
        return {"Item": item} if item else {}

    def put_item(self, *, TableName: str, Item: dict[str, Any]) -> dict[str, Any]:
        self.tables[TableName][Item["collection"]["S"], Item["name"]["S"]] = Item
        return {}

    def declare(self, board: str, policy: BoardPolicy) -> None:
        """Declare a board's policy."""
        for one in (policy_item(board, policy), listed_key(board)):
            self.put_item(TableName="boards", Item=one)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [(table, request)] = RequestItems.items()
        found = [self.get_item(TableName=table, Key=key).get("Item") for key in request["Keys"]]
        return {"Responses": {table: [item for item in found if item]}}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        for action in TransactItems:
            if "Put" in action:
                self.put_item(**action["Put"])
            else:
                key = action["Delete"]["Key"]
                self.tables[action["Delete"]["TableName"]].pop((key["collection"]["S"], key["name"]["S"]), None)
        return {}

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        types = [{"AttributeName": key, "AttributeType": "S"} for key in self.keys]
        return {"Table": {"KeySchema": [{"AttributeName": key} for key in self.keys], "AttributeDefinitions": types}}

    def update_item(self, **request: Any) -> dict[str, Any]:
        item = self.tables[request["TableName"]].setdefault(_key(request["Key"]), dict(request["Key"]))
        for part in request["UpdateExpression"].removeprefix("SET ").split(", "):
            name, value = part.split(" = ")
            item[request["ExpressionAttributeNames"][name]] = request["ExpressionAttributeValues"][value]
        return {"Attributes": dict(item)}

    def delete_item(self, *, TableName: str, Key: dict[str, Any], ReturnValues: str) -> dict[str, Any]:
        item = self.tables[TableName].pop(_key(Key), None)
        return {"Attributes": item} if item else {}

    def scan(self, *, TableName: str, ExclusiveStartKey: int = 0, **_: Any) -> dict[str, Any]:
        items = list(self.tables[TableName].values())
        page: dict[str, Any] = {"Items": items[ExclusiveStartKey : ExclusiveStartKey + 1]}
        return page | ({"LastEvaluatedKey": ExclusiveStartKey + 1} if ExclusiveStartKey + 1 < len(items) else {})

    def batch_write_item(self, *, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        [(table, requests)] = RequestItems.items()
        assert 1 <= len(requests) <= 25
        self.batches.append(requests)
        keys = [self._write(table, request) for request in requests]
        assert len(set(keys)) == len(keys), "DynamoDB refuses a batch that holds an item twice"
        return {"UnprocessedItems": {}}

    def _write(self, table: str, request: dict[str, Any]) -> tuple[str, str]:
        if "PutRequest" in request:
            item = request["PutRequest"]["Item"]
            self.tables[table][_key(item)] = item
            return _key(item)
        key = _key(request["DeleteRequest"]["Key"])
        self.tables[table].pop(key, None)
        return key


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["id"]["S"], item["metadata"]["S"]


def entry(participant: str, board: str, score: str, name: str | None = None) -> dict[str, Any]:
    """Make an item of the main table or an entry of the leaderboard: they differ only in what these tests ignore."""
    item = {"id": {"S": participant}, "metadata": {"S": board}, "projectScore": {"N": score}}
    return item if name is None else item | {"userName": {"S": name}}

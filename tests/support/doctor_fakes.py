"""A healthy stack as AWS describes it; a test breaks one answer. No client opens a socket."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from scorecast.ops.doctor.system import System, system_of
from scorecast.ops.stack.stack import Stack
from tests.support.ops_fakes import BUS, DLQ, fake_target

PREFIX = "arn:aws:{}:us-east-1:123456789012:{}"
QUEUE = PREFIX.format("sqs", "fanout-ConsumerQueue-1")
STREAM = PREFIX.format("dynamodb", "table/main-table-7f3a/stream/2026-01-01T00:00:00.000")
BACKUP_RULE = PREFIX.format("events", "rule/fanoutBus/fanout-BackupRule-1")
GIVEN_UP_RULE = PREFIX.format("events", "rule/fanout-GivenUpRule-1")
LEADERBOARD_RULE = PREFIX.format("events", "rule/fanoutBus/fanout-LeaderboardRule-1")
ANY_RULE = PREFIX.format("events", "rule/fanoutBus/*")
PATTERN = '{"source": ["update.aws.dynamodb"]}'
TOPIC = PREFIX.format("sns", "scorecast-alarms")

OUTPUTS = {
    "BackupBucketName": "fanout-backupbucket-1",
    "BackupStreamName": "fanout-BackupStream-1",
    "BoardTableName": "fanout-BoardTable-1",
    "BusArn": BUS,
    "BusName": "fanoutBus",
    "ConsumerLambdaName": "fanout-ConsumerLambda-1",
    "ConsumerQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/fanout-ConsumerQueue-1",
    "ConsumerTargetRoleArn": "arn:aws:iam::123456789012:role/fanout-ConsumerTargetRole-1",
    "FanoutDlqArn": DLQ,
    "FanoutDlqUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/fanout-FanoutDlq-1",
    "FanoutLambdaName": "fanout-FanoutLambda-1",
    "LeaderboardTableName": "fanout-LeaderboardTable-1",
    "LeaderGet": PREFIX.format("lambda", "function:fanout-LeaderGet-1"),
    "LeaderGetApi": "https://abc123.execute-api.us-east-1.amazonaws.com/Prod/leaderBoard/",
    "MainTableName": "main-table-7f3a",
}
ROLES = ("FanoutRole", "BackupRuleRole", "BackupStreamRole", "ConsumerRole", "LeaderGetRole")
RULES = {"BackupRule": "fanoutBus|fanout-BackupRule-1", "LeaderboardRule": "fanoutBus|fanout-LeaderboardRule-1"}
RULES |= {"GivenUpRule": "fanout-GivenUpRule-1"}


class Canned:
    """A client whose calls have given answers; an answer may be an error, or a function of the request."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        return lambda **request: self._answer(name, request)

    def get_paginator(self, name: str) -> Any:
        return _Paginator(self, name)

    def _answer(self, name: str, request: dict[str, Any]) -> Any:
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else copy.deepcopy(answer)


class _Paginator:
    def __init__(self, client: Canned, name: str) -> None:
        self.client, self.name = client, name

    def paginate(self, **request: Any) -> Iterator[Any]:
        yield self.client._answer(self.name, request)


class FakeAws:
    """All clients; the attributes are what tests break."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            "LatestStreamArn": STREAM,
        }
        self.stream_trigger: dict[str, Any] = {
            "UUID": "11111111-aaaa",
            "EventSourceArn": STREAM,
            "State": "Enabled",
            "BatchSize": 1000,
            "BisectBatchOnFunctionError": True,
            "MaximumRecordAgeInSeconds": 21600,
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::fanout-backupbucket-1"}},
        }
        self.queue_trigger: dict[str, Any] = {
            "UUID": "22222222-bbbb",
            "EventSourceArn": QUEUE,
            "State": "Enabled",
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 10},
        }
        retry = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
        common = {"DeadLetterConfig": {"Arn": DLQ}, "RetryPolicy": retry}
        stream = PREFIX.format("firehose", "deliverystream/fanout-BackupStream-1")
        role = "arn:aws:iam::123456789012:role/fanout-BackupRuleRole-1"
        self.rules: dict[str, dict[str, Any]] = {
            "fanout-BackupRule-1": {"State": "ENABLED", "EventPattern": PATTERN},
            "fanout-LeaderboardRule-1": {"State": "ENABLED", "EventPattern": PATTERN},
        }
        self.targets: dict[str, list[dict[str, Any]]] = {
            "fanout-BackupRule-1": [{"Id": "backup", "Arn": stream, "RoleArn": role} | common],
            "fanout-LeaderboardRule-1": [{"Id": "leaderboard", "Arn": QUEUE} | common],
            "fanout-GivenUpRule-1": [{"Id": "dead-letters", "Arn": DLQ}],
        }
        self.given_up_state = "ENABLED"
        self.queue: dict[str, str] = {
            "QueueArn": QUEUE,
            "MessageRetentionPeriod": "345600",
            "VisibilityTimeout": "180",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": DLQ, "maxReceiveCount": 100}),
            "Policy": policy_of(QUEUE, {"ArnEquals": {"aws:SourceArn": LEADERBOARD_RULE}}),
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
        }
        self.dead_letters: dict[str, str] = {
            "QueueArn": DLQ,
            "MessageRetentionPeriod": "1209600",
            "Policy": policy_of(DLQ, {"ArnLike": {"aws:SourceArn": [ANY_RULE, GIVEN_UP_RULE]}}),
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
        }
        self.alarms = [{"AlarmName": "fanout-DeadLettersAlarm-1", "AlarmActions": [TOPIC], "StateValue": "OK"}]
        self.subscriptions = [{"SubscriptionArn": f"{TOPIC}:1"}]
        self.denied: set[str] = set()
        self.metrics: dict[str, float] = {}
        self.clients: dict[str, Any] = {name: Canned(answers) for name, answers in self._answers().items()}

    def system(self) -> System:
        """The stack with these clients."""
        return system_of(Stack(fake_target(**self.clients), "fanout", OUTPUTS))

    def answer(self, service: str, call: str, answer: Any) -> None:
        """Change the answer of a call."""
        self.clients[service].answers[call] = answer

    def _answers(self) -> dict[str, dict[str, Any]]:
        return {
            "cloudformation": {"list_stack_resources": lambda _: {"StackResourceSummaries": self._resources()}},
            "dynamodb": {"describe_table": lambda _: {"Table": self.table}, "query": {"Items": []}},
            "lambda": {
                "list_event_source_mappings": self._mappings,
                "get_function_configuration": self._function,
                "get_function_concurrency": {},
                "get_function_event_invoke_config": {"DestinationConfig": {"OnFailure": {"Destination": DLQ}}},
                "get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}},
            },
            "events": {
                "list_rules": lambda _: {"Rules": [{"Name": name} | rule for name, rule in self.rules.items()]},
                "describe_rule": lambda _: {"State": self.given_up_state},
                "list_targets_by_rule": lambda request: {"Targets": self.targets.get(request["Rule"], [])},
            },
            "sqs": {"get_queue_attributes": self._queue},
            "sns": {"list_subscriptions_by_topic": lambda _: {"Subscriptions": self.subscriptions}},
            "firehose": {
                "describe_delivery_stream": {
                    "DeliveryStreamDescription": {
                        "DeliveryStreamStatus": "ACTIVE",
                        "Destinations": [
                            {"ExtendedS3DestinationDescription": {"BucketARN": "arn:aws:s3:::fanout-backupbucket-1"}}
                        ],
                    }
                }
            },
            "s3": {
                "get_bucket_versioning": {"Status": "Enabled"},
                "get_bucket_notification_configuration": {"EventBridgeConfiguration": {}},
                "get_public_access_block": {
                    "PublicAccessBlockConfiguration": {
                        "BlockPublicAcls": True,
                        "BlockPublicPolicy": True,
                        "IgnorePublicAcls": True,
                        "RestrictPublicBuckets": True,
                    }
                },
            },
            "iam": {
                "get_role": lambda request: {"Role": {"Arn": f"arn:aws:iam::123456789012:role/{request['RoleName']}"}},
                "simulate_principal_policy": self._simulate,
            },
            "service-quotas": {
                "list_service_quotas": {
                    "Quotas": [{"QuotaName": "PutEvents throttle limit in transactions per second", "Value": 600.0}]
                }
            },
            "cloudwatch": {
                "describe_alarms": lambda _: {"MetricAlarms": self.alarms},
                "get_metric_statistics": self._metric,
            },
        }

    def _resources(self) -> list[dict[str, str]]:
        ids = {role: f"fanout-{role}-1" for role in ROLES} | RULES
        found = [{"LogicalResourceId": key, "PhysicalResourceId": ids[key], "ResourceType": "other"} for key in ids]
        alarm = {"LogicalResourceId": "DeadLettersAlarm", "PhysicalResourceId": "fanout-DeadLettersAlarm-1"}
        return [*found, alarm | {"ResourceType": "AWS::CloudWatch::Alarm"}]

    def _mappings(self, request: dict[str, Any]) -> dict[str, Any]:
        trigger = self.stream_trigger if "Fanout" in request["FunctionName"] else self.queue_trigger
        return {"EventSourceMappings": [trigger] if trigger else []}

    def _function(self, request: dict[str, Any]) -> dict[str, Any]:
        roles = {"Fanout": "FanoutRole", "Consumer": "ConsumerRole", "LeaderGet": "LeaderGetRole"}
        role = next(role for name, role in roles.items() if name in request["FunctionName"])
        return {"State": "Active", "Timeout": 30, "Role": f"arn:aws:iam::123456789012:role/fanout-{role}-1"}

    def _queue(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Attributes": self.queue if "ConsumerQueue" in request["QueueUrl"] else self.dead_letters}

    def _simulate(self, request: dict[str, Any]) -> dict[str, Any]:
        decisions = {name: "implicitDeny" if name in self.denied else "allowed" for name in request["ActionNames"]}
        results = [{"EvalActionName": name, "EvalDecision": decision} for name, decision in decisions.items()]
        return {"EvaluationResults": results}

    def _metric(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["MetricName"]
        return {"Datapoints": [{"Timestamp": 1, "Maximum": self.metrics[name]}] if name in self.metrics else []}


def policy_of(queue: str, condition: dict[str, Any]) -> str:
    """The policy that the template gives a queue."""
    sender = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    tls = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": queue}
    tls["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}  # type: ignore[assignment]
    return json.dumps({"Statement": [sender | {"Resource": queue, "Condition": condition}, tls]})

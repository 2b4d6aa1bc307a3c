"""The dashboard is valid JSON, and shows metrics that the template's resources send."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.template import RESOURCES, TEMPLATE, translated

ROOT = Path(__file__).parents[3]
# An account's first three dashboards are free, with up to 50 metrics each.
# https://aws.amazon.com/cloudwatch/pricing/
FREE_METRICS = 50

BY_FUNCTION = {"FunctionName": "AWS::Lambda::Function"}
BY_TRIGGER = {"EventSourceMappingUUID": "AWS::Lambda::EventSourceMapping"}
BY_RULE = {"EventBusName": "EventBusName", "RuleName": "AWS::Events::Rule"}
BY_STREAM = {"DeliveryStreamName": "AWS::KinesisFirehose::DeliveryStream"}
BY_QUEUE = {"QueueName": "AWS::SQS::Queue"}
BY_TABLE = {"TableName": "AWS::DynamoDB::Table"}
BY_INDEX = BY_TABLE | {"GlobalSecondaryIndexName": "index"}
BY_STAGE = {"ApiName": "stack", "Stage": "stage"}
BY_STACK = {"Stack": "stack", "Function": "AWS::Lambda::Function"}

# What each service sends, by the dimensions that name its source. The pages are those of docs/runbook.md and:
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
# https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
DOCUMENTED: list[tuple[str, dict[str, str], set[str]]] = [
    ("AWS/Lambda", BY_FUNCTION, {"IteratorAge", "Duration", "Errors", "Throttles"}),
    ("AWS/Lambda", BY_TRIGGER, {
        "PolledEventCount", "InvokedEventCount", "DroppedEventCount", "OnFailureDestinationDeliveredEventCount"}),
    ("AWS/Events", {}, {"PutEventsEntriesCount", "PutEventsFailedEntriesCount"}),
    ("AWS/Events", BY_RULE, {"Invocations", "FailedInvocations", "ThrottledRules"}),
    ("AWS/Firehose", BY_STREAM, {"DeliveryToS3.DataFreshness"}),
    ("AWS/SQS", BY_QUEUE, {
        "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible",
        "ApproximateAgeOfOldestMessage"}),
    ("AWS/DynamoDB", BY_TABLE, {
        "ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits", "WriteThrottleEvents", "TransactionConflict"}),
    ("AWS/DynamoDB", BY_INDEX, {"ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits", "WriteThrottleEvents"}),
    ("AWS/ApiGateway", BY_STAGE, {"Count", "4XXError", "5XXError", "Latency"}),
    ("Scorecast", BY_STACK, {"BoardLagMs", "Announced"}),
]  # fmt: skip

TEXT, VARIABLES = RESOURCES["FlowDashboard"]["Properties"]["DashboardBody"]["Sub"]
NAMED = re.compile(r"\$\{([\w:.]+)\}")


def widgets() -> list[dict[str, Any]]:
    """The widgets as CloudWatch receives them, with each reference replaced by its name."""
    body: dict[str, Any] = json.loads(NAMED.sub(r"<\1>", TEXT))
    found: list[dict[str, Any]] = body["widgets"]
    return found


def metrics() -> list[tuple[str, str, dict[str, str]]]:
    """The namespace, the name and the dimensions of each metric."""
    found = []
    for widget in widgets():
        for namespace, name, *rest in widget["properties"]["metrics"]:
            texts = [text for text in rest if isinstance(text, str)]
            found.append((namespace, name, dict(zip(texts[::2], texts[1::2], strict=True))))
    return found


def kind_of(value: str) -> str:
    """The type of the resource that a dimension's value names, or what else it is."""
    name = value.strip("<>").partition(".")[0]
    if name in VARIABLES:
        return str(RESOURCES[name.removesuffix("Name")]["Type"])
    if name in translated():
        return str(translated()[name]["Type"])
    known = {"AWS::StackName": "stack", "EventBusName": "EventBusName", "Prod": "stage"}
    return known.get(name, "index" if name in INDEXES else "unknown")


INDEXES = {index["IndexName"] for index in RESOURCES["LeaderboardTable"]["Properties"]["GlobalSecondaryIndexes"]}


@pytest.mark.parametrize(("namespace", "name", "dimensions"), metrics())
def test_each_metric_is_sent_by_a_resource_of_the_template(
    namespace: str, name: str, dimensions: dict[str, str]
) -> None:
    kinds = {dimension: kind_of(value) for dimension, value in dimensions.items()}
    assert any((namespace, kinds) == (sent[0], sent[1]) and name in sent[2] for sent in DOCUMENTED)


def test_every_reference_is_to_something_in_the_template() -> None:
    for name in NAMED.findall(TEXT):
        logical = name.partition(".")[0]
        assert (
            logical in translated() or name in VARIABLES or name in TEMPLATE["Parameters"] or name.startswith("AWS::")
        )


def test_the_dashboard_is_free_for_an_account_with_few() -> None:
    assert len(metrics()) <= FREE_METRICS
    assert TEMPLATE["Parameters"]["Dashboard"]["Default"] == "true"


def test_the_widgets_follow_the_flow_without_overlap() -> None:
    titles = [widget["properties"]["title"] for widget in widgets()]
    order = [
        "Stream",
        "FanoutLambda",
        "PutEvents",
        "Rules",
        "Backup",
        "Queue",
        "ConsumerLambda",
        "From change",
        "Tables",
    ]
    order += ["API", "Dead letters"]
    stages = [next(at for at, stage in enumerate(order) if title.startswith(stage)) for title in titles]
    assert stages == sorted(stages)
    assert {*stages} == {*range(len(order))}
    assert len({(widget["x"], widget["y"]) for widget in widgets()}) == len(titles)


def test_the_functions_metric_is_one_that_the_guide_describes() -> None:
    guide = (ROOT / "docs" / "deploy-to-aws.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in guide for namespace, name, _ in metrics() if namespace == "Scorecast")

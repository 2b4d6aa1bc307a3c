"""Each function's role allows what the function needs and no more; the twin enforces IAM as AWS does."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.twin.probe import REFUSED, Probe

KEY = {"id": {"S": "probe"}, "metadata": {"S": "probe"}}
BOARD_KEY = {"collection": {"S": "probe"}, "name": {"S": "probe"}}


@pytest.fixture(scope="module")
def probe(stack) -> Iterator[Callable[[str], Probe]]:
    """Make (once) the probe of a function's role, named as in the template."""
    functions, made = stack.client("lambda"), {}

    def of(function: str) -> Probe:
        if function not in made:
            name = stack.outputs.get(f"{function}Name") or stack.outputs[function]
            role = functions.get_function_configuration(FunctionName=name)["Role"]
            made[function] = Probe(functions, role, f"probe-{function}")
        return made[function]

    yield of
    for one in made.values():
        one.close()


def entry(bus: str) -> list[dict]:
    return [{"Source": "probe", "DetailType": "probe", "Detail": "{}", "EventBusName": bus}]


# function, service, operation, parameters made of the stack's outputs
ALLOWED = [
    ("FanoutLambda", "events", "put_events", lambda o: {"Entries": entry(o["BusName"])}),
    ("FanoutLambda", "sqs", "send_message", lambda o: {"QueueUrl": o["FanoutDlqUrl"], "MessageBody": "probe"}),
    ("FanoutLambda", "s3", "put_object", lambda o: {"Bucket": o["BackupBucketName"], "Key": "images/probe"}),
    ("ConsumerLambda", "s3", "get_object", lambda o: {"Bucket": o["BackupBucketName"], "Key": "images/probe"}),
    ("ConsumerLambda", "dynamodb", "batch_get_item", lambda o: {
        "RequestItems": {o["LeaderboardTableName"]: {"Keys": [KEY]}}}),
    ("ConsumerLambda", "dynamodb", "batch_get_item", lambda o: {
        "RequestItems": {o["BoardTableName"]: {"Keys": [BOARD_KEY]}}}),
    ("ConsumerLambda", "dynamodb", "transact_write_items", lambda o: {"TransactItems": [
        {"Put": {"TableName": o["LeaderboardTableName"], "Item": KEY}},
        {"Update": {"TableName": o["BoardTableName"], "Key": BOARD_KEY, "UpdateExpression": "ADD slot0 :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}}}}]}),
    ("ConsumerLambda", "dynamodb", "put_item", lambda o: {"TableName": o["BoardTableName"], "Item": BOARD_KEY}),
    ("ConsumerLambda", "dynamodb", "query", lambda o: {
        "TableName": o["LeaderboardTableName"], "IndexName": o["LeaderboardIndexName"],
        "KeyConditionExpression": "hackathonName = :b", "ExpressionAttributeValues": {":b": {"S": "probe"}}}),
    ("ConsumerLambda", "events", "put_events", lambda o: {"Entries": entry(o["BusName"])}),
    ("ConsumerLambda", "sqs", "send_message_batch", lambda o: {
        "QueueUrl": o["FanoutDlqUrl"], "Entries": [{"Id": "probe", "MessageBody": "probe"}]}),
    ("LeaderGet", "dynamodb", "get_item", lambda o: {"TableName": o["LeaderboardTableName"], "Key": KEY}),
    ("LeaderGet", "dynamodb", "batch_get_item", lambda o: {
        "RequestItems": {o["BoardTableName"]: {"Keys": [BOARD_KEY]}}}),
    ("LeaderGet", "dynamodb", "query", lambda o: {
        "TableName": o["LeaderboardTableName"], "IndexName": "tieBoard-tieOrder",
        "KeyConditionExpression": "tieBoard = :b", "ExpressionAttributeValues": {":b": {"S": "probe"}}}),
    ("LeaderGet", "dynamodb", "query", lambda o: {
        "TableName": o["LeaderboardTableName"], "IndexName": o["LeaderboardIndexName"],
        "KeyConditionExpression": "hackathonName = :b", "ExpressionAttributeValues": {":b": {"S": "probe"}}}),
]  # fmt: skip

REFUSED_CALLS = [
    ("FanoutLambda", "events", "put_events", lambda o: {"Entries": entry("default")}),
    ("FanoutLambda", "events", "put_rule", lambda o: {
        "Name": "probe", "EventBusName": o["BusName"], "EventPattern": "{}"}),
    ("FanoutLambda", "sqs", "receive_message", lambda o: {"QueueUrl": o["FanoutDlqUrl"]}),
    ("FanoutLambda", "sqs", "send_message", lambda o: {"QueueUrl": o["ConsumerQueueUrl"], "MessageBody": "probe"}),
    ("FanoutLambda", "dynamodb", "scan", lambda o: {"TableName": o["MainTableName"]}),
    ("FanoutLambda", "dynamodb", "put_item", lambda o: {"TableName": o["MainTableName"], "Item": KEY}),
    ("FanoutLambda", "s3", "list_objects_v2", lambda o: {"Bucket": o["BackupBucketName"]}),
    ("FanoutLambda", "s3", "put_object", lambda o: {"Bucket": o["BackupBucketName"], "Key": "changes/probe"}),
    ("FanoutLambda", "s3", "get_object", lambda o: {"Bucket": o["BackupBucketName"], "Key": "images/probe"}),
    ("FanoutLambda", "s3", "delete_object", lambda o: {"Bucket": o["BackupBucketName"], "Key": "images/probe"}),
    ("ConsumerLambda", "s3", "get_object", lambda o: {"Bucket": o["BackupBucketName"], "Key": "changes/probe"}),
    ("ConsumerLambda", "s3", "put_object", lambda o: {"Bucket": o["BackupBucketName"], "Key": "images/probe"}),
    ("LeaderGet", "s3", "get_object", lambda o: {"Bucket": o["BackupBucketName"], "Key": "images/probe"}),
    ("ConsumerLambda", "dynamodb", "transact_write_items", lambda o: {"TransactItems": [
        {"Delete": {"TableName": o["LeaderboardTableName"], "Key": KEY}}]}),
    ("ConsumerLambda", "dynamodb", "update_item", lambda o: {
        "TableName": o["LeaderboardTableName"], "Key": KEY, "UpdateExpression": "REMOVE projectScore"}),
    ("ConsumerLambda", "dynamodb", "batch_get_item", lambda o: {
        "RequestItems": {o["MainTableName"]: {"Keys": [KEY]}}}),
    ("ConsumerLambda", "dynamodb", "scan", lambda o: {"TableName": o["LeaderboardTableName"]}),
    ("ConsumerLambda", "dynamodb", "put_item", lambda o: {"TableName": o["MainTableName"], "Item": KEY}),
    ("ConsumerLambda", "dynamodb", "delete_item", lambda o: {"TableName": o["BoardTableName"], "Key": BOARD_KEY}),
    ("ConsumerLambda", "dynamodb", "query", lambda o: {
        "TableName": o["LeaderboardTableName"],
        "KeyConditionExpression": "id = :i", "ExpressionAttributeValues": {":i": {"S": "probe"}}}),
    ("ConsumerLambda", "events", "put_events", lambda o: {"Entries": entry("default")}),
    ("ConsumerLambda", "sqs", "send_message", lambda o: {"QueueUrl": o["ConsumerQueueUrl"], "MessageBody": "probe"}),
    ("LeaderGet", "dynamodb", "put_item", lambda o: {"TableName": o["LeaderboardTableName"], "Item": KEY}),
    ("LeaderGet", "dynamodb", "get_item", lambda o: {"TableName": o["MainTableName"], "Key": KEY}),
    ("LeaderGet", "dynamodb", "scan", lambda o: {"TableName": o["LeaderboardTableName"]}),
    ("LeaderGet", "sqs", "receive_message", lambda o: {"QueueUrl": o["FanoutDlqUrl"]}),
    ("LeaderGet", "s3", "list_objects_v2", lambda o: {"Bucket": o["BackupBucketName"]}),
]  # fmt: skip


def _name(case: tuple) -> str:
    return "-".join(case[:3])


@pytest.mark.parametrize("case", ALLOWED, ids=_name)
def test_a_role_allows_what_its_function_needs(stack, probe, case: tuple) -> None:
    function, service, operation, parameters = case
    answer = probe(function).try_call(service, operation, **parameters(stack.outputs))
    assert answer not in REFUSED


@pytest.mark.parametrize("case", REFUSED_CALLS, ids=_name)
def test_a_role_refuses_what_its_function_does_not_need(stack, probe, case: tuple) -> None:
    function, service, operation, parameters = case
    assert probe(function).try_call(service, operation, **parameters(stack.outputs)) in REFUSED


def test_nobody_without_credentials_reads_the_backup(stack) -> None:
    status = stack.client("s3").get_public_access_block(Bucket=stack.outputs["BackupBucketName"])
    assert all(status["PublicAccessBlockConfiguration"].values())
    policy = json.loads(stack.client("s3").get_bucket_policy(Bucket=stack.outputs["BackupBucketName"])["Policy"])
    assert [statement["Effect"] for statement in policy["Statement"]] == ["Deny"]

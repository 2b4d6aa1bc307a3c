"""Each patch of MiniStack makes a running engine behave as AWS does."""

import gzip
import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.ops.stack.local_engine import REGION
from tests.support.deployed import Stack
from tests.support.own_function import create_function
from tests.support.waiting import eventually

ACCOUNT = "000000000000"
# The policy of a queue that takes the events of every rule.
SENDER = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
TAKES_EVENTS = {"Version": "2012-10-17", "Statement": [SENDER | {"Resource": "*"}]}


@pytest.fixture
def name() -> str:
    """A name for what the test creates."""
    return f"patch-{uuid.uuid4()}"


@pytest.fixture
def bucket(stack: Stack, name: str) -> str:
    stack.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def rule(stack: Stack, name: str) -> Iterator[str]:
    """A rule for events whose source is the name; the test gives it a target."""
    events = stack.client("events")
    events.put_rule(Name=name, EventBusName=stack.outputs["BusName"], EventPattern=json.dumps({"source": [name]}))
    yield name
    events.remove_targets(Rule=name, EventBusName=stack.outputs["BusName"], Ids=["target"])
    events.delete_rule(Name=name, EventBusName=stack.outputs["BusName"])


def make_stream(stack: Stack, name: str, **destination: Any) -> str:
    """Make a Firehose stream into the bucket of the same name; return its ARN."""
    configuration = {"RoleARN": f"arn:aws:iam::{ACCOUNT}:role/any", "BucketARN": f"arn:aws:s3:::{name}", **destination}
    made = stack.client("firehose").create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=configuration
    )
    return str(made["DeliveryStreamARN"])


def delimiter(value: str) -> dict[str, Any]:
    parameters = [{"ParameterName": "Delimiter", "ParameterValue": value}]
    return {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord", "Parameters": parameters}]}


def target(stack: Stack, rule: str, **more: Any) -> None:
    answer = stack.client("events").put_targets(
        Rule=rule, EventBusName=stack.outputs["BusName"], Targets=[{"Id": "target", **more}]
    )
    assert answer["FailedEntryCount"] == 0


def publish(stack: Stack, source: str, detail: str = "{}", **more: Any) -> None:
    entry = {"EventBusName": stack.outputs["BusName"], "Source": source, "DetailType": "TEST", "Detail": detail, **more}
    assert stack.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def objects(stack: Stack, bucket: str) -> dict[str, bytes]:
    s3 = stack.client("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def some_objects(stack: Stack, bucket: str) -> dict[str, bytes]:
    found = objects(stack, bucket)
    assert found
    return found


# ---------------------------------------------------------------- DynamoDB


def test_conditions_that_differ_in_their_values_only_are_judged_each_by_its_own(stack: Stack, name: str) -> None:
    dynamodb, table = stack.client("dynamodb"), stack.outputs["MainTableName"]
    for score in (1, 2, 3):
        key = {"id": {"S": name}, "metadata": {"S": f"board{score}"}}
        dynamodb.put_item(TableName=table, Item=key | {"number": {"N": str(score)}})

    def found(least: int) -> list[str]:
        answer = dynamodb.query(
            TableName=table,
            KeyConditionExpression="id = :id",
            FilterExpression="#number >= :least",
            ExpressionAttributeNames={"#number": "number"},
            ExpressionAttributeValues={":id": {"S": name}, ":least": {"N": str(least)}},
        )
        return [item["number"]["N"] for item in answer["Items"]]

    assert [found(1), found(2), found(3)] == [["1", "2", "3"], ["2", "3"], ["3"]]


def test_attributes_called_like_types_are_attributes(stack: Stack, name: str) -> None:
    dynamodb, table = stack.client("dynamodb"), stack.outputs["MainTableName"]
    key = {"id": {"S": name}, "metadata": {"S": "types"}}
    dynamodb.put_item(TableName=table, Item=key | {"inner": {"M": {"M": {"N": "1"}}}})
    names, values = {"#m": "M", "#l": "L", "#n": "n", "#i": "inner"}, {":1": {"N": "1"}}
    for _ in range(2):
        dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET #i.#l = :1 ADD #m :1, #l :1, #n :1, #i.#m :1",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
    counted = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    two: Any = {"N": "2"}
    assert counted == key | {"M": two, "L": two, "n": two, "inner": {"M": {"M": {"N": "3"}, "L": {"N": "1"}}}}
    removal = {"ExpressionAttributeNames": {"#m": "M", "#i": "inner"}, "UpdateExpression": "REMOVE #m, #i.#m"}
    dynamodb.update_item(TableName=table, Key=key, **removal)
    left = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    assert left == key | {"L": two, "n": two, "inner": {"M": {"L": {"N": "1"}}}}


# ---------------------------------------------------------------- EventBridge and Firehose


def test_many_records_make_one_compressed_object_a_document_a_line(stack: Stack, bucket: str) -> None:
    make_stream(stack, bucket, CompressionFormat="GZIP", ProcessingConfiguration=delimiter("\\n"))
    records = [{"Data": json.dumps({"number": number}).encode()} for number in range(500)]
    stack.client("firehose").put_record_batch(DeliveryStreamName=bucket, Records=records)

    def all_lines() -> list[bytes]:
        lines = b"".join(gzip.decompress(body) for body in objects(stack, bucket).values()).splitlines()
        assert len(lines) == 500
        return lines

    assert [json.loads(line)["number"] for line in eventually(all_lines)] == list(range(500))
    assert len(objects(stack, bucket)) <= 2
    assert all(key.endswith(".gz") for key in objects(stack, bucket))


def test_an_uncompressed_stream_without_delimiter_writes_records_as_they_are(stack: Stack, bucket: str) -> None:
    make_stream(stack, bucket, FileExtension=".txt")
    for data in (b"one", b"two"):
        stack.client("firehose").put_record(DeliveryStreamName=bucket, Record={"Data": data})

    def both() -> dict[str, bytes]:
        found = objects(stack, bucket)
        assert b"".join(found.values()) in (b"onetwo", b"twoone")
        return found

    assert all(key.endswith(".txt") for key in eventually(both))


def test_the_time_of_an_event_is_the_entrys_own(stack: Stack, rule: str) -> None:
    sqs = stack.client("sqs")
    queue = sqs.create_queue(QueueName=rule, Attributes={"Policy": json.dumps(TAKES_EVENTS)})["QueueUrl"]
    target(stack, rule, Arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{rule}")
    publish(stack, rule, Time=datetime(2020, 4, 15, 8, 26, 16, tzinfo=UTC))
    publish(stack, rule)
    received: list[str] = []

    def both() -> None:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        received.extend(json.loads(message["Body"])["time"] for message in messages)
        assert len(received) == 2

    eventually(both)
    assert "2020-04-15T08:26:16Z" in received
    assert max(received) > "2026"


def test_each_entry_has_its_own_answer(stack: Stack) -> None:
    bus = stack.outputs["BusName"]
    good = {"EventBusName": bus, "Source": "test", "DetailType": "TEST", "Detail": "{}"}
    answer = stack.client("events").put_events(Entries=[good, {**good, "Source": "aws.forbidden"}, good])
    assert answer["FailedEntryCount"] == 1
    assert ["ErrorCode" in entry for entry in answer["Entries"]] == [False, True, False]


# ---------------------------------------------------------------- API, IAM, Lambda, CloudFormation


def test_policies_that_deny_what_is_not_tls_let_the_twin_pass(stack: Stack) -> None:
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["FanoutDlqUrl"], AttributeNames=["Policy"]
    )["Attributes"]
    assert "aws:SecureTransport" in attributes["Policy"]


def make_function(stack: Stack, name: str, code: str) -> str:
    """Make a function of one file; return its ARN."""
    return create_function(stack.client("lambda"), name, stack.outputs["LeaderGetIamRole"], code)


def invoke(stack: Stack, name: str) -> Any:
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def test_a_function_sees_only_what_is_bundled_with_it(stack: Stack, name: str) -> None:
    code = """
import importlib.util
def handle(event, context):
    return [name for name in ("json", "boto3", "rich", "scorecast", "ministack") if importlib.util.find_spec(name)]
"""
    make_function(stack, name, code)
    assert invoke(stack, name) == ["json"]


def test_the_users_environment_does_not_reach_functions(stack: Stack, name: str) -> None:
    make_function(stack, name, "import os\ndef handle(event, context):\n    return sorted(os.environ)\n")
    seen = invoke(stack, name)
    assert not [key for key in seen if key.startswith(("PYTEST", "PIP_", "VIRTUAL_ENV"))]
    assert "AWS_PROFILE" not in seen


def test_a_path_reaches_the_function_as_it_was_sent(stack: Stack, name: str) -> None:
    board = f"{name} a/b %2F ä"
    item = {"id": {"S": "1/2"}, "metadata": {"S": board}, "projectScore": {"N": "1"}}
    stack.client("dynamodb").put_item(TableName=stack.outputs["MainTableName"], Item=item)

    def shows() -> None:
        status, body = stack.get(f"leaderBoard/{stack.quoted(board)}/participants/{stack.quoted('1/2')}")
        assert (status, body.get("hackathonName"), body.get("id")) == (200, board, "1/2")

    eventually(shows)


def test_a_stack_that_is_made_again_makes_new_tables(stack: Stack, name: str) -> None:
    table = {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    }
    body = json.dumps({"Resources": {"Table": table}, "Outputs": {"Name": {"Value": {"Ref": "Table"}}}})
    cloudformation = stack.client("cloudformation")
    names = set()
    for _ in range(2):
        cloudformation.create_stack(StackName=name, TemplateBody=body)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        names.add(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"])
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert len(names) == 2
    for retained in names:
        stack.client("dynamodb").delete_table(TableName=retained)


def test_sams_transform_runs_in_a_nested_stack(stack: Stack, bucket: str, name: str) -> None:
    nested = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"Table": {"Type": "AWS::Serverless::SimpleTable"}},
        "Outputs": {"Name": {"Value": {"Ref": "Table"}}},
    }
    stack.client("s3").put_object(Bucket=bucket, Key="nested.json", Body=json.dumps(nested))
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": f"{stack.endpoint}/{bucket}/nested.json"},
    }
    table = {"Name": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Name"]}}}
    cloudformation = stack.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": {"Child": child}, "Outputs": table}),
        Capabilities=["CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    [output] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    assert stack.client("dynamodb").describe_table(TableName=output["OutputValue"])
    cloudformation.delete_stack(StackName=name)


def test_a_table_is_made_with_all_its_settings(stack: Stack) -> None:
    dynamodb = stack.client("dynamodb")
    for table in (stack.outputs["LeaderboardTableName"], stack.outputs["BoardTableName"]):
        expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}
        backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_batch_from_a_queue_is_as_large_as_its_mapping_says(stack: Stack, name: str) -> None:
    make_function(stack, name, "def handle(event, context):\n    print('took', len(event['Records']))\n")
    sqs = stack.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    for _ in range(10):
        sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(10)])
    source = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    mapping = stack.client("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=source, BatchSize=100, MaximumBatchingWindowInSeconds=1
    )

    def took_more_than_ten() -> None:
        logs = stack.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="took")
        assert max((int(line["message"].split("took ")[1]) for line in logs["events"]), default=0) > 10

    eventually(took_more_than_ten, also=ClientError)  # the log does not exist before the function has run
    stack.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


def test_events_for_a_function_wait_until_a_core_is_free(stack: Stack, rule: str) -> None:
    code = "import os, time\ndef handle(event, context):\n    time.sleep(0.05)\n    print('pid', os.getpid())\n"
    target(stack, rule, Arn=make_function(stack, rule, code))
    invoker = {"StatementId": "rule", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    stack.client("lambda").add_permission(FunctionName=rule, **invoker)
    for _ in range(20):
        publish(stack, rule)
    pids: list[str] = []

    def all_were_taken() -> None:
        logs = stack.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{rule}", filterPattern="pid")
        pids[:] = [line["message"].split("pid ")[1] for line in logs["events"]]
        assert len(pids) == 20

    eventually(all_were_taken, also=ClientError)
    assert len(set(pids)) <= max(2, os.cpu_count() or 1)

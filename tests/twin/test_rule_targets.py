"""Rules deliver where policies and roles allow it; what is not delivered becomes a dead letter."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.twin.instance import Twin
from tests.support.own_function import OwnFunction, arn_of_queue, took
from tests.support.waiting import eventually

Json = dict[str, Any]
ACCOUNT = "000000000000"
RULES = "events.amazonaws.com"


@pytest.fixture
def rule_arn(engine: Twin, name: str) -> Iterator[str]:
    """A rule for events whose source is the name, without a target."""
    events = engine.client("events")
    yield events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    events.remove_targets(Rule=name, Ids=["target"])
    events.delete_rule(Name=name)


@pytest.fixture
def dead_letters(engine: Twin, name: str, rule_arn: str) -> Iterator[str]:
    """The ARN of a queue that takes the rule's dead letters."""
    yield make_queue(engine, f"{name}-dlq", rule_arn)
    engine.client("sqs").delete_queue(QueueUrl=f"{name}-dlq")


@pytest.fixture
def bucket(engine: Twin, name: str) -> str:
    engine.client("s3").create_bucket(Bucket=name)
    return name


def document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]})


def takes_from(rule_arn: str) -> str:
    """The policy of a queue that one rule may send to."""
    condition = {"ArnEquals": {"aws:SourceArn": rule_arn}}
    return document(Principal={"Service": RULES}, Action="sqs:SendMessage", Resource="*", Condition=condition)


def make_queue(engine: Twin, name: str, rule_arn: str) -> str:
    engine.client("sqs").create_queue(QueueName=name, Attributes={"Policy": takes_from(rule_arn)})
    return arn_of_queue(name)


def make_stream(engine: Twin, name: str) -> str:
    """Make a Firehose stream into the bucket of the same name; return its ARN."""
    where = {"RoleARN": f"arn:aws:iam::{ACCOUNT}:role/any", "BucketARN": f"arn:aws:s3:::{name}"}
    made = engine.client("firehose").create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=where
    )
    return str(made["DeliveryStreamARN"])


def make_role(engine: Twin, name: str, resource: str) -> str:
    """Make a role that rules may assume to put records into the stream."""
    iam = engine.client("iam")
    trust = document(Principal={"Service": RULES}, Action="sts:AssumeRole")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    allowed = document(Action=["firehose:PutRecord", "firehose:PutRecordBatch"], Resource=resource)
    iam.put_role_policy(RoleName=name, PolicyName="put", PolicyDocument=allowed)
    return str(arn)


def target(engine: Twin, rule: str, dead_letters: str = "", **more: Any) -> None:
    given = {"Id": "target"} | more | ({"DeadLetterConfig": {"Arn": dead_letters}} if dead_letters else {})
    assert engine.client("events").put_targets(Rule=rule, Targets=[given])["FailedEntryCount"] == 0


def publish(engine: Twin, source: str, detail: str = "{}") -> None:
    entry = {"Source": source, "DetailType": "TEST", "Detail": detail}
    assert engine.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def messages(engine: Twin, queue: str) -> list[Json]:
    """The messages of a queue, which leave it: bodies, with attributes as texts."""
    answer = engine.client("sqs").receive_message(
        QueueUrl=queue.rpartition(":")[2], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return [
        {name: one["StringValue"] for name, one in message.get("MessageAttributes", {}).items()}
        | {"event": json.loads(message["Body"])}
        for message in answer.get("Messages", [])
    ]


def the_letter(engine: Twin, queue: str) -> Json:
    """The only dead letter; it is there as soon as PutEvents answers."""
    [letter] = messages(engine, queue)
    return letter


def written(engine: Twin, bucket: str) -> bytes:
    """The only object of a bucket, as soon as it is there."""

    def body() -> bytes:
        s3 = engine.client("s3")
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        assert len(found) == 1
        content: bytes = s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read()
        return content

    return eventually(body)


# ---------------------------------------------------------------- queues


def test_a_queue_whose_policy_names_another_rule_gets_nothing(
    engine: Twin, name: str, rule_arn: str, dead_letters: str
) -> None:
    queue = make_queue(engine, name, rule_arn)
    target(engine, name, dead_letters, Arn=queue)
    publish(engine, name, '{"number": 1}')
    assert [one["event"]["detail"] for one in messages(engine, queue)] == [{"number": 1}]
    engine.client("sqs").set_queue_attributes(QueueUrl=name, Attributes={"Policy": takes_from(rule_arn + "-other")})
    publish(engine, name, '{"number": 2}')
    letter = the_letter(engine, dead_letters)
    assert letter.pop("event")["detail"] == {"number": 2}
    assert letter == {
        "RULE_ARN": rule_arn,
        "TARGET_ARN": queue,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": f"The policy of {queue} does not allow it to {rule_arn}.",
        "RETRY_ATTEMPTS": "0",
    }
    assert messages(engine, queue) == []


def test_a_queue_that_is_deleted_is_named_in_the_dead_letter(
    engine: Twin, name: str, rule_arn: str, dead_letters: str
) -> None:
    target(engine, name, dead_letters, Arn=make_queue(engine, name, rule_arn))
    engine.client("sqs").delete_queue(QueueUrl=name)
    publish(engine, name)
    assert the_letter(engine, dead_letters)["ERROR_CODE"] == "NO_RESOURCE"


# ---------------------------------------------------------------- functions


def test_a_function_is_invoked_only_with_permission(engine: Twin, name: str, rule_arn: str, dead_letters: str) -> None:
    function = OwnFunction(engine, name, "def handle(event, context):\n    print('took', event['source'])\n")
    target(engine, name, dead_letters, Arn=function.arn)
    publish(engine, name)
    assert the_letter(engine, dead_letters)["ERROR_CODE"] == "NO_PERMISSIONS"
    given = {"StatementId": "rule", "Action": "lambda:InvokeFunction", "Principal": RULES, "SourceArn": rule_arn}
    engine.client("lambda").add_permission(FunctionName=name, **given)
    publish(engine, name)
    eventually(lambda: took(function, [name]), also=ClientError)  # the log does not exist before the function has run
    assert messages(engine, dead_letters) == []


# ---------------------------------------------------------------- Firehose


def test_a_rule_delivers_to_firehose_by_a_role(engine: Twin, bucket: str, rule_arn: str, dead_letters: str) -> None:
    stream = make_stream(engine, bucket)
    target(engine, bucket, dead_letters, Arn=stream, RoleArn=make_role(engine, bucket, stream + "-other"))
    publish(engine, bucket, '{"score": 1}')
    assert the_letter(engine, dead_letters)["ERROR_CODE"] == "NO_PERMISSIONS"
    allowed = document(Action="firehose:*", Resource=stream)
    engine.client("iam").put_role_policy(RoleName=bucket, PolicyName="put", PolicyDocument=allowed)
    publish(engine, bucket, '{"score": 9223372036854775807}')
    event = json.loads(written(engine, bucket))
    assert (event["source"], event["detail"]["score"]) == (bucket, 9223372036854775807)


def test_an_event_of_more_than_1000_kib_is_too_large_for_firehose(
    engine: Twin, bucket: str, rule_arn: str, dead_letters: str
) -> None:
    stream = make_stream(engine, bucket)
    target(engine, bucket, dead_letters, Arn=stream, RoleArn=make_role(engine, bucket, stream))
    publish(engine, bucket, json.dumps({"large": "x" * 1_024_000}))
    letter = the_letter(engine, dead_letters)
    assert letter["ERROR_CODE"] == "INVALID_PARAMETER"
    assert len(letter["event"]["detail"]["large"]) == 1_024_000

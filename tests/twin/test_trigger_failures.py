"""What a trigger of the twin does when its function fails, seen from outside; the rest is in the unit tests."""

import json
from typing import Any

import pytest

from scorecast.twin.instance import Twin
from tests.support.own_function import OwnFunction, arn_of_queue, create_stream, took
from tests.support.waiting import eventually

# It fails with an item called "bad", names a message called "bad", and fails if nothing triggered it.
_CODE = """
def handle(event, context):
    records = event["Records"]
    names = [one["dynamodb"]["Keys"]["p"]["S"] if "dynamodb" in one else one["body"] for one in records]
    print("took", *names)
    if "body" in records[0]:
        return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in records if one["body"] == "bad"]}
    if "bad" in names:
        raise ValueError("bad")
"""


@pytest.fixture
def function(engine: Twin, name: str) -> OwnFunction:
    return OwnFunction(engine, name, _CODE)


@pytest.fixture
def letters(engine: Twin, name: str) -> str:
    """The address of a queue for what is given up; its name begins with the test's."""
    return str(engine.client("sqs").create_queue(QueueName=f"{name}-letters")["QueueUrl"])


def the_letter(engine: Twin, letters: str) -> Any:
    def received() -> str:
        messages = engine.client("sqs").receive_message(QueueUrl=letters).get("Messages", [])
        assert messages
        return str(messages[0]["Body"])

    return eventually(received)


def test_a_record_that_fails_is_isolated_and_given_up_and_its_neighbours_pass(
    engine: Twin, function: OwnFunction, name: str, letters: str
) -> None:
    stream = create_stream(engine, name)
    for item in ("a", "b", "bad", "c"):
        engine.client("dynamodb").put_item(TableName=name, Item={"p": {"S": item}})
    with function.triggered_by(
        stream,
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": arn_of_queue(f"{name}-letters")}},
    ):
        letter = json.loads(the_letter(engine, letters))
        assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert letter["requestContext"]["approximateInvokeCount"] == 2
        assert letter["DDBStreamBatchInfo"]["batchSize"] == 1

        eventually(lambda: took(function, ["a b bad c", "a b", "bad c", "bad", "bad", "c"]))


def test_a_message_that_an_answer_names_comes_again_after_its_visibility_timeout_and_is_parked(
    engine: Twin, function: OwnFunction, name: str, letters: str
) -> None:
    assert function.invoke(b'{"Records": [{"body": "first", "messageId": "0"}]}') == {"batchItemFailures": []}
    redrive = {"deadLetterTargetArn": arn_of_queue(f"{name}-letters"), "maxReceiveCount": 2}
    attributes = {"VisibilityTimeout": "2", "RedrivePolicy": json.dumps(redrive)}
    sqs = engine.client("sqs")
    queue = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": one, "MessageBody": one} for one in ("good", "bad")])
    with function.triggered_by(arn_of_queue(name), FunctionResponseTypes=["ReportBatchItemFailures"]):
        assert the_letter(engine, letters) == "bad"
        eventually(lambda: took(function, ["first", "good bad", "bad"]))

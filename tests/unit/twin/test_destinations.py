"""What a function gives up is sent only where the function's role may send it."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import firehose, iam, sqs

from scorecast.twin import destinations

RECORD = {"version": "1.0"}
BUCKET = "arn:aws:s3:::given-up"


@pytest.fixture
def name() -> Iterator[str]:
    """The name of a role, and of a queue that takes nothing without TLS."""
    name = str(uuid.uuid4())
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam._roles[name] = {"RoleName": name, "AssumeRolePolicyDocument": json.dumps({"Statement": [trust]})}
    only_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Statement": [only_tls]})
    made = sqs._act_create_queue({"QueueName": name, "Attributes": {"Policy": policy}}, "")
    yield name
    iam._roles.pop(name, None)
    sqs._queues.pop(made["QueueUrl"], None)


def allow(name: str, action: str, resource: str, **condition: Any) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **condition}
    iam._roles[name]["InlinePolicies"] = {"p": json.dumps({"Statement": [statement]})}


def send(name: str, destination: str) -> None:
    function = {
        "FunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "Role": f"arn:aws:iam::000000000000:role/{name}",
    }
    destinations.send(destination, RECORD, "aws/lambda/m", function)


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def received(name: str) -> list[Any]:
    return [json.loads(one["body"]) for one in sqs._get_q(name)["messages"]]


def test_a_queue_gets_what_the_role_may_send(name: str) -> None:
    allow(name, "sqs:SendMessage", queue_arn(name))
    send(name, queue_arn(name))
    assert received(name) == [RECORD]


@pytest.mark.parametrize(("action", "resource"), [("sqs:SendMessage", "other"), ("sqs:ReceiveMessage", "")])
def test_a_queue_gets_nothing_that_the_role_may_not_send(
    name: str, action: str, resource: str, caplog: pytest.LogCaptureFixture
) -> None:
    allow(name, action, queue_arn(resource or name))
    send(name, queue_arn(name))
    assert received(name) == []
    assert "does not allow sqs:SendMessage" in caplog.text


def test_a_bucket_gets_an_object_below_the_folder_that_the_role_may_write_to(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[tuple[str, str]] = []
    monkeypatch.setattr(firehose, "_put_s3_object", lambda bucket, key, _body: put.append((bucket, key)))
    own = {"StringEquals": {"s3:ResourceAccount": "000000000000"}}
    allow(name, "s3:PutObject", f"{BUCKET}/images/*", Condition=own)
    send(name, BUCKET)
    assert put == []
    allow(name, "s3:PutObject", f"{BUCKET}/aws/lambda/*", Condition=own)
    send(name, BUCKET)
    [(bucket, key)] = put
    assert (bucket, key.startswith("aws/lambda/m/20")) == ("given-up", True)


def test_an_unknown_destination_is_logged(name: str, caplog: pytest.LogCaptureFixture) -> None:
    send(name, "arn:aws:events:us-east-1:000000000000:event-bus/b")
    assert "does not know such destinations" in caplog.text

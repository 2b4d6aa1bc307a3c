"""An event reaches each kind of target as its rule sends it."""

import json
from typing import Any

import pytest

from scorecast.ops.consumers.fifo import fifo_parameters
from scorecast.ops.consumers.targets import NotAccepted, sender_of
from tests.support.ops_fakes import ACCOUNT, FUNCTION, QUEUE, TOPIC

BODY = json.dumps({"id": "of-event", "source": "s", "detail-type": "t", "detail": {"id": "c4", "keys": {"id": "6"}}})
STREAM, KINESIS = ACCOUNT.format("firehose", "deliverystream/archive"), ACCOUNT.format("kinesis", "stream/changes")
WORKFLOW, BUS = ACCOUNT.format("states", "stateMachine:review"), ACCOUNT.format("events", "event-bus/other")
BY_ITEM = {"KinesisParameters": {"PartitionKeyPath": "$.detail.keys.id"}}


class Calls:
    """Clients that note their calls."""

    def __init__(self, **answers: Any) -> None:
        self.made: list[tuple[str, str, dict[str, Any]]] = []
        self.answers = {"get_queue_url": {"QueueUrl": "url"}, "put_events": {"Entries": [{}]}} | answers

    def client(self, service: str) -> Any:
        return type(
            "Client", (), {"__getattr__": lambda _, call: lambda **request: self._call(service, call, request)}
        )()

    def _call(self, service: str, call: str, request: dict[str, Any]) -> Any:
        self.made.append((service, call, request))
        return self.answers.get(call)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Arn": QUEUE}, ("sqs", "send_message", {"QueueUrl": "url", "MessageBody": BODY})),
        (
            {"Arn": FUNCTION},
            ("lambda", "invoke", {"FunctionName": FUNCTION, "InvocationType": "Event", "Payload": BODY.encode()}),
        ),
        ({"Arn": TOPIC}, ("sns", "publish", {"TopicArn": TOPIC, "Message": BODY})),
        (
            {"Arn": STREAM},
            ("firehose", "put_record", {"DeliveryStreamName": "archive", "Record": {"Data": BODY.encode()}}),
        ),
        (
            {"Arn": KINESIS} | BY_ITEM,
            ("kinesis", "put_record", {"StreamARN": KINESIS, "Data": BODY.encode(), "PartitionKey": "6"}),
        ),
        (
            {"Arn": KINESIS},
            ("kinesis", "put_record", {"StreamARN": KINESIS, "Data": BODY.encode(), "PartitionKey": "of-event"}),
        ),
        ({"Arn": WORKFLOW}, ("stepfunctions", "start_execution", {"stateMachineArn": WORKFLOW, "input": BODY})),
    ],
)
def test_a_target_gets_the_event(target: dict[str, Any], expected: tuple[str, str, dict[str, Any]]) -> None:
    calls = Calls()
    sender_of(calls.client, target)(BODY)
    assert calls.made[-1] == expected


def test_a_fifo_queue_gets_the_event_in_its_group() -> None:
    calls = Calls()
    sender_of(calls.client, {"Arn": QUEUE} | fifo_parameters("$.detail.keys.id"))(BODY)
    sent = calls.made[-1][2]
    assert (sent["MessageGroupId"], json.loads(sent["MessageBody"])["id"]) == ("6", "c4")


def test_a_fifo_queue_of_another_rule_gets_the_event_as_it_is_in_the_rules_group() -> None:
    calls = Calls()
    sender_of(calls.client, {"Arn": QUEUE, "SqsParameters": {"MessageGroupId": "orders"}})(BODY)
    assert calls.made[-1][2] == {"QueueUrl": "url", "MessageBody": BODY, "MessageGroupId": "orders"}


def test_the_refusal_of_another_bus_is_told() -> None:
    calls = Calls(put_events={"Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "later"}]})
    with pytest.raises(NotAccepted, match="refused it \\(InternalFailure\\): later"):
        sender_of(calls.client, {"Arn": BUS})(BODY)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ({"Arn": ACCOUNT.format("redshift", "cluster:x")}, "cannot deliver to"),
        ({"Arn": QUEUE, "InputPath": "$.detail"}, "transforms the events"),
    ],
)
def test_a_target_that_cannot_be_served_is_refused(target: dict[str, Any], why: str) -> None:
    with pytest.raises(NotAccepted, match=why):
        sender_of(Calls().client, target)

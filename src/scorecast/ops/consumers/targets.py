"""Targets of rules: send an event to a target as its rule would, with your own credentials.

Refuses a target of an unknown service, and one whose rule transforms events in any other way than `fifo` does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from scorecast.errors import ScorecastError, UserError
from scorecast.ops.consumers.fifo import at_path, group_of, is_named_by_change, named_by_change
from scorecast.ops.stack.arn import Arn, read_arn

Json = dict[str, Any]
Send = Callable[[str], None]
"""Sends an event, as JSON text."""


class NotAccepted(ScorecastError):
    """The destination did not accept the event."""


def sender_of(client: Callable[[str], Any], target: Mapping[str, Any]) -> Send:
    """Return a sender for a target, given as PutTargets received it; `client` makes the client of a service."""
    arn = target["Arn"]
    service = read_arn(arn).service
    if service not in _SENDERS:
        raise NotAccepted(f"This command cannot deliver to {arn}.")
    if target.keys() & {"Input", "InputPath", "InputTransformer"} and not is_named_by_change(target):
        raise NotAccepted(f"The rule transforms the events for {arn}; send it with your own program.")
    name, make = _SENDERS[service]
    return make(client(name), target)


def queue_url(sqs: Any, queue: Arn) -> str:
    """Look up the URL of a queue."""
    return str(sqs.get_queue_url(QueueName=queue.name, QueueOwnerAWSAccountId=queue.account)["QueueUrl"])


def _to_queue(sqs: Any, target: Mapping[str, Any]) -> Send:
    url = queue_url(sqs, read_arn(target["Arn"]))
    group = target.get("SqsParameters", {}).get("MessageGroupId")
    is_named = is_named_by_change(target)

    def send(body: str) -> None:
        message = named_by_change(_document(body)) if is_named else body
        order = {"MessageGroupId": group_of(group, _document(body))} if group else {}
        sqs.send_message(QueueUrl=url, MessageBody=message, **order)

    return send


def _to_function(functions: Any, target: Mapping[str, Any]) -> Send:
    return lambda body: functions.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=body.encode())


def _to_topic(sns: Any, target: Mapping[str, Any]) -> Send:
    return lambda body: sns.publish(TopicArn=target["Arn"], Message=body)


def _to_firehose(firehose: Any, target: Mapping[str, Any]) -> Send:
    stream = read_arn(target["Arn"]).name
    return lambda body: firehose.put_record(DeliveryStreamName=stream, Record={"Data": body.encode()})


def _to_kinesis(kinesis: Any, target: Mapping[str, Any]) -> Send:
    path = target.get("KinesisParameters", {}).get("PartitionKeyPath", "$.id")

    def send(body: str) -> None:
        key = str(at_path(path, _document(body)) or "event")
        kinesis.put_record(StreamARN=target["Arn"], Data=body.encode(), PartitionKey=key)

    return send


def _to_workflow(states: Any, target: Mapping[str, Any]) -> Send:
    return lambda body: states.start_execution(stateMachineArn=target["Arn"], input=body)


def _to_bus(events: Any, target: Mapping[str, Any]) -> Send:
    bus = target["Arn"]

    def send(body: str) -> None:
        event = _document(body)
        entry = {
            "EventBusName": bus,
            "Source": event.get("source"),
            "DetailType": event.get("detail-type"),
            "Detail": json.dumps(event.get("detail")),
            "Resources": event.get("resources", []),
            "Time": event.get("time"),
        }
        result = events.put_events(Entries=[entry])["Entries"][0]
        if result.get("ErrorCode"):
            raise NotAccepted(f"The bus {bus} refused it ({result['ErrorCode']}): {result.get('ErrorMessage', '')}")

    return send


def _document(body: str) -> Json:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UserError("The event is not a JSON object.")
    return document


# By the service in a target's ARN: the name of its client, and the function that makes a sender from client and target.
_SENDERS: Mapping[str, tuple[str, Callable[[Any, Mapping[str, Any]], Send]]] = {
    "sqs": ("sqs", _to_queue),
    "lambda": ("lambda", _to_function),
    "firehose": ("firehose", _to_firehose),
    "sns": ("sns", _to_topic),
    "kinesis": ("kinesis", _to_kinesis),
    "states": ("stepfunctions", _to_workflow),
    "events": ("events", _to_bus),
}

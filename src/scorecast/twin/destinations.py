"""Where Lambda sends the record of an invocation that it gives up: a queue, a topic, a bucket or a function.

The function's role must allow it. Other destinations get nothing.
"""

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import new_uuid
from ministack.services import firehose, sns, sqs

from scorecast.twin.patch import holding, wrap
from scorecast.twin.target_permissions import FUNCTIONS, refusal

log = logging.getLogger("scorecast.twin.destinations")

Json = dict[str, Any]


def judge_deliveries_once() -> None:
    """MiniStack judges an allowed message again, as if the request's caller sent it, whom a queue may deny."""
    wrap(sqs, "_enforce_queue_policy", _enforce_policy)


_is_judged: ContextVar[bool] = ContextVar("is_judged", default=False)


def _enforce_policy(original: Callable[[Json, str], None], queue: Json, action: str) -> None:
    if not _is_judged.get():
        original(queue, action)


def on_failure(settings: Json) -> str:
    """Return the failure destination in the settings of a mapping or a function; empty if there is none."""
    return ((settings.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or ""


def send(destination: str, document: Json, folder: str, function: Json, attributes: Json | None = None) -> None:
    """Send a JSON document to the ARN; in a bucket it becomes an object below the folder, named by the time.

    `function` is the function's configuration, and `attributes` are those of a queue's message. If the destination
    refuses the document, or the function's role may not use it, nothing is sent, which is logged.
    """
    try:
        _send(destination, json.dumps(document), folder, function, attributes or {})
    except Exception:
        log.exception("a failed invocation was not sent to %s", destination)


def _send(destination: str, body: str, folder: str, function: Json, attributes: Json) -> None:
    service, resource, key = parse_arn(destination).service, destination, ""
    if service == "s3":
        now = datetime.now(UTC)
        key = f"{folder}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{new_uuid()}"
        resource = f"{destination}/{key}"
    if not is_allowed(function, resource):
        return
    if service == "sqs":
        send_to_queue(destination, body, attributes)
    elif service == "sns":
        sns.publish_internal(destination, body, "AWS Lambda")
    else:
        firehose._put_s3_object(parse_arn(destination).resource, key, body.encode())


def is_allowed(function: Json, resource: str) -> bool:
    """Whether the function's role may send to the resource; if not, say so in the log.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    if parse_arn(resource).service not in ("sqs", "sns", "s3", "lambda"):
        log.warning("a failed invocation was not sent to %s: the twin does not know such destinations", resource)
        return False
    found = refusal(FUNCTIONS, function["FunctionArn"], resource, function["Role"])
    if found:
        log.warning("a failed invocation was not sent to %s: %s", resource, found.message)
    return found is None


def send_to_queue(arn: str, body: str, attributes: Json, group: str = "") -> None:
    """Send an allowed message to a queue of the request's account and region; raises sqs._Err if it is refused.

    `group` is the message group, for a FIFO queue.
    """
    message = {"QueueUrl": parse_arn(arn).resource, "MessageBody": body, "MessageAttributes": attributes}
    if group:
        message["MessageGroupId"] = group
    with holding(_is_judged, True):
        sqs._act_send_message(message, "")


def record(context: Json, response: Json | None) -> Json:
    """Return the fields of every record of a failed invocation; `response` is the last one, None without any."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made: Json = {"version": "1.0", "timestamp": now, "requestContext": context}
    if response is not None:
        made["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if response.get("error"):
            made["responseContext"]["functionError"] = response.get("function_error") or "Unhandled"
    return made

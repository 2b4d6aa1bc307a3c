"""Targets of rules and schedules: deliveries need permission, are retried, and become dead letters, as on AWS.

MiniStack delivers once, requires no permission, drops failed deliveries, and supports neither Firehose nor Kinesis.
Event buses, API destinations and other targets that are not in `_KINDS` are MiniStack's own. `patches.apply` applies
this.
"""

import base64
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ministack.core.responses import new_uuid, request_scope
from ministack.services import eventbridge, firehose, kinesis, lambda_svc, sns, sqs, stepfunctions

from scorecast.twin import retry_schedule
from scorecast.twin.destinations import send_to_queue
from scorecast.twin.event_limits import MESSAGE_BYTES
from scorecast.twin.fast_json import dumps
from scorecast.twin.function_limits import EVENT_BYTES
from scorecast.twin.patch import wrap
from scorecast.twin.target_permissions import RULES, SCHEDULES, DeliveryFailure, read_arn, refusal
from scorecast.twin.waiting import Waiting

log = logging.getLogger("scorecast.twin.rule_targets")

Json = dict[str, Any]


def apply() -> None:
    """Apply both patches of targets."""
    deliver_as_allowed_and_try_again()
    keep_waiting_deliveries()


def deliver_as_allowed_and_try_again() -> None:
    """MiniStack delivers once, without checking permissions, and drops what fails or is for Firehose or Kinesis."""
    wrap(eventbridge, "_invoke_target", _invoke_target)
    wrap(eventbridge, "start_scheduler", _start)


def keep_waiting_deliveries() -> None:
    """MiniStack has no retries to save."""
    wrap(eventbridge, "get_state", lambda get: {**get(), "waiting_deliveries": list(map(asdict, waiting.all()))})
    wrap(eventbridge, "load_persisted_state", _load)


@dataclass(frozen=True, slots=True)
class TargetDelivery:
    """An event for a target. `source` is the ARN of the rule or schedule, `payload` is sent to the target.

    `since` is the time of the first attempt; `retries` counts the further ones, and the next one is at `due_at`.
    """

    source: str
    target: Json
    payload: str
    event: str
    since: float
    retries: int = 0
    due_at: float = 0.0

    @property
    def caller(self) -> str:
        """The service that delivers."""
        return SCHEDULES if ":scheduler:" in self.source else RULES

    @property
    def resource(self) -> str:
        """The ARN of the target."""
        return str(self.target["Arn"])


# ---------------------------------------------------------------- the first attempt


def _invoke_target(original: Callable[..., None], target: Json, event: Json, rule: Json, view: Any = None) -> None:
    view = view or eventbridge._pattern_event_view(event)
    if read_arn(target["Arn"]).service not in _KINDS:
        original(target, event, rule, view)
        return
    whole = _as_json(view)
    payload = _payload(target, rule, view, whole)
    deliver(TargetDelivery(rule["Arn"], target, payload, whole, time.time()))


@lru_cache(maxsize=1)
def _as_json(view: Any) -> str:
    """Return the event as targets receive it; the targets of one event are served one after another."""
    return dumps(view.event_with_detail())


def _payload(target: Json, rule: Json, view: Any, whole: str) -> str:
    """Return the target's input: transformed, replaced, a part of the event, or the event."""
    if target.get("InputTransformer"):
        return str(eventbridge._apply_input_transformer(target["InputTransformer"], rule, view))
    if target.get("Input"):
        return str(target["Input"])
    if not target.get("InputPath"):
        return whole
    part = _part(view.event_with_detail(), target["InputPath"])
    return whole if part is None else dumps(part)


def _part(event: Any, path: str) -> Any:
    """Return what is at a path such as `$.detail.keys.id`; None if nothing is there."""
    try:
        for name in filter(None, path.strip("$.").split(".")):
            event = event[name]
    except (KeyError, TypeError):
        return None
    return event


# ---------------------------------------------------------------- attempts

# Failed deliveries that will be retried.
waiting = Waiting[TargetDelivery]()


def deliver(delivery: TargetDelivery) -> None:
    """Try once; wait for the next attempt or send a dead letter if that fails."""
    if again := attempt(delivery):
        waiting.put(again)


def attempt(delivery: TargetDelivery) -> TargetDelivery | None:
    """Deliver; return the delivery to retry, or None when it has arrived or is given up."""
    failure = _send(delivery)
    if failure is None:
        return None
    if failure.permanent:
        _park(delivery, failure)
        return None
    now = time.time()
    policy = delivery.target.get("RetryPolicy") or {}
    if condition := retry_schedule.exhausted(policy, delivery.retries, delivery.since, now):
        _park(delivery, failure, condition)
        return None
    due_at = retry_schedule.next_attempt(policy, delivery.retries, delivery.since, now)
    return replace(delivery, retries=delivery.retries + 1, due_at=due_at)


def _send(delivery: TargetDelivery) -> DeliveryFailure | None:
    resource = delivery.resource
    arn = read_arn(resource)
    kind = _KINDS[arn.service]
    try:
        found = kind.find(resource) if eventbridge._target_matches_request_scope(arn) else None
        if not found:
            return DeliveryFailure("NO_RESOURCE", f"There is no {resource}.")
        return _refusal(delivery) or kind.send(found, delivery)
    except Exception as error:
        log.exception("a delivery to %s failed", resource)
        return DeliveryFailure("INTERNAL_ERROR", str(error), permanent=False)


def _refusal(delivery: TargetDelivery) -> DeliveryFailure | None:
    return refusal(delivery.caller, delivery.source, delivery.resource, delivery.target.get("RoleArn") or "")


def _start(original: Callable[[], None]) -> None:
    """Begin when MiniStack starts its schedules: by then every service has its saved state, so all targets exist."""
    original()
    threading.Thread(target=waiting.work, args=(attempt_in_scope,), daemon=True, name="rule-targets").start()


def attempt_in_scope(delivery: TargetDelivery) -> TargetDelivery | None:
    """Attempt a delivery as a request in the rule's account and region."""
    source = read_arn(delivery.source)
    with request_scope(source.account_id, source.region):
        return attempt(delivery)


def _load(original: Callable[[Json], None], data: Json) -> None:
    """Continue after a restart: waiting deliveries are tried at once. They age even while the engine is down."""
    original(data)
    for saved in (data or {}).get("waiting_deliveries", ()):
        waiting.put(replace(TargetDelivery(**saved), due_at=time.time()))


# ---------------------------------------------------------------- sending


def _to_queue(queue: Json, delivery: TargetDelivery) -> DeliveryFailure | None:
    limit = int(queue["attributes"].get("MaximumMessageSize", MESSAGE_BYTES))
    if len(delivery.payload.encode()) > limit:
        return _invalid(f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")
    if queue["is_fifo"]:
        return _to_fifo_queue(delivery)
    eventbridge._dispatch_to_sqs(read_arn(delivery.resource), delivery.payload)
    return None


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
_GROUP = re.compile(r"[!-~]{1,128}")


def _to_fifo_queue(delivery: TargetDelivery) -> DeliveryFailure | None:
    """Send as SQS would accept it: it refuses an invalid group, and drops a duplicate within five minutes."""
    group = _message_group(delivery)
    if group and not _GROUP.fullmatch(group):
        return _invalid(f"Value {group} for parameter MessageGroupId is invalid.")
    try:
        send_to_queue(delivery.resource, delivery.payload, {}, group)
    except sqs._Err as error:
        return _invalid(error.message)
    return None


def _message_group(delivery: TargetDelivery) -> str:
    """Return the target's message group, which may be a path into the event; empty if there is none.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html#dynamic-path-parameters
    """
    group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId") or ""
    if not group.startswith("$."):
        return str(group)
    found = _part(json.loads(delivery.event), group)
    return "" if found is None else str(found)


def _to_function(_config: Json, delivery: TargetDelivery) -> DeliveryFailure | None:
    if len(delivery.payload.encode()) > EVENT_BYTES:
        return _invalid(f"Request must be smaller than {EVENT_BYTES} bytes for the InvokeFunction operation")
    try:
        eventbridge._dispatch_to_lambda(delivery.resource, delivery.payload)
    except json.JSONDecodeError as error:
        return DeliveryFailure("INVALID_JSON", f"The input of {delivery.resource} is not JSON: {error}")
    return None


def _to_topic(_topic: Json, delivery: TargetDelivery) -> DeliveryFailure | None:
    try:
        sns.publish_internal(delivery.resource, delivery.payload, "EventBridge Notification")
    except sns.SnsPublishError as error:
        return _invalid(str(error))
    return None


def _to_firehose(_stream: Json, delivery: TargetDelivery) -> DeliveryFailure | None:
    record = {"Data": base64.b64encode(delivery.payload.encode()).decode()}
    status, _, body = firehose._put_record({"DeliveryStreamName": _stream_name(delivery.resource), "Record": record})
    if status == 200:
        return None
    message = str(json.loads(body)["message"])
    return _invalid(message) if status < 500 else DeliveryFailure("INTERNAL_ERROR", message, permanent=False)


def _to_stream(_stream: Json, delivery: TargetDelivery) -> DeliveryFailure | None:
    """Put a record under the partition key that the target names, or else under the event's id."""
    event = json.loads(delivery.event)
    key = _part(event, (delivery.target.get("KinesisParameters") or {}).get("PartitionKeyPath", "$.id"))
    if kinesis.put_record_internal(delivery.resource, str(key or event["id"]), delivery.payload.encode()):
        return None
    return DeliveryFailure("INTERNAL_ERROR", f"{delivery.resource} is not active.", permanent=False)


def _to_workflow(_arn: str, delivery: TargetDelivery) -> DeliveryFailure | None:
    eventbridge._dispatch_to_stepfunctions(delivery.resource, delivery.payload)
    return None


def _invalid(message: str) -> DeliveryFailure:
    return DeliveryFailure("INVALID_PARAMETER", message)


def _stream_name(arn: str) -> str:
    return arn.partition("deliverystream/")[2]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of target: `find` returns MiniStack's resource for an ARN, if it exists; `send` delivers to it."""

    find: Callable[[str], Any]
    send: Callable[[Any, TargetDelivery], DeliveryFailure | None]


_KINDS = {
    "sqs": _Kind(sqs._queue_by_arn, _to_queue),
    "lambda": _Kind(lambda arn: lambda_svc._get_func_record_for_ref(arn)[1], _to_function),
    "sns": _Kind(sns._topic_by_arn_any_scope, _to_topic),
    "firehose": _Kind(lambda arn: firehose._streams.get(_stream_name(arn)), _to_firehose),
    "kinesis": _Kind(kinesis._resolve_stream_by_arn, _to_stream),
    "states": _Kind(stepfunctions._resolve_state_machine_arn, _to_workflow),
}


# ---------------------------------------------------------------- dead letters


def _park(delivery: TargetDelivery, failure: DeliveryFailure, condition: str = "") -> None:
    """Send the event to the target's dead-letter queue; without one, or if the queue refuses it, the event is lost."""
    queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    lost = f"an event of {delivery.source} for {delivery.resource} is lost ({failure.code}: {failure.message})"
    if not queue:
        log.warning("%s: the target has no dead-letter queue", lost)
        return
    if refused := _refusal_of_dead_letters(delivery, queue):
        log.warning("%s: %s", lost, refused)
        return
    body = delivery.payload if delivery.caller == SCHEDULES else delivery.event
    try:
        send_to_queue(queue, body, _as_attributes(_about(delivery, failure, condition)))
    except sqs._Err as error:
        log.warning("%s: %s refuses it: %s", lost, queue, error.message)


def _refusal_of_dead_letters(delivery: TargetDelivery, queue: str) -> str:
    """Return why the queue refuses dead letters; a rule needs the queue's policy, a schedule its own role.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    if not eventbridge._target_matches_request_scope(read_arn(queue)):
        return f"{queue} is in another account or region"
    role = delivery.target.get("RoleArn", "") if delivery.caller == SCHEDULES else ""
    found = refusal(delivery.caller, delivery.source, queue, role)
    return found.message if found else ""


def _about(delivery: TargetDelivery, failure: DeliveryFailure, condition: str) -> Iterable[tuple[str, str]]:
    """Yield the attributes of a dead letter.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    yield "TARGET_ARN", delivery.resource
    yield "ERROR_CODE", failure.code
    yield "ERROR_MESSAGE", failure.message
    yield "RETRY_ATTEMPTS", str(delivery.retries)
    if condition:
        yield "EXHAUSTED_RETRY_CONDITION", condition
    if delivery.caller == RULES:
        yield "RULE_ARN", delivery.source
        return
    yield "SCHEDULE_ARN", delivery.source
    yield "SCHEDULED_TIME", f"{datetime.fromtimestamp(delivery.since, UTC):%Y-%m-%dT%H:%M:%SZ}"
    yield "EXECUTION_ID", new_uuid()
    yield "IS_PAYLOAD_TRUNCATED", "false"


def _as_attributes(about: Iterable[tuple[str, str]]) -> Json:
    return {name: {"DataType": "String", "StringValue": value} for name, value in about}

"""Limits of EventBridge, SQS and Firehose that MiniStack does not enforce; `patches.apply` applies them.

Each refusal has AWS's error code, and AWS's words where they are known. docs/twin.md lists the limits with AWS's pages.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import eventbridge, firehose, sqs
from ministack.services.cloudformation import provisioners

from scorecast.twin.patch import wrap, wrap_handler

Json = dict[str, Any]
Response = tuple[int, Json, bytes]

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html: the entries of a call have less than
# 1 MB, an integer has 64 bits, and "PutEvents will only process nested JSON up to 1000 levels deep".
CALL_BYTES = 1024 * 1024
INTEGERS = range(-(2**63), 2**63)
LEVELS = 1000
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
DETAIL_TYPE_CHARACTERS = 128
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
PATTERN_CHARACTERS = 2048
TARGETS = 5
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-numeric-matching
LARGEST_NUMBER = 5_000_000_000
DECIMALS = 6
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
MESSAGE_BYTES = 1024 * 1024
LONGEST_S = {"DelaySeconds": 900, "VisibilityTimeout": 43_200, "WaitTimeSeconds": 20}
# https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
RECORD_BYTES = 1000 * 1024
RECORDS_BYTES = 4 * 1024 * 1024

_TOO_MANY = ("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def apply() -> None:
    """Apply every limit of events, rules, messages and records."""
    refuse_events_beyond_limits()
    refuse_rules_beyond_limits()
    keep_what_is_in_use()
    refuse_messages_beyond_limits()
    refuse_records_beyond_limits()


# ---------------------------------------------------------------- events


def refuse_events_beyond_limits() -> None:
    """MiniStack accepts events of any size and form: details that are not JSON objects, integers of any length."""
    wrap(eventbridge, "_put_events", _put_events)


def _put_events(original: Callable[..., Response], data: Json, allow_aws_source: bool = False) -> Response:
    """Answer for the refused entries and let MiniStack put the others; events of AWS's own services always pass."""
    entries = data.get("Entries", [])
    if allow_aws_source or len(entries) > 10:
        return original(data, allow_aws_source)
    if not entries:
        return _refusal(
            "ValidationException",
            "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        )
    if sum(map(_entry_bytes, entries)) >= CALL_BYTES:
        return _refusal("ValidationException", "Total size of the entries in the request is over the limit.")
    refusals = [_entry_refusal(entry) for entry in entries]
    taken = [entry for entry, refusal in zip(entries, refusals, strict=True) if refusal is None]
    _, _, body = original({**data, "Entries": taken}, allow_aws_source)
    answer = json.loads(body)
    results = iter(answer["Entries"])
    failed = answer["FailedEntryCount"] + len(entries) - len(taken)
    response: Response = json_response(
        {"FailedEntryCount": failed, "Entries": [refusal or next(results) for refusal in refusals]}
    )
    return response


def _entry_bytes(entry: Json) -> int:
    """Count an entry's bytes as AWS does.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
    """
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or ())]
    return sum(len(text.encode()) for text in texts if text) + (14 if entry.get("Time") is not None else 0)


def _entry_refusal(entry: Json) -> Json | None:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return _invalid(name, f"{name} is a required argument.")
    if len(entry["DetailType"]) > DETAIL_TYPE_CHARACTERS:
        return _invalid("DetailType", f"DetailType has more than {DETAIL_TYPE_CHARACTERS} characters.")
    if not _is_detail(entry["Detail"]):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    return None


def _invalid(name: str, reason: str) -> Json:
    return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Parameter {name} is not valid. Reason: {reason}"}


def _is_detail(text: str) -> bool:
    """Whether the text is a JSON object whose integers and depth EventBridge can process."""
    try:
        detail = json.loads(text, parse_int=_integer, parse_constant=_integer)
    except (ValueError, RecursionError):
        return False
    # An event has one level more than its detail. Few texts have this many brackets at all.
    return isinstance(detail, dict) and (text.count("{") + text.count("[") < LEVELS or _levels(detail) < LEVELS)


def _integer(text: str) -> int:
    """Convert an integer of 64 bits; raises ValueError for a larger one, and for NaN and Infinity."""
    if (number := int(text)) not in INTEGERS:
        raise ValueError(text)
    return number


def _levels(value: Any) -> int:
    """Count the levels, without recursion, because a detail of a thousand levels would exceed Python's limit."""
    levels, layer = 0, [value]
    while layer := [one for one in layer if isinstance(one, dict | list)]:
        levels += 1
        layer = [inner for one in layer for inner in (one.values() if isinstance(one, dict) else one)]
    return levels


# ---------------------------------------------------------------- rules


def refuse_rules_beyond_limits() -> None:
    """MiniStack accepts patterns of any length with any numbers, rules without a pattern, and any number of targets."""
    wrap(eventbridge, "_validate_numeric_threshold", _threshold)
    wrap(eventbridge, "_put_rule", _put_rule)
    wrap(eventbridge, "_put_targets", _put_targets)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"]
    create = handlers["create"]
    handlers["create"] = lambda logical_id, props, stack: create(logical_id, _checked_rule(props), stack)


def _threshold(original: Callable[[str, Any], float], operator: str, value: Any) -> float:
    """Refuse a number that EventBridge cannot compare, in the words of AWS's event-ruler."""
    number = original(operator, value)
    if abs(value) > LARGEST_NUMBER:
        raise eventbridge._InvalidPattern("Value must be between -5.0E9 and 5.0E9, inclusive")
    if round(Decimal(str(value)), DECIMALS) != Decimal(str(value)):
        raise eventbridge._InvalidPattern(f"Only values upto {DECIMALS} decimals are supported")
    return number


def _put_rule(original: Callable[[Json], Response], data: Json) -> Response:
    refusal = _rule_refusal(data)
    return _refusal(*refusal) if refusal else original(data)


def _rule_refusal(rule: Json) -> tuple[str, str] | None:
    pattern = rule.get("EventPattern") or ""
    if not pattern and not rule.get("ScheduleExpression"):
        return "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."
    return _TOO_MANY if len(pattern) > PATTERN_CHARACTERS else None


def _put_targets(original: Callable[[Json], Response], data: Json) -> Response:
    key = eventbridge._rule_key(data.get("Rule"), data.get("EventBusName", "default"))
    ids = {target["Id"] for target in [*eventbridge._targets.get(key, []), *data.get("Targets", [])]}
    return _refusal(*_TOO_MANY) if len(ids) > TARGETS else original(data)


def _checked_rule(props: Json) -> Json:
    """Return a template's rule; raises ValueError, which fails the deployment, where EventBridge would refuse it."""
    pattern = props.get("EventPattern")
    rule = {**props, "EventPattern": json.dumps(pattern, separators=(",", ":")) if pattern else ""}
    if refusal := _rule_refusal(rule):
        raise ValueError(": ".join(refusal))
    if reason := eventbridge._event_pattern_error(rule["EventPattern"]):
        raise ValueError(f"InvalidEventPatternException: Event pattern is not valid. Reason: {reason}")
    if len(props.get("Targets") or ()) > TARGETS:
        raise ValueError(": ".join(_TOO_MANY))
    return props


# ---------------------------------------------------------------- what is in use


def keep_what_is_in_use() -> None:
    """MiniStack deletes a bus with its rules, and a rule with its targets; AWS refuses both.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteEventBus.html
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteRule.html
    """
    wrap(eventbridge, "_delete_event_bus", _delete_bus)
    wrap(eventbridge, "_delete_rule", _delete_rule)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]
    delete = handlers["delete"]
    handlers["delete"] = lambda name, props: delete(_unused_bus(name), props)


def _delete_bus(original: Callable[[Json], Response], data: Json) -> Response:
    if _has_rules(data.get("Name")):
        return _refusal("ValidationException", "EventBus can't be deleted since it has rules.")
    return original(data)


def _delete_rule(original: Callable[[Json], Response], data: Json) -> Response:
    if eventbridge._targets.get(eventbridge._rule_key(data.get("Name"), data.get("EventBusName", "default"))):
        return _refusal("ValidationException", "Rule can't be deleted since it has targets.")
    return original(data)


def _has_rules(bus: str | None) -> bool:
    return any(rule.get("EventBusName") == bus for rule in eventbridge._rules.values())


def _unused_bus(name: str) -> str:
    """Return the name; raises ValueError, which fails the deletion of a stack, if the bus has rules."""
    if _has_rules(name):
        raise ValueError("ValidationException: EventBus can't be deleted since it has rules.")
    return name


def _refusal(code: str, message: str) -> Response:
    response: Response = error_response_json(code, message, 400)
    return response


# ---------------------------------------------------------------- messages


def refuse_messages_beyond_limits() -> None:
    """MiniStack counts a message's body without its attributes, and accepts a delay or a wait of any length."""
    wrap_handler(sqs, "SendMessage", "_act_send_message", _send_message)
    wrap_handler(sqs, "SendMessageBatch", "_act_send_message_batch", _send_messages)
    wrap(sqs, "_dispatch", _dispatch)


def _send_message(original: Callable[..., Json], data: Json, url: str) -> Json:
    attributes = sqs._get_q(data.get("QueueUrl", url), "sqs:SendMessage")["attributes"]
    limit = int(attributes.get("MaximumMessageSize", MESSAGE_BYTES))
    if _message_bytes(data) > limit:
        reason = f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        raise sqs._Err("InvalidParameterValue", reason)
    _check_seconds(data)
    return original(data, url)


def _send_messages(original: Callable[..., Json], data: Json, url: str) -> Json:
    entries = data.get("Entries", [])
    if len(entries) <= 10 and (size := sum(map(_message_bytes, entries))) > MESSAGE_BYTES:
        reason = f"Batch requests cannot be longer than {MESSAGE_BYTES} bytes. You have sent {size} bytes."
        raise sqs._Err("BatchRequestTooLong", reason)
    return original(data, url)


def _message_bytes(message: Json) -> int:
    """Count the bytes of the body, and of each attribute's name, type and value."""
    texts = [message.get("MessageBody") or ""]
    for name, value in (message.get("MessageAttributes") or {}).items():
        texts += [name, *map(str, value.values())]
    return sum(len(text.encode()) for text in texts)


async def _dispatch(original: Callable[..., Any], action: str, data: Json, url: str) -> Any:
    _check_seconds(data)
    return await original(action, data, url)


def _check_seconds(request: Json) -> None:
    for name, most in LONGEST_S.items():
        if not 0 <= int(request.get(name) or 0) <= most:
            reason = f"Value {request[name]} for parameter {name} is invalid. Reason: Must be >= 0 and <= {most}."
            raise sqs._Err("InvalidParameterValue", reason)


# ---------------------------------------------------------------- records


def refuse_records_beyond_limits() -> None:
    """MiniStack accepts a call of any size, and refuses only the one record that is too large."""
    wrap_handler(firehose, "PutRecord", "_put_record", _put_record)
    wrap_handler(firehose, "PutRecordBatch", "_put_record_batch", _put_records)


def _put_record(original: Callable[[Json], Response], data: Json) -> Response:
    return _records_refusal({"record": data.get("Record") or {}}) or original(data)


def _put_records(original: Callable[[Json], Response], data: Json) -> Response:
    named = {f"records.{number}.member": one for number, one in enumerate(data.get("Records") or [], 1)}
    return _records_refusal(named) or original(data)


def _records_refusal(records: dict[str, Json]) -> Response | None:
    """Return AWS's answer if these records, or one of them, have too many bytes."""
    sizes = {name: _decoded_bytes(record.get("Data") or "") for name, record in records.items()}
    for name, size in sizes.items():
        if size > RECORD_BYTES:
            constraint = f"Member must have length less than or equal to {RECORD_BYTES}"
            words = f"1 validation error detected: Value at '{name}.data' failed to satisfy constraint: {constraint}"
            return _refusal("ValidationException", words)
    if sum(sizes.values()) > RECORDS_BYTES:
        return _refusal("InvalidArgumentException", "Records size exceeds 4 MB limit")
    return None


def _decoded_bytes(base64: str) -> int:
    return len(base64) * 3 // 4 - base64[-2:].count("=")

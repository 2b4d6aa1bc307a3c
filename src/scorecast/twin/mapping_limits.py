"""Limits of functions' triggers that MiniStack does not enforce; `patches.apply` applies them.

docs/twin.md lists the limits with AWS's pages.
"""

from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from scorecast.twin.function_limits import Response, lambda_error
from scorecast.twin.patch import wrap

Json = dict[str, Any]
Refusal = tuple[str, str]

# https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
LIMITS = {"BatchSize": (1, 10_000), "MaximumBatchingWindowInSeconds": (0, 300)}
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html: the limit for a FIFO queue, or without a
# window.
MESSAGES_AT_ONCE = 10

_INVALID = "InvalidParameterValueException"


def apply() -> None:
    """Refuse mappings with a batch or a window beyond AWS's limits: MiniStack accepts any, even from a template."""
    wrap(lambda_svc, "_create_esm", _create)
    wrap(lambda_svc, "_update_esm", _update)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create, update = handlers["create"], handlers["update"]
    handlers["create"] = lambda name, props, stack: create(name, _checked(props), stack)
    handlers["update"] = lambda name, old, new, stack: update(name, old, _checked(new), stack)


def _create(original: Callable[[Json], Response], data: Json) -> Response:
    refusal = _refusal_of(data)
    return lambda_error(*refusal, 400) if refusal else original(data)


def _update(original: Callable[[str, Json], Response], mapping: str, data: Json) -> Response:
    refusal = _refusal_of({**(lambda_svc._esms.get(mapping) or {}), **data})
    return lambda_error(*refusal, 400) if refusal else original(mapping, data)


def _checked(props: Json) -> Json:
    """Return a template's mapping; raises ValueError, which fails the deployment, if Lambda would refuse it."""
    if refusal := _refusal_of(props):
        raise ValueError(": ".join(refusal))
    return props


def _refusal_of(mapping: Json) -> Refusal | None:
    for setting, (least, most) in LIMITS.items():
        value = mapping.get(setting)
        if value is not None and not least <= int(value) <= most:
            limit = f"less than or equal to {most}" if int(value) > most else f"greater than or equal to {least}"
            return "ValidationException", _beyond(setting, value, limit)
    source = str(mapping.get("EventSourceArn"))
    return _refusal_of_a_queues(mapping, source.endswith(".fifo")) if ":sqs:" in source else None


def _beyond(setting: str, value: Any, limit: str) -> str:
    member = setting[0].lower() + setting[1:]
    return (
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must have value {limit}"
    )


def _refusal_of_a_queues(mapping: Json, is_fifo: bool) -> Refusal | None:
    window_s = int(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    if is_fifo and window_s:
        return _INVALID, "Batching window is not supported for FIFO queues."
    if int(mapping.get("BatchSize") or 0) <= MESSAGES_AT_ONCE or window_s:
        return None
    if is_fifo:
        return _INVALID, f"For FIFO queues, the maximum batch size is {MESSAGES_AT_ONCE}."
    words = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than"
    return _INVALID, f"{words} {MESSAGES_AT_ONCE}"

"""FIFO queues as targets: an event's message group, and a body that is the same each time a change is published.

EventBridge gives an event a new `id` each time it is published, and a queue recognizes a repeat only by its body. So
the rule sends the event with the `id` of its detail, which identifies the change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.runtime.settings import AttributeNames

_FIELDS = ("detail-type", "source", "account", "time", "region", "resources", "detail")
# Variable names in an input template have no dashes.
_VARIABLES = {name: name.replace("-", "") for name in ("id", *_FIELDS)}
_PATHS = {_VARIABLES[name]: f"$.{name}" for name in _FIELDS} | {_VARIABLES["id"]: "$.detail.id"}
_MEMBERS = ", ".join(f'"{name}": <{variable}>' for name, variable in _VARIABLES.items())
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
NAMED_BY_CHANGE = {"InputPathsMap": _PATHS, "InputTemplate": f'{{"version": "0", {_MEMBERS}}}'}
# What EventBridge accepts in a path, leaving room for "$.detail.keys." in the 100 characters of a group.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html#dynamic-path-parameters
_IN_A_PATH = re.compile(r"[A-Za-z0-9_-]{1,80}")

Json = dict[str, Any]


def fifo_parameters(group: str) -> Json:
    """Return what PutTargets needs for a FIFO queue besides the ARN; `group` is a message group or the path to one."""
    return {"SqsParameters": {"MessageGroupId": group}, "InputTransformer": NAMED_BY_CHANGE}


def group_path(fifo_by: str, names: AttributeNames) -> str:
    """Return the path to the key that is the message group: an item's partition key, or a board's sort key.

    >>> group_path("board", AttributeNames())
    '$.detail.keys.metadata'
    """
    attribute = {"item": names.id, "board": names.metadata}[fifo_by]
    if not _IN_A_PATH.fullmatch(attribute):
        raise UserError(
            f"EventBridge cannot group by {attribute!r}: such a name may have up to 80 letters, digits, - and _.",
            ExitCode.USAGE,
        )
    return f"$.detail.keys.{attribute}"


def is_named_by_change(target: Mapping[str, Any]) -> bool:
    """Whether a rule's target gets events in the form that `fifo_parameters` sets."""
    return bool(target.get("InputTransformer") == NAMED_BY_CHANGE)


def named_by_change(event: Json) -> str:
    """Return the body that a rule with NAMED_BY_CHANGE makes from an event."""
    body = {"version": "0", "id": at_path("$.detail.id", event)} | {name: event.get(name) for name in _FIELDS}
    return json.dumps(body)


def group_of(group: str, event: Json) -> str:
    """Return an event's message group, which the target names or gives a path to; empty if nothing is there."""
    return str(at_path(group, event) or "") if group.startswith("$.") else group


def at_path(path: str, event: Json) -> Any:
    """Return the value at a path such as `$.detail.keys.id`; None if nothing is there."""
    found: Any = event
    for name in path.removeprefix("$.").split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found

"""Items between the SDK, which knows bytes and moments, and JSON, which has base64 and seconds for them. Pure.

What Lambda hands to a function, and what a Change holds, is the JSON form.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scorecast.changes.change import Image, Value


def in_json(value: Any) -> Any:
    """Turn whatever the SDK answers into what JSON can say."""
    if isinstance(value, Mapping):
        return {name: in_json(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [in_json(inner) for inner in value]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    return value


def for_sdk(image: Image) -> Image:
    """Turn an item in typed JSON into one that the SDK takes."""
    return {name: _for_sdk(value) for name, value in image.items()}


def _for_sdk(value: Value) -> Value:
    [(kind, inner)] = value.items()
    match kind:
        case "B":
            return {kind: b64decode(inner)}
        case "BS":
            return {kind: [b64decode(member) for member in inner]}
        case "L":
            return {kind: [_for_sdk(member) for member in inner]}
        case "M":
            return {kind: for_sdk(inner)}
    return value

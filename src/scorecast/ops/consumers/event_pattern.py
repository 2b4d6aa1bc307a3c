"""Event patterns: read from the command line, a file or standard input, and tested by EventBridge itself.

Refuses text that is not a JSON object, and says where it breaks; EventBridge finds all other mistakes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
        pattern = json.loads(text)
    except ValueError as error:
        raise UserError(f"The pattern is not JSON: {error}; for example {EXAMPLE}", ExitCode.USAGE) from None
    if not isinstance(pattern, dict) or not pattern:
        raise UserError(f"The pattern must be a JSON object that is not empty, such as {EXAMPLE}", ExitCode.USAGE)
    compact = json.dumps(pattern, separators=(",", ":"), ensure_ascii=False)
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

"""DynamoDB's typed values and plain JSON, and back: a hint says what plain JSON does not express. Pure.

Raises CannotRead for a malformed typed value, and for a plain value that does not follow its hint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from scorecast.errors import CannotRead
from scorecast.runtime.numbers import is_dynamodb_number

# Every JSON parser keeps 15 significant digits of a number, since an IEEE 754 double does.
SAFE_DIGITS = 15
# PutEvents rejects an event with a JSON integer outside this range; it takes a number with an exponent of any size.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
# It also takes at most 1,000 levels of nesting; DynamoDB has 32.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
SMALL_INTEGER = re.compile(r"-?[1-9][0-9]{0,14}\Z|0\Z")
_CANONICAL_NUMBER = re.compile(r"(?!-0\Z)-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?\Z")
_NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_SETS = ("SS", "NS", "BS")
# The types that a hint may name. A number's hint is {"N": text}; a number set is read member by member.
_HINTED = ("B", "SS", "BS")

Value = dict[str, Any]
"""One DynamoDB value in typed JSON, such as {"N": "60"}."""
Image = dict[str, Value]
"""One item, or its keys: attribute name to value."""
Hints = dict[str, Any]
"""Maps a JSON pointer (RFC 6901) within the detail to the type that plain JSON does not express."""


# ---------------------------------------------------------------- typed -> plain


def plain_value(value: Value, parent: str, key: str | int, hints: Hints) -> Any:
    """Return a typed value as plain JSON; add a hint at its key if plain JSON does not express its type."""
    kind, inner = _typed(value, parent, key)
    match kind:
        case "S" | "BOOL":
            return inner
        case "NULL":
            return None
        case "N":
            return plain_number(inner, parent, key, hints)
    pointer = _pointer(parent, key)
    match kind:
        case "M":
            return {name: plain_value(item, pointer, name, hints) for name, item in inner.items()}
        case "L":
            return [plain_value(item, pointer, at, hints) for at, item in enumerate(inner)]
        case "B":
            hints[pointer] = "B"
            return inner
    hints[pointer] = kind
    if kind == "NS":
        return [plain_number(item, pointer, at, hints) for at, item in enumerate(inner)]
    return list(inner)


_PYTHON_TYPES: dict[str, type] = {
    "S": str, "N": str, "B": str, "BOOL": bool, "NULL": bool, "M": dict, "L": list, "SS": list, "NS": list, "BS": list
}  # fmt: skip


def _typed(value: Any, parent: str, key: str | int) -> tuple[str, Any]:
    if isinstance(value, dict) and len(value) == 1:
        [(kind, inner)] = value.items()
        if isinstance(inner, _PYTHON_TYPES.get(kind, ())) and (kind not in _SETS or _are_texts(inner)):
            return kind, inner
    raise CannotRead(f"The value at {_pointer(parent, key)} is not a DynamoDB value: {value!r}.")


def _are_texts(members: Any) -> bool:
    return all(isinstance(member, str) for member in members)


def plain_number(text: str, parent: str, key: str | int, hints: Hints) -> int | float:
    """Return DynamoDB's text of a number as a JSON number; add a hint if a double cannot hold it exactly.

    An integer that PutEvents would reject becomes a float, which JSON writes with an exponent.

    >>> hints = {}
    >>> plain_number("59.75", "/new", "projectScore", hints), hints
    (59.75, {})
    >>> plain_number("0.12345678901234567", "/new", "projectScore", hints), hints
    (0.12345678901234566, {'/new/projectScore': {'N': '0.12345678901234567'}})
    >>> plain_number("12345678901234567890", "/new", "account", {})
    1.2345678901234567e+19
    """
    if SMALL_INTEGER.match(text):
        return int(text)
    canonical = _CANONICAL_NUMBER.match(text)
    if not canonical or sum(character.isdigit() for character in text) > SAFE_DIGITS:
        hints[_pointer(parent, key)] = {"N": text}
    if not _NUMBER.match(text):
        raise CannotRead(f"The value at {_pointer(parent, key)} is not a number: {text!r}.")
    if not canonical or "." in text:
        return float(text)
    integer = int(text)
    return integer if SMALLEST_INTEGER <= integer <= LARGEST_INTEGER else float(integer)


def _pointer(parent: str, key: str | int) -> str:
    return f"{parent}/{escape(str(key))}"


def escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unescape(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")


# ---------------------------------------------------------------- plain -> typed


def typed_value(plain: Any, pointer: str, hints: Mapping[str, Any]) -> Value:
    """Turn a plain value into a typed one, following the hint at its pointer."""
    hint = hints.get(pointer)
    if hint is not None:
        return _hinted(hint, plain, pointer, hints)
    match plain:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": plain}
        case str():
            return {"S": plain}
        case int() | float() | Decimal():
            return {"N": _number_text(plain)}
        case list():
            return {"L": [typed_value(item, f"{pointer}/{at}", hints) for at, item in enumerate(plain)]}
        case _:
            return {"M": {key: typed_value(item, f"{pointer}/{escape(key)}", hints) for key, item in plain.items()}}


def _hinted(hint: Any, plain: Any, pointer: str, hints: Mapping[str, Any]) -> Value:
    if isinstance(hint, dict):
        return {"N": _number_of(hint, pointer)}
    if hint == "NS" and isinstance(plain, list):
        members = ((typed_value(item, f"{pointer}/{at}", hints), f"{pointer}/{at}") for at, item in enumerate(plain))
        return {"NS": [_number_of(value, where) for value, where in members]}
    if hint not in _HINTED:
        raise CannotRead(f"The event's type of {pointer} is {hint!r}; it must be B, SS, BS, NS or a number's digits.")
    parent, _, key = pointer.rpartition("/")
    kind, inner = _typed({hint: plain}, parent, _unescape(key))
    return {kind: inner}


def _number_of(value: Value, pointer: str) -> str:
    text = value.get("N")
    if len(value) != 1 or not isinstance(text, str) or not _NUMBER.match(text):
        raise CannotRead(f"The value at {pointer} is not a number: {value!r}.")
    if not is_dynamodb_number(Decimal(text)):
        raise CannotRead(f"The value at {pointer} is {text}, which DynamoDB cannot hold.")
    return text


def _number_text(number: int | float | Decimal) -> str:
    """Write a number without an exponent or trailing zeros: 1e-05 as 0.00001, 60.0 as 60."""
    exact = Decimal(str(number))
    if not is_dynamodb_number(exact):
        raise CannotRead(f"The event holds {number!r}, which DynamoDB cannot hold as a number.")
    text = format(exact, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# ---------------------------------------------------------------- comparing


def same(left: Value | None, right: Value | None) -> bool:
    """Whether two typed values are equal; the members of a set have no order."""
    return left == right or (left is not None and right is not None and _ordered(left) == _ordered(right))


def _ordered(value: Value) -> Any:
    [(kind, inner)] = value.items()
    if kind in _SETS:
        return kind, sorted(inner)
    if kind == "L":
        return kind, [_ordered(item) for item in inner]
    if kind == "M":
        return kind, {key: _ordered(item) for key, item in inner.items()}
    return kind, inner

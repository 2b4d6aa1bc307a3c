"""Display attributes: the texts, numbers and booleans of its item that an entry shows beside the name. Pure.

A stack declares their names. An entry stores them together with the name, in one attribute that both indexes project,
because a projection cannot be changed on an existing table. An entry without them stores its name as plain text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

AttributeValue = str | Decimal | bool
Attributes = tuple[tuple[str, AttributeValue], ...]
"""Names and values, sorted by name."""

# The most characters of an entry's attributes together; item.py says which limits require it. The template bounds the
# number of attributes and the length of their names.
ATTRIBUTE_CHARACTERS = 256
ATTRIBUTES_MAX, ATTRIBUTE_NAME_CHARACTERS = 8, 64

_NAME, _ATTRIBUTES = "name", "attributes"


def attributes_of(image: Mapping[str, Any], names: Iterable[str]) -> Attributes:
    """Return what an entry shows of an item, within ATTRIBUTE_CHARACTERS in the order of the names.

    A text that exceeds the remaining characters is cut. A number or a boolean that exceeds them is omitted, as is any
    other type.

    >>> attributes_of({"team": {"S": "Lynx"}, "age": {"N": "9"}, "tags": {"SS": ["a"]}}, ["team", "age", "tags", "x"])
    (('age', Decimal('9')), ('team', 'Lynx'))
    """
    left = ATTRIBUTE_CHARACTERS
    found: dict[str, AttributeValue] = {}
    for name in names:
        value = _read(image.get(name, {}), left)
        if value is not None:
            found[name] = value
            left -= len(str(value))
    return tuple(sorted(found.items()))


def display_value(name: str | None, attributes: Attributes) -> dict[str, Any] | None:
    """Return the value that stores a name and attributes; None if there is nothing to store.

    >>> display_value("userA", ()), display_value(None, (("team", "Lynx"),))
    ({'S': 'userA'}, {'M': {'attributes': {'M': {'team': {'S': 'Lynx'}}}}})
    """
    named = None if name is None else {"S": name}
    if not attributes:
        return named
    shown = {_ATTRIBUTES: {"M": {one: _stored(value) for one, value in attributes}}}
    return {"M": ({_NAME: named} if named else {}) | shown}


def read_display(value: Mapping[str, Any] | None) -> tuple[str | None, Attributes]:
    """Read the name and the attributes that `display_value` stores."""
    if not value or "M" not in value:
        return (value or {}).get("S"), ()
    stored = value["M"].get(_ATTRIBUTES, {}).get("M", {})
    return value["M"].get(_NAME, {}).get("S"), attributes_of(stored, stored)


def _read(value: Mapping[str, Any], left: int) -> AttributeValue | None:
    """Read a value of at most `left` characters, to which a text is cut; None if it is not shown."""
    for kind, inner in value.items():
        if kind == "S":
            return inner[:left] or None
        if kind in ("N", "BOOL") and len(str(inner)) <= left:
            return Decimal(inner) if kind == "N" else bool(inner)
    return None


def _stored(value: AttributeValue) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}

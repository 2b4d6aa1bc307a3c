"""Participant: whether a document of any form is about a participant. Pure.

Only the item's id attribute decides, at the top level of its keys or of an image. The same text anywhere else (another
attribute, a nested value, a longer id) does not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any

from scorecast.changes.values import SMALL_INTEGER, escape, typed_value
from scorecast.errors import CannotRead
from scorecast.standings.announce.standing_event import SCHEMA as STANDING

_IMAGES = ("keys", "new", "old")
_RECORD_IMAGES = ("Keys", "NewImage", "OldImage")
_STANDING_PARTICIPANTS = ("participant", "previousLeader")


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant's id as boards show it, and the attribute of the main table that holds it.

    >>> Participant("1", "id").is_in({"keys": {"id": "1"}, "new": {"id": "1", "friend": "2"}})
    True
    >>> Participant("2", "id").is_in({"keys": {"id": "1"}, "new": {"id": "1", "friend": "2"}})
    False
    """

    id: str
    attribute: str

    def may_be_in(self, text: str) -> bool:
        """Whether JSON text may be about the participant; much faster than parsing it, and never wrongly False.

        A text without a backslash contains every string literally, and every integer of up to 15 digits.
        """
        if f'"{self.id}"' in text or "\\" in text:
            return True
        if SMALL_INTEGER.match(self.id):
            return self.id in text and re.search(rf"[:\s]{self.id}(?!\d)", text) is not None
        return _is_number(self.id)

    def is_in(self, document: Any) -> bool:
        """Whether a record of a stream, an event of the bus, or the detail of one is about the participant."""
        if not isinstance(document, Mapping):
            return False
        if "dynamodb" in document:
            return self._is_in_record(document["dynamodb"])
        if "detail" in document:
            return self.is_in(document["detail"])
        if document.get("schema") == STANDING:
            return self.id in [_object(document, name).get("id") for name in _STANDING_PARTICIPANTS]
        hints = _object(document, "types")
        return self.id in [self._text(_object(document, image), f"/{image}", hints) for image in _IMAGES]

    def _is_in_record(self, body: Any) -> bool:
        images = [_object(body, name) for name in _RECORD_IMAGES]
        return self.id in [text_of(image.get(self.attribute)) for image in images]

    def _text(self, image: Mapping[str, Any], pointer: str, hints: Mapping[str, Any]) -> str | None:
        if self.attribute not in image:
            return None
        try:
            return text_of(typed_value(image[self.attribute], f"{pointer}/{escape(self.attribute)}", hints))
        except CannotRead:
            return None


def text_of(value: Any) -> str | None:
    """Return the text of a typed string or number, as in an id; None for any other value."""
    if not isinstance(value, Mapping):
        return None
    text = value.get("S") or value.get("N")
    return text if isinstance(text, str) else None


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except DecimalException:
        return False
    return True


def _object(holder: Any, name: str) -> Mapping[str, Any]:
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return value if isinstance(value, Mapping) else {}

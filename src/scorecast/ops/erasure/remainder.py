"""Remainder: what is left of an object of the backup bucket without a participant's changes.

The remaining lines keep their bytes. Raises CannotRead for an object that does not have the format of its folder.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scorecast.changes.change import Position, pad_sequence, stream_label
from scorecast.errors import CannotRead
from scorecast.ops.dead_letters.stored_batch import parse_batch
from scorecast.ops.erasure.participant import Participant
from scorecast.ops.recovery.backup import UNREADABLE, WRAPPED, documents_in, is_gzipped, text_of, unwrapped


@dataclass(frozen=True, slots=True)
class Remainder:
    """`found` is the number of the participant's documents; `body` is the object without them, None if nothing is left.

    `newest` is the position of the newest change among them, if any has a position.
    """

    found: int = 0
    body: bytes | None = None
    newest: Position | None = None


Take = Callable[[bytes, Participant, str], Remainder]
"""Takes a body, a participant and the object's name for errors."""


def take_lines(body: bytes, who: Participant, name: str) -> Remainder:
    """Remove the participant's lines from an object of events; the object stays, even if no lines do."""
    kept, taken = [], []
    try:
        text = text_of(body)
        if not who.may_be_in(text) and WRAPPED not in text:
            return Remainder()
        for document, own in documents_in(text):
            event = unwrapped(document)
            if who.is_in(event):
                taken.append(event)
            else:
                kept.append(own)
    except UNREADABLE as error:
        raise CannotRead(f"{name} does not hold events: {error}.") from None
    rest = "".join(kept).encode()
    newest = max(filter(None, map(_position, taken)), default=None)
    return Remainder(len(taken), gzip.compress(rest, mtime=0) if is_gzipped(body) else rest, newest)


def take_images(body: bytes, who: Participant, name: str) -> Remainder:
    """Remove the images of a change too large for the bus: the whole object, if they are the participant's."""
    try:
        document = json.loads(text_of(body))
    except UNREADABLE as error:
        raise CannotRead(f"{name} does not hold images: {error}.") from None
    return Remainder(found=1) if who.is_in(document) else Remainder()


def take_records(body: bytes, who: Participant, name: str) -> Remainder:
    """Remove the participant's records from a batch that the stream's trigger gave up."""
    record, event = parse_batch(body, name)
    kept = [one for one in event["Records"] if not who.is_in(one)]
    found = len(event["Records"]) - len(kept)
    if not kept:
        return Remainder(found)
    rest = event | {"Records": kept}
    payload = json.dumps(rest) if isinstance(record["payload"], str) else rest
    return Remainder(found, json.dumps(record | {"payload": payload}).encode())


def _position(event: Any) -> Position | None:
    """The position of a change; None for an event without one."""
    try:
        return stream_label(event["resources"][0]), pad_sequence(event["detail"]["sequence"])
    except (CannotRead, LookupError, TypeError, AttributeError):
        return None

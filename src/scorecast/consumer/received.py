"""Received events: read a delivery, with its large images fetched and its values exact.

A delivery is an event as a rule passes it to a function, a queue's record or message with the event as its body, or a
line of the backup. Raises CannotRead if it is malformed or of another kind, and NotAcknowledged if S3 is busy.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from typing import Any

from scorecast.changes.change import Change, epoch_seconds, from_event, hints_of
from scorecast.changes.claim import claim_in
from scorecast.changes.claim_store import S3, resolve
from scorecast.changes.values import Image, Value, typed_value
from scorecast.errors import CannotRead

# DynamoDB's numbers have up to 38 significant digits.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_DIGITS = 38
_EXACTLY = Context(prec=_DIGITS, traps=[Inexact])
STANDING_SCHEMA = "scorecast.standing/1"

Item = dict[str, Any]
"""Attributes with exact values: text, int, Decimal, bytes, bool, None, list, dict, set."""


@dataclass(frozen=True, slots=True)
class ReceivedChange:
    """A change of one item; `new` and `old` are None if the item did not exist then.

    `item` names the item: its table and keys. Of two changes of an item, the later one has the greater `order`; it says
    nothing about changes of different items.
    """

    id: str
    operation: str
    table: str
    keys: Item
    new: Item | None
    old: Item | None
    changed: tuple[str, ...]
    at: str
    item: str
    order: str


@dataclass(frozen=True, slots=True)
class ReceivedStanding:
    """A standing event; `kind` is its detail-type, `detail` has the fields of docs/standing-events.md."""

    id: str
    kind: str
    board: str
    at: str
    detail: Item


def read_change(delivery: Any, s3: S3 | None = None) -> ReceivedChange:
    """Read a change. `s3`, a client of boto3, is needed for changes that are too large for the bus.

    >>> change = read_change('''{"resources": ["arn:aws:dynamodb:eu-west-1:123456789012:table/main/stream/now"],
    ...     "detail": {"schema": "scorecast.change/1", "id": "e1", "table": "main", "operation": "INSERT",
    ...     "keys": {"id": "1"}, "new": {"id": "1", "score": 59.75, "account": 1.2345678901234567e+19, "tags": ["a"]},
    ...     "changed": ["account", "id", "score", "tags"], "sequence": "7", "at": "2026-01-01T00:00:00Z",
    ...     "types": {"/new/account": {"N": "12345678901234567890"}, "/new/tags": "SS"}}}''')
    >>> change.new
    {'id': '1', 'score': Decimal('59.75'), 'account': 12345678901234567890, 'tags': {'a'}}
    >>> change.item
    'main/{"id":{"S":"1"}}'
    """
    event = _event_of(delivery)
    if claim_in(event) and s3 is None:
        raise CannotRead("The change is too large for the bus: give read_change a client of S3, which fetches it.")
    return _received(from_event(event if s3 is None else resolve(event, s3)))


def read_standing(delivery: Any) -> ReceivedStanding:
    """Read a standing event.

    >>> read_standing({"detail-type": "LeftTop", "detail": {"schema": "scorecast.standing/1", "id": "e2",
    ...     "hackathonName": "StarWar", "participant": {"id": "6", "projectScore": 0.5}, "rank": None,
    ...     "at": "2026-01-01T00:00:00Z"}}).detail["participant"]
    {'id': '6', 'projectScore': Decimal('0.5')}
    """
    event = _event_of(delivery)
    detail = event.get("detail")
    if not isinstance(detail, Mapping) or detail.get("schema") != STANDING_SCHEMA:
        raise CannotRead(f"This is not a standing event: it has no detail of the schema {STANDING_SCHEMA!r}.")
    if wrong := [name for name in ("id", "hackathonName", "at") if not isinstance(detail.get(name), str)]:
        raise CannotRead(f"The standing event has no usable {wrong[0]}: {detail.get(wrong[0])!r}.")
    fields = {name: value for name, value in detail.items() if name != "types"}
    exact = _exact(typed_value(fields, "", hints_of(detail)))
    return ReceivedStanding(exact["id"], str(event.get("detail-type")), exact["hackathonName"], exact["at"], exact)


def _event_of(delivery: Any) -> dict[str, Any]:
    """The event in a delivery."""
    body = delivery
    if isinstance(delivery, Mapping):
        # Lambda spells it `body`, SQS itself `Body`.
        body = delivery.get("body", delivery.get("Body", delivery))
    try:
        event = json.loads(body) if isinstance(body, str | bytes) else body
    except ValueError as error:
        raise CannotRead(f"The delivery is not JSON: {error}.") from None
    if not isinstance(event, Mapping):
        raise CannotRead(f"The delivery is {event!r}; it must be an event of the bus, a message, or a line of JSON.")
    return dict(event)


def _received(change: Change) -> ReceivedChange:
    label, sequence = change.position
    keys = json.dumps(change.keys, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return ReceivedChange(
        change.id,
        change.operation,
        change.table,
        _item(change.keys),
        None if change.new is None else _item(change.new),
        None if change.old is None else _item(change.old),
        tuple(change.changed()),
        change.at,
        f"{change.table}/{keys}",
        # A change and a later read of the same item have the same sequence; then the time decides.
        f"{label}/{sequence}/{epoch_seconds(change.at):017.6f}",
    )


# ---------------------------------------------------------------- typed -> exact values of Python


def _item(image: Image) -> Item:
    return {name: _exact(value) for name, value in image.items()}


def _exact(value: Value) -> Any:
    """Turn a typed value into a Python value; a whole number becomes an int, any other number a Decimal."""
    [(kind, inner)] = value.items()
    match kind:
        case "N":
            return _number(inner)
        case "B":
            return _binary(inner)
        case "NULL":
            return None
        case "M":
            return _item(inner)
        case "L":
            return [_exact(one) for one in inner]
        case "SS" | "NS" | "BS":
            return {_exact({kind[0]: one}) for one in inner}
    return inner


def _binary(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise CannotRead(f"The event's binary value {text[:80]!r} is not base64.") from None


def _number(text: str) -> int | Decimal:
    number = Decimal(text)
    if "." in text or number != number.to_integral_value():
        return number
    # boto3 takes an int of up to 38 digits, and a larger number only as a Decimal without trailing zeros.
    return int(number) if number.adjusted() < _DIGITS else number.normalize(_EXACTLY)

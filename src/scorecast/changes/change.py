"""Change: an insert, update or delete of one item. Stream record -> Change -> bus event, and back. Pure.

This is the public contract (schema `scorecast.change/1`, docs/event-contract.md). A Change holds images in DynamoDB's
typed JSON with binary as base64, as a Lambda function receives them. An event holds plain JSON, with a hint under
`types` wherever plain JSON alone does not determine the item.
Raises CannotRead for a malformed record of a DynamoDB stream, and for an event that does not follow the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from scorecast.changes.values import Hints, Image, escape, plain_value, same, typed_value
from scorecast.errors import CannotRead

SCHEMA = "scorecast.change/1"
OPERATIONS = ("INSERT", "MODIFY", "REMOVE", "READ")

# A sequence number is "a numeric string of 21 to 40 characters".
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
SEQUENCE_DIGITS = 40

Position = tuple[str, str]
"""A stream's label and a sequence: they order an item's changes, even after its table gets another stream."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one item; `position` orders the changes of an item; `at` is the time (ISO 8601, UTC).

    `user_identity` is who made the change, if the stream says so: `type` and `principalId`. For an item that expired,
    that is DynamoDB itself.
    """

    id: str
    stream_arn: str
    operation: str
    keys: Image
    new: Image | None
    old: Image | None
    sequence: str
    at: str
    user_identity: dict[str, str] | None = None

    @property
    def table(self) -> str:
        """The table's name, from the stream's ARN."""
        return table_of(self.stream_arn)

    @property
    def stream(self) -> str:
        """The stream's label: the time at which the stream was created, so a newer stream has a greater label."""
        return stream_label(self.stream_arn)

    @property
    def position(self) -> Position:
        """The order of an item's changes: the stream's label, then the sequence, which each stream starts again."""
        return self.stream, self.sequence

    def has(self, attribute: str) -> bool:
        """Whether the item has the attribute, or had it before."""
        return any(image and attribute in image for image in (self.new, self.old))

    def changed(self) -> list[str]:
        """Name the top-level attributes that differ between the old and the new image, sorted."""
        new, old = self.new or {}, self.old or {}
        return sorted(name for name in new.keys() | old.keys() if not same(new.get(name), old.get(name)))


def table_of(stream_arn: str) -> str:
    """Return the table's name in the ARN of a stream.

    >>> table_of("arn:aws:dynamodb:eu-west-1:123456789012:table/main/stream/2026-01-01T00:00:00.000")
    'main'
    """
    parts = str(stream_arn).split("/")
    if len(parts) < 2 or not parts[0].endswith(":table"):
        raise CannotRead(f"The stream's ARN {stream_arn!r} does not name a table (arn:...:table/NAME/stream/LABEL).")
    return parts[1]


def stream_label(stream_arn: str) -> str:
    """Return the label in the ARN of a stream; empty if it has none.

    >>> stream_label("arn:aws:dynamodb:eu-west-1:123456789012:table/main/stream/2026-01-01T00:00:00.000")
    '2026-01-01T00:00:00.000'
    """
    return stream_arn.partition("/stream/")[2]


def with_label(stream_arn: str, label: str) -> str:
    """Return the ARN of the same table's stream with this label."""
    table_arn, separator, _ = stream_arn.partition("/stream/")
    return table_arn + separator + label


# ---------------------------------------------------------------- stream record -> Change


def from_record(record: Any) -> Change:
    """Read a record as Lambda receives it from a DynamoDB stream; CannotRead names the wrong field."""
    body = _field(record, "dynamodb", dict)
    operation = _field(record, "eventName", str)
    if operation not in OPERATIONS[:3]:
        raise CannotRead(f"The record's eventName is {operation!r}; it must be INSERT, MODIFY or REMOVE.")
    stream_arn = _field(record, "eventSourceARN", str)
    table_of(stream_arn)
    return Change(
        id=_field(record, "eventID", str),
        stream_arn=stream_arn,
        operation=operation,
        keys=_field(body, "Keys", dict),
        new=_image_of(body, "NewImage"),
        old=_image_of(body, "OldImage"),
        sequence=pad_sequence(_field(body, "SequenceNumber", str)),
        at=iso_time(body.get("ApproximateCreationDateTime")),
        user_identity=_user_identity(record),
    )


def pad_sequence(number: str) -> str:
    """Pad a stream's sequence number so that text order is number order."""
    if not (number.isascii() and number.isdigit() and len(number) <= SEQUENCE_DIGITS):
        raise CannotRead(f"The sequence number {number!r} is not one of up to {SEQUENCE_DIGITS} digits.")
    return number.zfill(SEQUENCE_DIGITS)


def iso_time(epoch_seconds: Any) -> str:
    """Format epoch seconds, whole or fractional, in ISO 8601.

    >>> iso_time(1586939176), iso_time(1586939176.5)
    ('2020-04-15T08:26:16Z', '2020-04-15T08:26:16.500000Z')
    """
    try:
        return _iso(float(epoch_seconds))
    except (TypeError, ValueError, OverflowError, OSError):
        raise CannotRead(f"The record's ApproximateCreationDateTime {epoch_seconds!r} is not a time.") from None


# The records of a batch are from the same few seconds.
@lru_cache(maxsize=16)
def _iso(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat().replace("+00:00", "Z")


def epoch_seconds(at: str) -> float:
    """Return a change's `at` as epoch seconds; CannotRead if it is not a time."""
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        raise CannotRead(f"The change's at {at!r} is not a time such as 2020-04-15T08:26:16Z.") from None


def iso_now() -> str:
    """The current time in the form of a change's `at`, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _field(holder: Any, name: str, kind: type) -> Any:
    # The value is nearly always a dict, and checking for a Mapping takes several times as long.
    value = holder.get(name) if isinstance(holder, (dict, Mapping)) else None
    if not isinstance(value, kind) or not value:
        raise CannotRead(f"The record has no usable {name}: {value!r} where a {kind.__name__} is needed.")
    return value


def _image_of(body: Mapping[str, Any], name: str) -> Image | None:
    image = body.get(name)
    if image is not None and not isinstance(image, dict):
        raise CannotRead(f"The record's {name} is {image!r}; it must be an object of attributes.")
    # A stream omits a missing image; some engines pass an empty one instead. A real image has at least its keys.
    return image or None


def _user_identity(holder: Mapping[str, Any]) -> dict[str, str] | None:
    """The identity, in the spelling of Lambda's records and of details, or in that of GetRecords."""
    identity = holder.get("userIdentity")
    if identity is None:
        return None
    read = identity if isinstance(identity, Mapping) else {}
    named = {name: read.get(name) or read.get(name[0].upper() + name[1:]) for name in ("type", "principalId")}
    if not all(isinstance(text, str) for text in named.values()):
        raise CannotRead(f"The userIdentity is {identity!r}; it must have a type and a principalId, both text.")
    return {name: str(text) for name, text in named.items()}


# ---------------------------------------------------------------- Change -> detail of a bus event


def to_detail(change: Change) -> dict[str, Any]:
    """Return the event's detail in plain JSON; `new`, `old` and `types` are omitted if there are none.

    >>> stream = "arn:aws:dynamodb:eu-west-1:123456789012:table/main/stream/now"
    >>> keys = {"id": {"S": "1"}, "metadata": {"S": "StarWar"}}
    >>> new = keys | {"projectScore": {"N": "60"}, "tags": {"SS": ["a"]}}
    >>> detail = to_detail(Change("e1", stream, "INSERT", keys, new, None, "7", "2026-01-01T00:00:00Z"))
    >>> detail["new"], detail["types"]
    ({'id': '1', 'metadata': 'StarWar', 'projectScore': 60, 'tags': ['a']}, {'/new/tags': 'SS'})
    """
    detail: dict[str, Any] = {
        "schema": SCHEMA,
        "id": change.id,
        "table": change.table,
        "operation": change.operation,
    }
    hints: Hints = {}
    for name, image in (("keys", change.keys), ("new", change.new), ("old", change.old)):
        if image is not None:
            detail[name] = {key: plain_value(value, f"/{name}", key, hints) for key, value in image.items()}
    detail |= {"changed": change.changed(), "sequence": change.sequence, "at": change.at}
    if change.user_identity:
        detail["userIdentity"] = change.user_identity
    if hints:
        detail["types"] = hints
    return detail


# ---------------------------------------------------------------- detail of a bus event -> Change


def from_event(event: Any) -> Change:
    """Read an event as the bus delivers it (source, resources, detail, ...); CannotRead names the wrong field."""
    detail = event.get("detail") if isinstance(event, Mapping) else None
    resources = event.get("resources") if isinstance(event, Mapping) else None
    if not isinstance(detail, Mapping) or not isinstance(resources, list) or not resources:
        raise CannotRead("This is not an event of the bus: it needs a detail and the stream's ARN under resources.")
    table_of(resources[0])
    return from_detail(detail, resources[0])


def from_detail(detail: Mapping[str, Any], stream_arn: str) -> Change:
    """Return the Change of this detail, with all types; CannotRead if its images are in S3."""
    if detail.get("schema") != SCHEMA:
        raise CannotRead(f"The event's schema is {detail.get('schema')!r}; this version reads {SCHEMA!r}.")
    if "images" in detail:
        raise CannotRead(
            "The event's images are in S3 (detail.images): resolve it first, with scorecast.changes.claim_store."
        )
    if detail.get("operation") not in OPERATIONS:
        raise CannotRead(f"The event's operation is {detail.get('operation')!r}; it must be one of {OPERATIONS}.")
    hints = hints_of(detail)
    images = {name: _image(detail.get(name), name, hints) for name in ("keys", "new", "old")}
    return Change(
        id=_field(detail, "id", str),
        stream_arn=stream_arn,
        operation=detail["operation"],
        keys=images["keys"] or {},
        new=images["new"],
        old=images["old"],
        sequence=pad_sequence(_field(detail, "sequence", str)),
        at=_time(_field(detail, "at", str)),
        user_identity=_user_identity(detail),
    )


def hints_of(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the hints of a detail; none if it has no `types`."""
    hints = detail.get("types", {})
    if not isinstance(hints, Mapping):
        raise CannotRead(f"The event's types are {hints!r}; they must be an object of JSON pointers.")
    return hints


def _time(at: str) -> str:
    """Check that a text is a time, and return it."""
    epoch_seconds(at)
    return at


def _image(plain: Any, name: str, hints: Mapping[str, Any]) -> Image | None:
    if plain is None:
        return None
    if not isinstance(plain, Mapping):
        raise CannotRead(f"The event's {name} is {plain!r}; it must be an object of attributes.")
    return {key: typed_value(item, f"/{name}/{escape(key)}", hints) for key, item in plain.items()}

"""Claim: where in S3 the images of a change too large for the bus are, and what its event keeps of them. Pure.

The document that a claim names is the whole detail of the event. Its key contains its hash: a repeated delivery or
attempt writes the same object, and no other object can replace it.
Raises CannotRead for a malformed pointer, or a document whose hash differs.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scorecast.changes.change import Change, from_event, to_detail
from scorecast.changes.values import Image, Value, escape
from scorecast.errors import CannotRead
from scorecast.runtime.settings import AttributeNames

FOLDER = "images"
# The most bytes of JSON that an event keeps of one attribute's value, and of the names under `changed`.
# A key of DynamoDB has up to 2,048 bytes, a number 40.
KEPT_BYTES = 4096
CHANGED_BYTES = 64 * 1024
# The fastest level: it takes half the time of the default and makes objects at most a tenth larger (docs/adr/0016).
_GZIP_LEVEL = 1
_GZIP_MAGIC = b"\x1f\x8b"
# A bucket's name becomes part of a host name: another character could make it a different host.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_FORMS = {
    "bucket": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z"),
    "key": re.compile(FOLDER + "/."),
    "sha256": re.compile(r"[0-9a-f]{64}\Z"),
}
_SCALARS = {"S", "N", "B", "BOOL", "NULL"}


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a document is in S3; `sha256` (hexadecimal) and `size_bytes` describe its JSON, not the gzipped object.

    `left_out` has JSON pointers to the values that the event should keep but could not.
    """

    bucket: str
    key: str
    sha256: str
    size_bytes: int
    left_out: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """The object's URI, for people."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def lacks_attributes(self) -> bool:
        """Whether the event lacks an attribute that it should keep."""
        return any(pointer.startswith(("/new/", "/old/")) for pointer in self.left_out)

    def pointer(self) -> dict[str, Any]:
        """The claim as an event carries it."""
        pointer = {"bucket": self.bucket, "key": self.key, "sha256": self.sha256, "bytes": self.size_bytes}
        return pointer | ({"leftOut": list(self.left_out)} if self.left_out else {})


def claim_for(document: bytes, bucket: str, name: str) -> Claim:
    """Make the claim of a document; the object's key is made of `name` and the document's hash.

    >>> claim = claim_for(b"{}", "backup", "main/7")
    >>> claim.uri
    's3://backup/images/main/7-44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a.json.gz'
    >>> read_pointer(claim.pointer()) == claim
    True
    """
    sha256 = hashlib.sha256(document).hexdigest()
    return Claim(bucket, f"{FOLDER}/{name}-{sha256}.json.gz", sha256, len(document))


def read_pointer(pointer: Any) -> Claim:
    """Read a claim as an event carries it."""
    if not isinstance(pointer, Mapping):
        raise CannotRead(
            f"The event's images are {pointer!r}; they must be an object with bucket, key, sha256 and bytes."
        )
    texts = {name: str(pointer.get(name, "")) for name in _FORMS}
    size_bytes, left_out = pointer.get("bytes"), pointer.get("leftOut", [])
    if wrong := [name for name, form in _FORMS.items() if not form.match(texts[name])]:
        raise CannotRead(f"The event's images have no usable {wrong[0]}: {texts[wrong[0]]!r}.")
    if not isinstance(size_bytes, int) or not isinstance(left_out, list):
        raise CannotRead(f"The event's images have {size_bytes!r} for bytes and {left_out!r} for leftOut.")
    return Claim(**texts, size_bytes=size_bytes, left_out=tuple(map(str, left_out)))


def claim_in(event: Any) -> Claim | None:
    """The claim that an event carries; None if it carries its images itself."""
    detail = event.get("detail") if isinstance(event, Mapping) else None
    if not isinstance(detail, Mapping) or "images" not in detail:
        return None
    return read_pointer(detail["images"])


def read_kept(event: Any) -> Change:
    """Read an event without its claim: the change with the attributes that the event keeps."""
    if claim_in(event) is None:
        return from_event(event)
    return from_event({**event, "detail": {name: value for name, value in event["detail"].items() if name != "images"}})


def kept_change(event: Any) -> Change | None:
    """Read a change as `read_kept` does; None for any other event, such as a standing event."""
    try:
        return read_kept(event)
    except CannotRead:
        return None


# ---------------------------------------------------------------- what the event keeps


def shorten(change: Change, claim: Claim, names: AttributeNames) -> dict[str, Any]:
    """Return the detail that carries a claim; its `new` and `old` keep only the attributes that a leaderboard needs."""
    kept = change.keys.keys() | {names.id, names.metadata, names.score, names.board, names.name}
    left_out = _too_large("new", change.new, kept) + _too_large("old", change.old, kept)
    short = replace(change, new=_kept(change.new, kept), old=_kept(change.old, kept))
    changed = change.changed()
    if _size_bytes(changed) > CHANGED_BYTES:
        changed = [name for name in changed if name in kept]
        left_out = ["/changed", *left_out]
    return to_detail(short) | {"changed": changed, "images": replace(claim, left_out=tuple(left_out)).pointer()}


def _kept(image: Image | None, names: set[str]) -> Image | None:
    return image and {name: value for name, value in image.items() if name in names and _is_small(value)}


def _too_large(parent: str, image: Image | None, names: set[str]) -> list[str]:
    found = [name for name, value in (image or {}).items() if name in names and not _is_small(value)]
    return [f"/{parent}/{escape(name)}" for name in sorted(found)]


def _is_small(value: Value) -> bool:
    """Whether a value may stay in the event: only a small scalar, since sets and nested values may need many hints."""
    return value.keys() <= _SCALARS and _size_bytes(value) <= KEPT_BYTES


def _size_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


# ---------------------------------------------------------------- the object


def pack(document: bytes) -> bytes:
    """Make the object's body; the same document always makes the same body."""
    return gzip.compress(document, _GZIP_LEVEL, mtime=0)


def unpack(claim: Claim, body: bytes) -> Any:
    """Read an object's body, which the HTTP client may have unzipped; CannotRead if it is not the claim's document."""
    try:
        document = gzip.decompress(body) if body.startswith(_GZIP_MAGIC) else body
    except (OSError, EOFError, zlib.error) as error:
        raise CannotRead(f"{claim.uri} cannot be unzipped: {error}.") from None
    if (found := hashlib.sha256(document).hexdigest()) != claim.sha256:
        raise CannotRead(f"{claim.uri} was replaced: its SHA-256 is {found}, not {claim.sha256}.")
    try:
        return json.loads(document)
    except ValueError as error:
        raise CannotRead(f"{claim.uri} is not JSON: {error}.") from None

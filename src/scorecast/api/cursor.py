"""The opaque `next` of a page: where the page ended, signed so that only tokens made here are accepted. Pure."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from scorecast.api.errors import ApiError

_SIGNATURE_BYTES = 16
# The version of the token's content. A token of another version is refused.
_FORM = b"2"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last entry of a page: its key in the index that sorts the board, and its place among the tied entries.

    `score` is DynamoDB's text of the number. `tie` is the key in the index for ties; empty if ties have no order.
    `tied` is the number of entries with its score up to and including it, when the page was read. A cursor has no
    ranks, because they may change between two pages.
    """

    id: str
    score: str
    tied: int
    tie: str = ""


def make_token(cursor: Cursor, scope: str, key: str) -> str:
    """Return a token that is only valid within this scope."""
    # The id comes last, because only the id may contain a line break.
    return sign("\n".join((str(cursor.tied), cursor.score, cursor.tie, cursor.id)), scope, key)


def read_token(token: str, scope: str, key: str) -> Cursor:
    """Return the cursor; ApiError 400 unless the token was made here for this scope."""
    tied, score, tie, participant = unsign(token, scope, key).split("\n", 3)
    return Cursor(participant, score, int(tied), tie)


def sign_next(names: Sequence[str], limit: int, scope: str, key: str) -> dict[str, str]:
    """Return the `next` of a list sorted by name; empty if the list has no more names than the limit."""
    return {"next": sign(names[limit - 1], scope, key)} if len(names) > limit else {}


def sign(content: str, scope: str, key: str) -> str:
    """Return a token that holds a text and is only valid within this scope: four characters per three bytes."""
    body = content.encode()
    return urlsafe_b64encode(_signature(body, scope, key) + body).decode().rstrip("=")


def unsign(token: str, scope: str, key: str) -> str:
    """Return the content of a token; ApiError 400 unless it was made here for this scope."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        raise _not_ours() from None
    signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(body, scope, key)):
        raise _not_ours()
    return body.decode()


def _signature(body: bytes, scope: str, key: str) -> bytes:
    return hmac.digest(key.encode(), _FORM + scope.encode() + b"\0" + body, hashlib.sha256)[:_SIGNATURE_BYTES]


def _not_ours() -> ApiError:
    detail = "next is not a value that this list returned; omit it to start at the first page."
    return ApiError(400, detail, "next")

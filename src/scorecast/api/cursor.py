"""The opaque `next` of a page: where the page ended, signed, so that only tokens made here are accepted. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from scorecast.api.errors import ApiError

_SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last entry of a page: its key and score, its rank, and how many entries were shown up to it.

    `tie` is its order among the entries of its score, on a board that orders ties.
    """

    id: str
    score: str
    rank: int
    shown: int
    tie: str = ""


def make_token(cursor: Cursor, scope: str, key: str) -> str:
    """Return a token that is valid within this scope only."""
    return sign(list(astuple(cursor)), scope, key)


def read_token(token: str, scope: str, key: str) -> Cursor:
    """Return the cursor; ApiError 400 unless the token was made here for this scope."""
    return Cursor(*unsign(token, scope, key))


def sign_next(names: Sequence[str], limit: int, scope: str, key: str) -> dict[str, str]:
    """Return the `next` of a list by name, if it has more names than the limit."""
    return {"next": sign(names[limit - 1], scope, key)} if len(names) > limit else {}


def sign(content: Any, scope: str, key: str) -> str:
    """Return a token that holds JSON and is valid within this scope only."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return urlsafe_b64encode(_signature(body, scope, key) + body).decode().rstrip("=")


def unsign(token: str, scope: str, key: str) -> Any:
    """Return the content of a token; ApiError 400 unless it was made here for this scope."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        raise _not_ours() from None
    signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(body, scope, key)):
        raise _not_ours()
    return json.loads(body)


def _signature(body: bytes, scope: str, key: str) -> bytes:
    return hmac.digest(key.encode(), scope.encode() + b"\0" + body, hashlib.sha256)[:_SIGNATURE_BYTES]


def _not_ours() -> ApiError:
    detail = "next is not a value that this list returned; omit it to start at the first page."
    return ApiError(400, detail, "next")

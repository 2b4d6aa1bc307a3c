"""The parameters of a request, one by one: each reader refuses what is not allowed, by name. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from scorecast.api.errors import ApiError
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.index.digits import LARGEST_MAGNITUDE, SCORE_DIGITS, SMALLEST_MAGNITUDE

# Longer than any that this API makes.
TOKEN_CHARACTERS = 8192
# Each is a look-up of its own.
IDS_MAX = 25

_NUMBER = re.compile(r"-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,3})?\Z")


class Parameters:
    """The parameters of a request, by name; each reader refuses what is not allowed."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        single = request.get("queryStringParameters") or {}
        repeated = request.get("multiValueQueryStringParameters") or {}
        self._values = {name: [value] for name, value in single.items()} | dict(repeated)

    @property
    def names(self) -> set[str]:
        return set(self._values)

    def allow(self, *allowed: str) -> None:
        """Refuse parameters of any other name, and with any other."""
        for name in self._values:
            if name not in allowed:
                known = f"allowed here are {', '.join(allowed)}" if allowed else "this path takes none"
                raise ApiError(400, f"The parameter {name[:100]} does not go here; {known}.", name[:100])

    def text(self, name: str) -> str | None:
        """The value of a parameter that may be given once; None where it is not given."""
        values: list[str] = self._values.get(name, [])
        if len(values) > 1:
            raise ApiError(400, f"The parameter {name} is given {len(values)} times; give it once.", name)
        return values[0] if values else None

    def whole(self, name: str, least: int, most: int, default: int) -> int:
        """A whole number."""
        text = self.text(name)
        if text is None:
            return default
        digits = len(str(most))
        if not (text.isascii() and text.isdigit() and len(text) <= digits and least <= int(text) <= most):
            raise ApiError(400, f"{name} is {text[:50]!r}; it must be a whole number from {least} to {most}.", name)
        return int(text)

    def token(self, name: str) -> str | None:
        """An opaque token; that it is ours is for page_token to say."""
        text = self.text(name)
        if text is not None and not 1 <= len(text) <= TOKEN_CHARACTERS:
            raise ApiError(400, f"{name} must be the value that the page before gave under {name}.", name)
        return text

    def score(self, name: str) -> Decimal:
        """A number as DynamoDB can hold it."""
        text = self.text(name) or ""
        score = Decimal(text) if _NUMBER.match(text) else None
        if score is None or len(score.as_tuple().digits) > SCORE_DIGITS or not _is_in_range(score):
            raise ApiError(400, f"{name} is {text[:50]!r}; it must be a number of at most {SCORE_DIGITS} digits.", name)
        return score

    def ids(self) -> tuple[str, ...]:
        """The ids of several participants, each once."""
        values = tuple(dict.fromkeys(self._values["id"]))
        if len(values) > IDS_MAX:
            raise ApiError(400, f"{len(values)} ids are asked for; allowed are up to {IDS_MAX}.", "id")
        return tuple(check_id(value) for value in values)


def _is_in_range(score: Decimal) -> bool:
    return not score or SMALLEST_MAGNITUDE <= score.adjusted() <= LARGEST_MAGNITUDE


def check_board(name: str) -> str:
    """Return the board's name, or refuse it for its length."""
    return _key("hackathonName", name, BOARD_BYTES)


def check_id(value: str) -> str:
    """Return the participant's id, or refuse it for its length."""
    return _key("id", value, ID_BYTES)


def _key(name: str, value: str, most_bytes: int) -> str:
    size_bytes = len(value.encode(errors="replace"))
    if not 1 <= size_bytes <= most_bytes:
        raise ApiError(400, f"{name} has {size_bytes} bytes of UTF-8; allowed are 1 to {most_bytes}.", name)
    return value

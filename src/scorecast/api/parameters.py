"""The parameters of a request; a value that is not allowed raises ApiError 400, which names the parameter. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from scorecast.api.errors import ApiError
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.derived_board import is_period
from scorecast.runtime.numbers import LARGEST_MAGNITUDE, NUMBER_DIGITS, SMALLEST_MAGNITUDE, is_dynamodb_number

# Longer than any token that this API makes: 16 bytes of signature, an id of 2,048 bytes, a score of 170, a key among
# ties of 260 with three columns, and a count, written with four characters per three bytes.
TOKEN_CHARACTERS = 3400
# Each id is a look-up of its own.
IDS_MAX = 25
# The most entries, or names of boards, on a page.
LIMIT_MAX = 100

# The relative names of periods; derived_board.py has the other names.
CURRENT, PREVIOUS = RELATIVE_PERIODS = ("current", "previous")
# DynamoDB may write its largest and smallest numbers without an exponent.
_NUMBER = re.compile(r"-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,3})?\Z")
# Precise enough for all digits that the expression allows.
_ANY_NUMBER = Context(prec=400)


class Parameters:
    """The parameters of a request's query string, by name, and of its path."""

    def __init__(self, request: Mapping[str, Any], path: Mapping[str, str] | None = None) -> None:
        self._path = path or {}
        single = request.get("queryStringParameters") or {}
        repeated = request.get("multiValueQueryStringParameters") or {}
        self._values = {name: [value] for name, value in single.items()} | dict(repeated)

    @property
    def names(self) -> set[str]:
        """The names of the parameters in the query string."""
        return set(self._values)

    def allow(self, *allowed: str) -> None:
        """Refuse a query string that has any other parameter."""
        for name in self._values:
            if name not in allowed:
                known = f"allowed are {', '.join(allowed)}" if allowed else "this path takes none"
                raise ApiError(400, f"The parameter {name[:100]} is not allowed here; {known}.", name[:100])

    def text(self, name: str) -> str | None:
        """Return a parameter that may be given once; None if it is not given."""
        values: list[str] = self._values.get(name, [])
        if len(values) > 1:
            raise ApiError(400, f"The parameter {name} is given {len(values)} times; give it once.", name)
        return values[0] if values else None

    def whole(self, name: str, least: int, most: int, default: int) -> int:
        """Return a whole number, or the default if it is not given."""
        text = self.text(name)
        if text is None:
            return default
        digits = len(str(most))
        if not (text.isascii() and text.isdigit() and len(text) <= digits and least <= int(text) <= most):
            raise ApiError(400, f"{name} is {text[:50]!r}; it must be a whole number from {least} to {most}.", name)
        return int(text)

    def flag(self, name: str) -> bool:
        """Return whether a parameter is `true`; it is `false` if it is not given."""
        text = self.text(name)
        if text is None:
            return False
        if text not in ("true", "false"):
            raise ApiError(400, f"{name} is {text[:50]!r}; it must be true or false.", name)
        return text == "true"

    def without(self, *names: str) -> Parameters:
        """Return the parameters without some from the query string."""
        others = {name: values for name, values in self._values.items() if name not in names}
        return Parameters({"multiValueQueryStringParameters": others}, self._path)

    def period(self) -> str | None:
        """Return which period of a board is requested: current, previous, or a period's name; None if not given."""
        text = self.text("period")
        if text is None or text in RELATIVE_PERIODS or is_period(text):
            return text
        allowed = "current, previous, or the name of a period such as 2026-11-26, 2026-W48 or 2026-11"
        raise ApiError(400, f"period is {text[:50]!r}; it must be {allowed}.", "period")

    def token(self, name: str) -> str | None:
        """Return an opaque token; its signature is checked where it is used."""
        text = self.text(name)
        if text is not None and not 1 <= len(text) <= TOKEN_CHARACTERS:
            raise ApiError(400, f"{name} must be the value of {name} in the previous page.", name)
        return text

    def score(self, name: str) -> Decimal:
        """Return a number that DynamoDB can hold, given in any notation; trailing zeros do not count as digits."""
        text = self.text(name) or ""
        score = _shorten(Decimal(text)) if _NUMBER.match(text) else None
        if score is None or not is_dynamodb_number(score):
            size = f"zero or from 1E{SMALLEST_MAGNITUDE} to below 1E{LARGEST_MAGNITUDE + 1} in size"
            allowed = f"a number of at most {NUMBER_DIGITS} significant digits, {size}"
            raise ApiError(400, f"{name} is {text[:50]!r}; it must be {allowed}.", name)
        return score

    def page_of_names(self) -> tuple[int, str | None]:
        """Return how many names a page of a list may have (by default the most allowed), and the page's token."""
        return self.whole("limit", 1, LIMIT_MAX, LIMIT_MAX), self.token("next")

    def board(self) -> str:
        """Return the name of the board."""
        name = self._path["hackathonName"] if "hackathonName" in self._path else self.text("hackathonName")
        if name is None:
            raise ApiError(400, "The parameter hackathonName is missing; it names the board.", "hackathonName")
        return _key("hackathonName", name, BOARD_BYTES)

    def participant(self) -> str:
        """Return the id of the participant that the path names."""
        return _key("id", self._path["id"], ID_BYTES)

    def participants(self) -> tuple[str, ...]:
        """Return the ids of several participants, without duplicates."""
        ids = self._values.get("id")
        if not ids:
            raise ApiError(400, "The parameter id is missing; it names a participant to compare.", "id")
        if len(ids) > IDS_MAX:
            raise ApiError(400, f"id is given {len(ids)} times; at most {IDS_MAX} are allowed.", "id")
        return tuple(_key("id", one, ID_BYTES) for one in dict.fromkeys(ids))


def _shorten(score: Decimal) -> Decimal:
    """Write zero without an exponent, and a long number without trailing zeros."""
    if not score:
        return Decimal(0)
    return score.normalize(_ANY_NUMBER) if len(score.as_tuple().digits) > NUMBER_DIGITS else score


def _key(name: str, value: str, most_bytes: int) -> str:
    size_bytes = len(value.encode(errors="replace"))
    if not 1 <= size_bytes <= most_bytes:
        raise ApiError(400, f"{name} has {size_bytes} bytes of UTF-8; 1 to {most_bytes} are allowed.", name)
    return value

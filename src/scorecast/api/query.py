"""What a request asks for: its path and parameters, checked. Pure.

Refuses, with ApiError 400 or 404, whatever is not one of the routes; the error names the parameter and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from scorecast.api.errors import ApiError

LIMIT_MAX = 100
LIMIT_DEFAULT = 10
# A board's name and an id are keys of the leaderboard table, which hold this many bytes of UTF-8.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-partition-sort-keys
BOARD_BYTES = 1024
ID_BYTES = 2048
# Longer than any that this API makes.
TOKEN_CHARACTERS = 8192


@dataclass(frozen=True, slots=True)
class ShowPage:
    """GET /: the page for people."""


@dataclass(frozen=True, slots=True)
class ListBoards:
    """GET /leaderBoard/: all boards with their totals."""


@dataclass(frozen=True, slots=True)
class ListEntries:
    """GET /leaderBoard/?hackathonName=: a page of a board, best first."""

    board: str
    limit: int
    token: str | None


@dataclass(frozen=True, slots=True)
class GetEntry:
    """GET /leaderBoard/{hackathonName}/participants/{id}: one participant's entry with its rank."""

    board: str
    id: str


@dataclass(frozen=True, slots=True)
class ListEntriesOf:
    """GET /participants/{id}: the boards a participant is on."""

    id: str


Query = ShowPage | ListBoards | ListEntries | GetEntry | ListEntriesOf


def read_query(request: Mapping[str, Any]) -> Query:
    """Read an API Gateway proxy request; ApiError says what is wrong with it."""
    parameters = _parameters(request)
    path = "/" + str(request.get("path") or "").strip("/")
    if path == "/leaderBoard":
        return _leader_board(parameters)
    _allow(parameters)
    if path == "/":
        return ShowPage()
    # Gateways differ on whether they decode a path, so a board's name is what stands between the fixed words.
    if path.startswith("/leaderBoard/") and "/participants/" in path:
        board, _, participant = path.removeprefix("/leaderBoard/").rpartition("/participants/")
        return GetEntry(_key("hackathonName", unquote(board), BOARD_BYTES), _key("id", unquote(participant), ID_BYTES))
    if path.startswith("/participants/"):
        return ListEntriesOf(_key("id", unquote(path.removeprefix("/participants/")), ID_BYTES))
    raise ApiError(404, f"There is nothing at {path[:200]}; see GET /leaderBoard/ for the boards.")


def _leader_board(parameters: dict[str, str]) -> Query:
    _allow(parameters, "hackathonName", "limit", "next")
    if not parameters:
        return ListBoards()
    if "hackathonName" not in parameters:
        raise ApiError(400, "The parameter hackathonName is missing; it names the board.", "hackathonName")
    board = _key("hackathonName", parameters["hackathonName"], BOARD_BYTES)
    return ListEntries(board, _limit(parameters.get("limit")), _token(parameters.get("next")))


def _parameters(request: Mapping[str, Any]) -> dict[str, str]:
    """The query's parameters; each may be given once."""
    repeated = request.get("multiValueQueryStringParameters") or {}
    for name, values in repeated.items():
        if len(values) > 1:
            raise ApiError(400, f"The parameter {name[:100]} is given {len(values)} times; give it once.", name[:100])
    return dict(request.get("queryStringParameters") or {})


def _allow(parameters: dict[str, str], *allowed: str) -> None:
    for name in parameters:
        if name not in allowed:
            known = f"allowed are {', '.join(allowed)}" if allowed else "this path takes none"
            raise ApiError(400, f"The parameter {name[:100]} is not known; {known}.", name[:100])


def _key(name: str, value: str, most_bytes: int) -> str:
    size_bytes = len(value.encode(errors="replace"))
    if not 1 <= size_bytes <= most_bytes:
        raise ApiError(400, f"{name} has {size_bytes} bytes of UTF-8; allowed are 1 to {most_bytes}.", name)
    return value


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LIMIT_MAX):
        raise ApiError(400, f"limit is {text[:50]!r}; it must be a whole number from 1 to {LIMIT_MAX}.", "limit")
    return int(text)


def _token(text: str | None) -> str | None:
    if text is not None and not 1 <= len(text) <= TOKEN_CHARACTERS:
        raise ApiError(400, "next must be the value that the page before gave under next.", "next")
    return text

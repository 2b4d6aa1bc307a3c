"""What a request asks for: its path and parameters, checked. Pure.

Refuses, with ApiError 400 or 404, whatever is not one of the routes; the error names the parameter and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from scorecast.api.errors import ApiError
from scorecast.api.parameters import Parameters, check_board, check_id

METHODS = ("GET", "HEAD")
LIMIT_MAX = 100
LIMIT_DEFAULT = 10
NEIGHBOURS_MAX = 25
NEIGHBOURS_DEFAULT = 2
POSITION_MAX = 10**12


@dataclass(frozen=True, slots=True)
class ShowPage:
    """GET /: the page for people."""


@dataclass(frozen=True, slots=True)
class ListBoards:
    """GET /leaderBoard/: a page of the boards with their totals, by name."""

    limit: int = LIMIT_MAX
    token: str | None = None


@dataclass(frozen=True, slots=True)
class ListEntries:
    """GET /leaderBoard/?hackathonName=: a page of a board, best first; from a token or a position (1 is the best)."""

    board: str
    limit: int
    token: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class CompareEntries:
    """GET /leaderBoard/?hackathonName=&id=&id=: the entries of several participants, best first."""

    board: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RankScore:
    """GET /leaderBoard/?hackathonName=&rankOfScore=: the rank that a score has or would have."""

    board: str
    score: Decimal


@dataclass(frozen=True, slots=True)
class GetEntry:
    """GET /leaderBoard/{hackathonName}/participants/{id}: one entry with its rank, and as many neighbours each side."""

    board: str
    id: str
    neighbours: int


@dataclass(frozen=True, slots=True)
class GetHistogram:
    """GET /leaderBoard/{hackathonName}/histogram: how the scores are spread."""

    board: str


@dataclass(frozen=True, slots=True)
class ListParticipantBoards:
    """GET /participants/{id}: a page of the boards a participant is on, by name."""

    id: str
    limit: int = LIMIT_MAX
    token: str | None = None


@dataclass(frozen=True, slots=True)
class GetOpenApi:
    """GET /openapi.json: what this API is."""


Question = ListBoards | ListEntries | CompareEntries | RankScore | GetHistogram | GetEntry | ListParticipantBoards
"""What is asked of the leaderboard."""
Query = ShowPage | GetOpenApi | Question


def read_query(request: Mapping[str, Any]) -> Query:
    """Read an API Gateway proxy request; ApiError says what is wrong with it."""
    method = request.get("httpMethod") or "GET"
    if method not in METHODS:
        raise ApiError(405, f"The method {method} is not for here; allowed are {', '.join(METHODS)} and OPTIONS.")
    parameters = Parameters(request)
    path = "/" + str(request.get("path") or "").strip("/")
    if path == "/leaderBoard":
        return _leader_board(parameters)
    # Gateways differ on whether they decode a path, so a board's name is what stands between the fixed words.
    if path.startswith("/leaderBoard/") and "/participants/" in path:
        board, _, participant = path.removeprefix("/leaderBoard/").rpartition("/participants/")
        parameters.allow("neighbours")
        neighbours = parameters.whole("neighbours", 0, NEIGHBOURS_MAX, NEIGHBOURS_DEFAULT)
        return GetEntry(check_board(unquote(board)), check_id(unquote(participant)), neighbours)
    if path.startswith("/participants/"):
        parameters.allow("limit", "next")
        return ListParticipantBoards(check_id(unquote(path.removeprefix("/participants/"))), *_list_page(parameters))
    parameters.allow()
    if path.startswith("/leaderBoard/") and path.endswith("/histogram"):
        return GetHistogram(check_board(unquote(path.removeprefix("/leaderBoard/").removesuffix("/histogram"))))
    if path in _FIXED:
        return _FIXED[path]
    raise ApiError(404, f"There is nothing at {path[:200]}; GET /openapi.json says what there is.")


_FIXED: dict[str, Query] = {"/": ShowPage(), "/openapi.json": GetOpenApi()}


def _leader_board(parameters: Parameters) -> Query:
    parameters.allow("hackathonName", "limit", "next", "atRank", "rankOfScore", "id")
    if parameters.names <= {"limit", "next"}:
        return ListBoards(*_list_page(parameters))
    if "hackathonName" not in parameters.names:
        raise ApiError(400, "The parameter hackathonName is missing; it names the board.", "hackathonName")
    board = check_board(parameters.text("hackathonName") or "")
    if "rankOfScore" in parameters.names:
        parameters.allow("hackathonName", "rankOfScore")
        return RankScore(board, parameters.score("rankOfScore"))
    if "id" in parameters.names:
        parameters.allow("hackathonName", "id")
        return CompareEntries(board, parameters.ids())
    limit = parameters.whole("limit", 1, LIMIT_MAX, LIMIT_DEFAULT)
    if "atRank" in parameters.names:
        parameters.allow("hackathonName", "limit", "atRank")
        return ListEntries(board, limit, position=parameters.whole("atRank", 1, POSITION_MAX, 1))
    return ListEntries(board, limit, token=parameters.token("next"))


def _list_page(parameters: Parameters) -> tuple[int, str | None]:
    """Which page of a list by name, and how long it may be: all that is allowed, if nothing is said."""
    return parameters.whole("limit", 1, LIMIT_MAX, LIMIT_MAX), parameters.token("next")

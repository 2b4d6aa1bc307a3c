"""The routes of the API: paths, their parameters, and the readers of their requests. Pure.

A new endpoint is a module of `endpoints`, a line of `ROUTES`, and its part of openapi.json.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from urllib.parse import unquote

from scorecast.api.endpoints.boards import ListBoards
from scorecast.api.endpoints.comparison import CompareEntries
from scorecast.api.endpoints.derived_boards import ListPeriods, ListValues
from scorecast.api.endpoints.documents import Document, GetOpenApi, ShowPage
from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.endpoints.histogram import GetHistogram
from scorecast.api.endpoints.movement import AskMovement
from scorecast.api.endpoints.participant import GetEntry
from scorecast.api.endpoints.participant_boards import ListParticipantBoards
from scorecast.api.endpoints.period import AskPeriod, BoardQuestion
from scorecast.api.endpoints.score_rank import RankScore
from scorecast.api.errors import ApiError
from scorecast.api.fields import Fields
from scorecast.api.parameters import Parameters
from scorecast.api.reader import LeaderboardReader

METHODS = ("GET", "HEAD")


class Question(Protocol):
    """A query that is answered from the leaderboard."""

    def answer(self, reader: LeaderboardReader) -> Fields: ...


Query = Document | Question


@dataclass(frozen=True, slots=True)
class Route:
    """A path as in openapi.json, the function that reads its requests, and the query parameters that it allows."""

    path: str
    read: Callable[[Parameters], Query]
    parameters: tuple[str, ...] = ()


def read_leader_board(parameters: Parameters) -> BoardQuestion | ListBoards:
    """Read a request of the one path that answers four questions; its parameters tell which one."""
    if "rankOfScore" in parameters.names:
        return RankScore.read(parameters)
    if parameters.names & {"id", "among"}:
        return CompareEntries.read(parameters)
    if parameters.names <= {"limit", "next"}:
        return ListBoards.read(parameters)
    return ListEntries.read(parameters)


def in_period(read: Callable[[Parameters], Query]) -> Callable[[Parameters], Query]:
    """Return a reader of the same requests that also takes the parameters `period` and `movement`."""

    def read_in_period(parameters: Parameters) -> Query:
        period, has_movement = parameters.period(), parameters.flag("movement")
        query = read(parameters.without("period", "movement"))
        if period is None and not has_movement:
            return query
        if not isinstance(query, BoardQuestion):
            raise ApiError(400, "The parameter hackathonName is missing; it names the board.", "hackathonName")
        question = query if period is None else AskPeriod(query, period)
        return AskMovement(question) if has_movement else question

    return read_in_period


# The first match wins: an id may end in /histogram.
ROUTES = (
    Route("/", lambda _: ShowPage(), ("screen", "embed")),
    Route("/openapi.json", lambda _: GetOpenApi()),
    Route(
        "/leaderBoard/",
        in_period(read_leader_board),
        ("hackathonName", "limit", "next", "atRank", "rankOfScore", "id", "among", "period", "movement"),
    ),
    Route(
        "/leaderBoard/{hackathonName}/participants/{id}", in_period(GetEntry.read), ("neighbours", "period", "movement")
    ),
    Route("/leaderBoard/{hackathonName}/histogram", in_period(GetHistogram.read), ("period",)),
    Route("/leaderBoard/{hackathonName}/periods", ListPeriods.read, ("limit", "next")),
    Route("/leaderBoard/{hackathonName}/values", ListValues.read, ("limit", "next")),
    Route("/participants/{id}", ListParticipantBoards.read, ("limit", "next")),
)


def read_query(request: Mapping[str, Any]) -> Query:
    """Read an API Gateway proxy request; raise ApiError 400, 404 or 405 if no route accepts it."""
    method = request.get("httpMethod") or "GET"
    if method not in METHODS:
        raise ApiError(405, f"The method {method} is not allowed; allowed are {', '.join(METHODS)} and OPTIONS.")
    path = "/" + str(request.get("path") or "").strip("/")
    for route in ROUTES:
        if match := _pattern(route.path).fullmatch(path):
            parameters = Parameters(request, {name: unquote(part) for name, part in match.groupdict().items()})
            parameters.allow(*route.parameters)
            return route.read(parameters)
    Parameters(request).allow()
    raise ApiError(404, f"There is nothing at {path[:200]}; GET /openapi.json lists the paths.")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    # A board's name may hold slashes, because gateways differ on whether they decode a path.
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(path.rstrip("/") or "/"))
    return re.compile(pattern, re.DOTALL)

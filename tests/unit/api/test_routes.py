from decimal import Decimal

import pytest

from scorecast.api.endpoints.boards import ListBoards
from scorecast.api.endpoints.comparison import CompareEntries
from scorecast.api.endpoints.derived_boards import ListPeriods, ListValues
from scorecast.api.endpoints.documents import GetOpenApi, ShowPage
from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.endpoints.histogram import GetHistogram
from scorecast.api.endpoints.movement import AskMovement
from scorecast.api.endpoints.participant import GetEntry
from scorecast.api.endpoints.participant_boards import ListParticipantBoards
from scorecast.api.endpoints.period import AskPeriod
from scorecast.api.endpoints.score_rank import RankScore
from scorecast.api.errors import ApiError
from scorecast.api.routes import Query, read_query


def asked(path: str, **parameters: str) -> Query:
    return read_query({"path": path, "queryStringParameters": parameters or None})


def asked_many(**parameters: list[str]) -> Query:
    """Ask as API Gateway does, which gives the last value of each parameter, and all of them."""
    last = {name: values[-1] for name, values in parameters.items()}
    many = {"queryStringParameters": last, "multiValueQueryStringParameters": parameters}
    return read_query({"path": "/leaderBoard"} | many)


@pytest.mark.parametrize(
    ("path", "parameters", "query"),
    [
        ("/", {}, ShowPage()),
        ("", {}, ShowPage()),
        ("/", {"screen": ""}, ShowPage()),
        ("/", {"embed": ""}, ShowPage()),
        ("/leaderBoard", {}, ListBoards()),
        ("/leaderBoard/", {}, ListBoards(100, None)),
        ("/leaderBoard/", {"limit": "5", "next": "x"}, ListBoards(5, "x")),
        ("/leaderBoard/", {"hackathonName": "StarWar"}, ListEntries("StarWar", 10, None)),
        ("/leaderBoard", {"hackathonName": "a b/ü", "limit": "100", "next": "x"}, ListEntries("a b/ü", 100, "x")),
        ("/leaderBoard", {"hackathonName": "a", "atRank": "5000"}, ListEntries("a", 10, position=5000)),
        ("/leaderBoard", {"hackathonName": "a", "rankOfScore": "-1.5e3"}, RankScore("a", Decimal(-1500))),
        ("/leaderBoard", {"hackathonName": "a", "id": "7"}, CompareEntries("a", ("7",))),
        ("/leaderBoard", {"hackathonName": "a", "id": "7", "among": "true"}, CompareEntries("a", ("7",), among=True)),
        ("/leaderBoard", {"hackathonName": "a", "id": "7", "among": "false"}, CompareEntries("a", ("7",))),
        ("/leaderBoard/StarWar/participants/1", {}, GetEntry("StarWar", "1", 2)),
        ("/leaderBoard/StarWar/participants/1", {"neighbours": "0"}, GetEntry("StarWar", "1", 0)),
        ("/leaderBoard/a%2Fb%20c/participants/p%25", {}, GetEntry("a/b c", "p%", 2)),
        ("/leaderBoard/a/b c/participants/p", {}, GetEntry("a/b c", "p", 2)),
        ("/leaderBoard/a%2Fhistogram/histogram", {}, GetHistogram("a/histogram")),
        ("/leaderBoard/participants/histogram", {}, GetHistogram("participants")),
        ("/leaderBoard/a/participants/b/histogram", {}, GetEntry("a", "b/histogram", 2)),
        ("/leaderBoard/a/participants/b/participants/c", {}, GetEntry("a/participants/b", "c", 2)),
        ("/leaderBoard/a b/periods", {"limit": "5"}, ListPeriods("a b", 5)),
        ("/leaderBoard/a/values", {"next": "x"}, ListValues("a", token="x")),
        ("/leaderBoard", {"hackathonName": "a", "period": "current"}, AskPeriod(ListEntries("a", 10), "current")),
        ("/leaderBoard/a/histogram", {"period": "2026-11"}, AskPeriod(GetHistogram("a"), "2026-11")),
        ("/leaderBoard", {"hackathonName": "a", "movement": "true"}, AskMovement(ListEntries("a", 10))),
        ("/leaderBoard", {"hackathonName": "a", "movement": "false"}, ListEntries("a", 10)),
        (
            "/leaderBoard/a/participants/b",
            {"period": "current", "movement": "true"},
            AskMovement(AskPeriod(GetEntry("a", "b", 2), "current")),
        ),
        ("/leaderBoard/a/participants/b", {"period": "previous"}, AskPeriod(GetEntry("a", "b", 2), "previous")),
        ("/openapi.json", {}, GetOpenApi()),
        ("/participants/1/", {}, ListParticipantBoards("1", 100, None)),
        ("/participants/1", {"limit": "5", "next": "x"}, ListParticipantBoards("1", 5, "x")),
        ("/participants/%E5%90%8D", {}, ListParticipantBoards("名")),
    ],
)
def test_a_request_is_read(path: str, parameters: dict[str, str], query: Query) -> None:
    assert asked(path, **parameters) == query


@pytest.mark.parametrize(
    ("path", "parameters", "status", "parameter", "detail"),
    [
        ("/nothing", {}, 404, None, "nothing at /nothing"),
        ("/leaderBoard/StarWar", {}, 404, None, "openapi.json lists the paths"),
        ("/leaderBoard/histogram", {}, 404, None, "nothing at /leaderBoard/histogram"),
        ("/leaderBoard/participants/1", {}, 404, None, "nothing at /leaderBoard/participants/1"),
        ("/openapi-json", {}, 404, None, "nothing at /openapi-json"),
        ("/leaderBoard", {"limit": "5", "atRank": "1"}, 400, "hackathonName", "hackathonName is missing"),
        ("/leaderBoard", {"rankOfScore": "5"}, 400, "hackathonName", "hackathonName is missing"),
        ("/leaderBoard", {"hackathonName": ""}, 400, "hackathonName", "0 bytes of UTF-8; 1 to 1024 are allowed"),
        ("/leaderBoard", {"hackathonName": "名" * 342}, 400, "hackathonName", "1026 bytes"),
        ("/leaderBoard", {"hackathonName": "a", "limit": "0"}, 400, "limit", "whole number from 1 to 100"),
        ("/leaderBoard", {"hackathonName": "a", "limit": "101"}, 400, "limit", "'101'"),
        ("/leaderBoard", {"hackathonName": "a", "limit": "ten"}, 400, "limit", "'ten'"),
        ("/leaderBoard", {"hackathonName": "a", "limit": "-1"}, 400, "limit", "'-1'"),
        ("/leaderBoard", {"hackathonName": "a", "limit": "\u0661"}, 400, "limit", "whole number"),
        ("/leaderBoard", {"hackathonName": "a", "next": ""}, 400, "next", "in the previous page"),
        ("/leaderBoard", {"hackathonName": "a", "next": "x" * 9000}, 400, "next", "in the previous page"),
        ("/leaderBoard", {"board": "a"}, 400, "board", "allowed are hackathonName, limit, next"),
        ("/leaderBoard", {"hackathonName": "a", "atRank": "0"}, 400, "atRank", "whole number from 1"),
        ("/leaderBoard", {"hackathonName": "a", "atRank": "1", "next": "x"}, 400, "next", "is not allowed here"),
        ("/leaderBoard", {"hackathonName": "a", "rankOfScore": "high"}, 400, "rankOfScore", "38 significant digits"),
        ("/leaderBoard", {"hackathonName": "a", "rankOfScore": "1" * 39}, 400, "rankOfScore", "38 significant digits"),
        ("/leaderBoard", {"hackathonName": "a", "rankOfScore": "1e126"}, 400, "rankOfScore", "38 significant digits"),
        ("/leaderBoard", {"hackathonName": "a", "rankOfScore": "nan"}, 400, "rankOfScore", "38 significant digits"),
        ("/leaderBoard", {"hackathonName": "a", "id": ""}, 400, "id", "0 bytes"),
        ("/leaderBoard", {"hackathonName": "a", "among": "true"}, 400, "id", "id is missing; it names a participant"),
        ("/leaderBoard", {"hackathonName": "a", "id": "7", "among": "yes"}, 400, "among", "'yes'; it must be true or"),
        ("/leaderBoard", {"hackathonName": "a", "rankOfScore": "5", "among": "true"}, 400, "among", "not allowed here"),
        ("/leaderBoard/a/participants/b", {"neighbours": "26"}, 400, "neighbours", "from 0 to 25"),
        ("/leaderBoard/a/histogram", {"limit": "1"}, 400, "limit", "allowed are period"),
        ("/openapi.json", {"limit": "1"}, 400, "limit", "this path takes none"),
        (
            "/leaderBoard",
            {"hackathonName": "a", "period": "2026-W4"},
            400,
            "period",
            "'2026-W4'; it must be current",
        ),
        ("/leaderBoard/a/histogram", {"period": ""}, 400, "period", "or the name of a period such as 2026-11-26"),
        ("/leaderBoard", {"period": "current"}, 400, "hackathonName", "hackathonName is missing"),
        ("/leaderBoard/a/periods", {"period": "current"}, 400, "period", "allowed are limit, next"),
        ("/participants/1", {"atRank": "1"}, 400, "atRank", "allowed are limit, next"),
        ("/participants/1", {"limit": "101"}, 400, "limit", "whole number from 1 to 100"),
        ("/participants/" + "x" * 2049, {}, 400, "id", "2049 bytes"),
        ("/leaderBoard/x/participants/" + "y" * 2049, {}, 400, "id", "2049 bytes"),
    ],
)
def test_an_invalid_request_is_refused_with_what_is_allowed(
    path: str, parameters: dict[str, str], status: int, parameter: str | None, detail: str
) -> None:
    with pytest.raises(ApiError) as caught:
        asked(path, **parameters)
    assert (caught.value.status, caught.value.parameter) == (status, parameter)
    assert detail in str(caught.value)


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(ApiError, match="limit is given 2 times"):
        asked_many(hackathonName=["a"], limit=["1", "2"])


def test_repeated_ids_are_read_once() -> None:
    assert asked_many(hackathonName=["a"], id=["1", "2", "1"]) == CompareEntries("a", ("1", "2"))
    for ids in ([str(at) for at in range(26)], ["1"] * 26):
        with pytest.raises(ApiError, match="id is given 26 times; at most 25 are allowed"):
            asked_many(hackathonName=["a"], id=ids)


@pytest.mark.parametrize("event", [{}, {"path": None}, {"path": "/", "queryStringParameters": None}])
def test_a_bare_event_asks_for_the_page(event: dict[str, object]) -> None:
    assert read_query(event) == ShowPage()

"""The OpenAPI document has the paths, the parameters and the limits of the code."""

import json
from pathlib import Path
from typing import Any

import pytest

import scorecast.api
from scorecast.api import parameters
from scorecast.api.endpoints import entries, participant
from scorecast.api.errors import ApiError
from scorecast.api.routes import ROUTES, read_query
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.index import lookup

DOCUMENT = json.loads(Path(scorecast.api.__file__).with_name("openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [(path, methods["get"]) for path, methods in DOCUMENT["paths"].items()]
EXAMPLES = {
    "screen": "",
    "embed": "",
    "hackathonName": "a",
    "limit": "5",
    "next": "x",
    "atRank": "5",
    "rankOfScore": "5",
    "id": "1",
    "among": "true",
    "neighbours": "3",
    "period": "2026-W48",
    "movement": "true",
}
# What a parameter is not allowed without.
COMPANY = {"among": {"id": "1"}}


def path_of(template: str) -> str:
    return template.replace("{hackathonName}", "a").replace("{id}", "1")


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_path_is_a_route_that_takes_the_parameters_it_names(path: str, operation: dict[str, Any]) -> None:
    names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    assert read_query({"path": path_of(path)})
    for name in names:
        board = {"hackathonName": "a"} if "hackathonName" in names else {}
        given = board | COMPANY.get(name, {}) | {name: EXAMPLES[name]}
        assert read_query({"path": path_of(path), "queryStringParameters": given})
    for name in set(EXAMPLES) - set(names):
        with pytest.raises(ApiError):
            read_query({"path": path_of(path), "queryStringParameters": {name: EXAMPLES[name]}})


def test_every_route_is_in_the_document() -> None:
    assert sorted(route.path for route in ROUTES) == sorted(DOCUMENT["paths"])
    assert len({operation["operationId"] for _, operation in OPERATIONS}) == len(ROUTES)


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_route_allows_the_query_parameters_that_the_document_names(path: str, operation: dict[str, Any]) -> None:
    [route] = [route for route in ROUTES if route.path == path]
    assert list(route.parameters) == [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]


def test_the_limits_are_those_of_the_code() -> None:
    of = {
        operation["operationId"]: {
            one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"
        }
        for _, operation in OPERATIONS
    }
    limits = {name: (one["limit"]["maximum"], one["limit"]["default"]) for name, one in of.items() if "limit" in one}
    schemas = of["listEntries"] | of["getEntry"]
    assert limits == {
        "listEntries": (parameters.LIMIT_MAX, entries.LIMIT_DEFAULT),
        "listEntriesOf": (parameters.LIMIT_MAX, parameters.LIMIT_MAX),
        "listPeriods": (parameters.LIMIT_MAX, parameters.LIMIT_MAX),
        "listValues": (parameters.LIMIT_MAX, parameters.LIMIT_MAX),
    }
    assert schemas["neighbours"]["maximum"] == participant.NEIGHBOURS_MAX
    assert schemas["neighbours"]["default"] == participant.NEIGHBOURS_DEFAULT
    assert schemas["hackathonName"]["maxLength"] == BOARD_BYTES
    assert schemas["id"]["maxItems"] == parameters.IDS_MAX
    assert schemas["id"]["items"]["maxLength"] == ID_BYTES
    histogram = DOCUMENT["components"]["schemas"]["Histogram"]["allOf"][1]["properties"]
    assert histogram["bars"]["maxItems"] == lookup.MOST_BARS

"""The OpenAPI document says what the API takes: its paths, its parameters, their limits."""

import json
from pathlib import Path

import pytest

import scorecast.api
from scorecast.api import parameters, query
from scorecast.api.errors import ApiError

DOCUMENT = json.loads(Path(scorecast.api.__file__).with_name("openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [(path, methods["get"]) for path, methods in DOCUMENT["paths"].items()]
EXAMPLES = {
    "hackathonName": "a",
    "limit": "5",
    "next": "x",
    "atRank": "5",
    "rankOfScore": "5",
    "id": "1",
    "neighbours": "3",
}


def path_of(template: str) -> str:
    return template.replace("{hackathonName}", "a").replace("{id}", "1")


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_path_is_a_route_that_takes_the_parameters_it_names(path: str, operation: dict) -> None:
    names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    assert query.read_query({"path": path_of(path)})
    for name in names:
        board = {"hackathonName": "a"} if "hackathonName" in names else {}
        assert query.read_query({"path": path_of(path), "queryStringParameters": board | {name: EXAMPLES[name]}})
    for name in set(EXAMPLES) - set(names):
        with pytest.raises(ApiError):
            query.read_query({"path": path_of(path), "queryStringParameters": {name: EXAMPLES[name]}})


def test_every_route_is_in_the_document() -> None:
    operations = {operation["operationId"] for _, operation in OPERATIONS}
    assert len(operations) == len(DOCUMENT["paths"]) == 6


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
        "listEntries": (query.LIMIT_MAX, query.LIMIT_DEFAULT),
        "listEntriesOf": (query.LIMIT_MAX, query.LIMIT_MAX),
    }
    assert schemas["neighbours"]["maximum"] == query.NEIGHBOURS_MAX
    assert schemas["neighbours"]["default"] == query.NEIGHBOURS_DEFAULT
    assert schemas["hackathonName"]["maxLength"] == parameters.BOARD_BYTES
    assert schemas["id"]["maxItems"] == parameters.IDS_MAX
    assert schemas["id"]["items"]["maxLength"] == parameters.ID_BYTES

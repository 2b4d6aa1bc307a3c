"""The API keeps to its OpenAPI document: Schemathesis sends requests that the document allows and others.

It checks status, headers, content type and schema of every answer, that no answer is a server error, and that
requests that the document does not allow are refused. The requests are the same in every run, unless `make explore`
gives another seed.
"""

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import pytest
import schemathesis
from hypothesis import core, settings
from schemathesis.checks import CheckFunction
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from scorecast.api import handler
from scorecast.api.endpoints.documents import GetOpenApi
from scorecast.leaderboard.columns import Values
from scorecast.leaderboard.policy import BoardPolicy
from tests.support.api_fakes import SAMPLE, FakeTable, serve

# An entry that exists: generated text is hardly ever the name of a board.
KNOWN = {"hackathonName": "StarWar", "path.id": "2"}
# Valid values may be refused here: `next` is signed, and OpenAPI cannot express which parameters exclude each other.
EXCLUDED: dict[str, list[CheckFunction]] = {
    path: [positive_data_acceptance]
    for path in (
        "/leaderBoard/",
        "/leaderBoard/{hackathonName}/periods",
        "/leaderBoard/{hackathonName}/values",
        "/participants/{id}",
    )
}


def gateway(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve LeaderGet by WSGI, called as API Gateway calls it: the path as sent, the parameters decoded."""
    event = {
        "httpMethod": environ["REQUEST_METHOD"],
        "path": environ["REQUEST_URI"].partition("?")[0],
        "multiValueQueryStringParameters": parse_qs(environ["QUERY_STRING"], keep_blank_values=True) or None,
        "headers": {name[5:].replace("_", "-"): value for name, value in environ.items() if name[:5] == "HTTP_"},
    }
    answer = handler.handle(event, None)
    status = HTTPStatus(answer["statusCode"])
    start_response(f"{status.value} {status.phrase}", list(answer["headers"].items()))
    return [answer["body"].encode()]


def described(parameters: dict[str, str]) -> OpenApiSchema:
    """Load the OpenAPI document, with these parameters fixed."""
    generation = {"deterministic": settings().derandomize}
    config = {"seed": core.global_force_seed or 1, "base-url": "http://localhost/", "generation": generation}
    document = json.loads(GetOpenApi().answer()["body"])
    schema = schemathesis.openapi.from_dict(
        document, config=SchemathesisConfig.from_dict(config | {"parameters": parameters})
    )
    schema.app = gateway
    return schema


@pytest.fixture(autouse=True)
def board(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the boards has columns, so that answers have positions, and values by which equal scores are ranked."""
    reached = dict.fromkeys("123", "2026-01-01T00:00:00Z")
    policy = BoardPolicy(then_by="penalty:ascending,solvedAt:descending")
    columns: dict[str, Values] = {"1": ("12.5", "2026-01-01T00:00:00Z"), "2": ("0", "")}
    serve(monkeypatch, FakeTable(SAMPLE, policies={"StarWar": policy}, reached=reached, columns=columns))


@described({}).parametrize()
@settings(max_examples=50)
def test_any_request_is_answered_as_documented(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(excluded_checks=EXCLUDED.get(case.path, []))


@described(KNOWN).parametrize()
@settings(max_examples=50)
def test_any_request_for_a_board_that_exists_is_answered_as_documented(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(excluded_checks=EXCLUDED.get(case.path, []))

"""The deployed API, over HTTP through the gateway, conforms to its OpenAPI document."""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

import scorecast.api
from tests.support.deployed import Stack

DOCUMENT = Path(scorecast.api.__file__).with_name("openapi.json")
CONFIG = SchemathesisConfig.from_dict({"seed": 1, "generation": {"deterministic": True}})
# The gateway refuses a request line that is too long; the API never sees it.
TOO_LONG_FOR_THE_GATEWAY = 431
described = schemathesis.openapi.from_path(DOCUMENT, config=CONFIG)


@described.parametrize()
@settings(max_examples=20)
def test_any_request_is_answered_as_documented(case: schemathesis.Case[Any], stack: Stack) -> None:
    response = case.call(base_url=stack.api)
    if response.status_code != TOO_LONG_FOR_THE_GATEWAY:
        case.validate_response(response, excluded_checks=[positive_data_acceptance])


def test_the_stage_is_throttled_as_the_template_says(stack: Stack) -> None:
    api_id = stack.outputs["LeaderGetApi"].removeprefix("https://").partition(".")[0]
    stage = stack.client("apigateway").get_stage(restApiId=api_id, stageName="Prod")
    settings_of_all = stage["methodSettings"]["*/*"]
    assert (settings_of_all["throttlingRateLimit"], settings_of_all["throttlingBurstLimit"]) == (100.0, 200)

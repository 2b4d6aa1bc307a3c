"""The quick client calls what boto3's client calls, with the same settings."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from scorecast.ops.stack.stack import Target

SESSION = boto3.Session(aws_access_key_id="id", aws_secret_access_key="key", region_name="eu-west-1")
TWIN = "http://127.0.0.1:4999"


@pytest.mark.parametrize(
    ("endpoint", "url", "attempts"), [(TWIN, f"{TWIN}/", 3), (None, "https://dynamodb.eu-west-1.amazonaws.com/", 5)]
)
def test_it_calls_the_same_endpoint_as_often(endpoint: str | None, url: str, attempts: int) -> None:
    target = Target(SESSION, endpoint)
    client = target.json_client("dynamodb")
    assert (client.endpoint, client.region, client.total_attempts) == (url, "eu-west-1", attempts)
    assert target.json_client("dynamodb") is client


class Http:
    """Answers every request alike, and keeps them."""

    def __init__(self, status: int, answer: Any) -> None:
        self.status_code, self.content, self.headers = status, json.dumps(answer).encode(), {"x": "y"}
        self.requests: list[Any] = []

    def send(self, request: Any) -> "Http":
        self.requests.append(request)
        return self


def test_it_signs_with_the_sessions_credentials_and_answers_what_the_service_says() -> None:
    page = {"Items": [{"id": {"S": "a"}, "photo": {"B": "cG5n"}}], "Count": 1}
    http = Http(200, page)
    client = replace(Target(SESSION, TWIN).json_client("dynamodb"), http=http)
    assert client.scan(TableName="main") == page
    [request] = http.requests
    assert "Credential=id/" in request.headers["Authorization"]
    assert json.loads(request.body) == {"TableName": "main"}


def test_its_errors_are_boto3s() -> None:
    answer = {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no such table"}
    client = replace(Target(SESSION, TWIN).json_client("dynamodb"), http=Http(400, answer))
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*no such table"):
        client.scan(TableName="main")

"""The functions' own client against botocore's: the same request, the same answer, the same error."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError
from botocore.httpsession import URLLib3Session

from scorecast.errors import SettingError
from scorecast.runtime import aws
from scorecast.runtime.aws import Client, S3Client, create_client, create_s3_client

ENTRY = {"Source": "s", "DetailType": "INSERT", "Detail": '{"name":"名前"}', "Resources": [], "EventBusName": "b"}
PUT = {"TableName": "table", "Item": {"id": {"S": "1"}, "score": {"N": "60"}}}
CALLS = [
    ("events", "put_events", {"Entries": [ENTRY | {"Time": 1586939176}]}),
    ("sqs", "send_message_batch", {"QueueUrl": "https://queue/1", "Entries": [{"Id": "0", "MessageBody": "body"}]}),
    ("dynamodb", "get_item", {"TableName": "table", "Key": {"id": {"S": "1"}}}),
    ("dynamodb", "transact_write_items", {"TransactItems": [{"Put": PUT}], "ClientRequestToken": "token"}),
    ("dynamodb", "query", {"TableName": "table", "Limit": 10}),
]


@dataclass
class FakeHttp:
    """The network: records the requests, and returns the given answers."""

    answers: list[tuple[int, Any] | Exception] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)

    def send(self, request: Any) -> Any:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else (200, {})
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        response: Any = AWSResponse(request.url, status, HTTPHeaders(), None)
        response._content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return response


MakeClient = Callable[..., Any]
MakeS3 = Callable[..., Any]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Client]]:
    aws._credentials.cache_clear()
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "_X_AMZN_TRACE_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for name, value in zip(aws._CREDENTIALS, ("key", "secret", "session"), strict=True):
        monkeypatch.setenv(name, value)

    def make(service: str, *answers: tuple[int, Any] | Exception, total_attempts: int = 4) -> Client:
        made = create_client(service, total_attempts=total_attempts)
        options = vars(made) | {"http": FakeHttp(list(answers)), "sleep": lambda _: None}
        return Client(**options)

    yield make
    aws._credentials.cache_clear()


@pytest.fixture
def s3(client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> Callable[..., S3Client]:
    """Make a client of S3 in a region without a legacy global endpoint."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    def make(*answers: tuple[int, Any] | Exception) -> S3Client:
        return S3Client(**vars(create_s3_client()) | {"http": FakeHttp(list(answers)), "sleep": lambda _: None})

    return make


def sent_by_botocore(
    monkeypatch: pytest.MonkeyPatch, service: str, method: str, parameters: dict[str, Any], region: str = "us-east-1"
) -> Any:
    """The request that botocore's own client makes of a call."""
    http = FakeHttp([(200, b"")] if service == "s3" else [])
    monkeypatch.setattr(URLLib3Session, "send", lambda _, request: http.send(request))
    session = botocore.session.get_session()
    made = session.create_client(
        service,
        region_name=region,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        aws_session_token="session",
    )
    getattr(made, method)(**parameters)
    return http.requests[0]


def headers_of(request: Any, *names: str) -> list[str]:
    values = [request.headers[name] for name in names]
    return [value.decode() if isinstance(value, bytes) else value for value in values]


@pytest.mark.parametrize(("service", "method", "parameters"), CALLS)
def test_a_call_equals_botocores(
    client: MakeClient, monkeypatch: pytest.MonkeyPatch, service: str, method: str, parameters: dict[str, Any]
) -> None:
    mine = client(service)
    getattr(mine, method)(**parameters)
    [request] = mine.http.requests
    theirs = sent_by_botocore(monkeypatch, service, method, parameters)
    names = ("X-Amz-Target", "Content-Type", "X-Amz-Security-Token")
    assert headers_of(request, *names) == headers_of(theirs, *names)
    assert request.url == theirs.url
    assert json.loads(request.body) == json.loads(theirs.body)
    scope = "/us-east-1/" + service + "/aws4_request"
    assert all(scope in headers_of(one, "Authorization")[0] for one in (request, theirs))


def test_the_answer_is_that_of_the_service(client: MakeClient) -> None:
    answer = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
    assert client("events", (200, answer)).put_events(Entries=[ENTRY]) == answer


def test_an_error_keeps_its_code_and_its_other_fields(client: MakeClient) -> None:
    reasons = [{"Code": "ConditionalCheckFailed"}, {"Code": "None"}]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    body = {"__type": kind, "Message": "cancelled", "CancellationReasons": reasons}
    dynamodb = client("dynamodb", (400, body))
    with pytest.raises(ClientError, match="cancelled") as caught:
        dynamodb.transact_write_items(TransactItems=[])
    assert caught.value.response["Error"] == {"Code": "TransactionCanceledException", "Message": "cancelled"}
    assert caught.value.response["CancellationReasons"] == reasons
    assert len(dynamodb.http.requests) == 1


TROUBLES = [
    (500, {}),
    (503, b"<html>busy</html>"),
    (400, {"__type": "ThrottlingException"}),
    ConnectTimeoutError(endpoint_url="x"),
]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_transient_error_is_retried(client: MakeClient, trouble: tuple[int, Any] | Exception) -> None:
    dynamodb = client("dynamodb", trouble, trouble, (200, {"Item": {}}))
    assert dynamodb.get_item(TableName="table", Key={}) == {"Item": {}}
    assert len(dynamodb.http.requests) == 3


def test_the_last_attempts_error_is_raised(client: MakeClient) -> None:
    events = client("events", (503, b"busy"), total_attempts=1)
    with pytest.raises(ClientError, match="busy") as caught:
        events.put_events(Entries=[ENTRY])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert len(events.http.requests) == 1


def test_a_retried_transaction_carries_the_same_token(client: MakeClient) -> None:
    dynamodb = client("dynamodb", (500, {}))
    dynamodb.transact_write_items(TransactItems=[])
    first, second = (json.loads(request.body)["ClientRequestToken"] for request in dynamodb.http.requests)
    assert first == second
    dynamodb.transact_write_items(TransactItems=[])
    assert json.loads(dynamodb.http.requests[2].body)["ClientRequestToken"] != first


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({"AWS_REGION": "eu-central-1"}, "https://events.eu-central-1.amazonaws.com/"),
        ({"AWS_REGION": "cn-north-1"}, "https://events.cn-north-1.amazonaws.com.cn/"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "http://127.0.0.1:4566/"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://b/"}, "http://b/"),
    ],
)
def test_the_endpoint_is_that_of_the_region_or_the_environment(
    client: MakeClient, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], endpoint: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert client("events").endpoint == endpoint


def test_a_missing_region_is_named(client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(SettingError, match="AWS_REGION"):
        client("events")


def test_missing_credentials_are_reported(client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(NoCredentialsError):
        client("events")


# ---------------------------------------------------------------- S3

PLACE = {"Bucket": "backup", "Key": "images/main/1-ab c+名.json.gz"}
S3_CALLS = [("put_object", PLACE | {"Body": b"body", "ContentType": "application/gzip"}), ("get_object", PLACE)]


@pytest.mark.parametrize(("method", "parameters"), S3_CALLS)
def test_a_call_of_s3_equals_botocores(
    s3: MakeS3, monkeypatch: pytest.MonkeyPatch, method: str, parameters: dict[str, Any]
) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    mine = s3((200, b"body"))
    getattr(mine, method)(**parameters)
    [request] = mine.http.requests
    theirs = sent_by_botocore(monkeypatch, "s3", method, parameters, "eu-central-1")
    assert (request.method, request.url) == (theirs.method, theirs.url)
    assert headers_of(request, "X-Amz-Security-Token") == headers_of(theirs, "X-Amz-Security-Token")
    assert "/eu-central-1/s3/aws4_request" in headers_of(request, "Authorization")[0]
    if method == "put_object":
        assert headers_of(request, "Content-Type") == headers_of(theirs, "Content-Type")
        assert (request.body, headers_of(request, "X-Amz-Content-SHA256")) == (b"body", [sha256(b"body").hexdigest()])


def test_an_object_is_read_unchanged(s3: MakeS3) -> None:
    assert s3((200, b"\x1f\x8b")).get_object(**PLACE)["Body"].read() == b"\x1f\x8b"


def test_an_endpoint_of_the_environment_has_buckets_as_paths(s3: MakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/")
    mine = s3((200, b""))
    mine.get_object(Bucket="backup", Key="images/a")
    assert mine.http.requests[0].url == "http://127.0.0.1:4566/backup/images/a"


def test_an_error_of_s3_keeps_its_code(s3: MakeS3) -> None:
    body = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>It is not there.</Message></Error>"
    with pytest.raises(ClientError, match="It is not there") as caught:
        s3((404, body)).get_object(**PLACE)
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_busy_s3_is_retried_and_every_attempt_is_signed(s3: MakeS3) -> None:
    mine = s3((503, b"<Error><Code>SlowDown</Code></Error>"), (200, b"body"))
    assert mine.get_object(**PLACE)["Body"].read() == b"body"
    assert all("AWS4-HMAC-SHA256" in headers_of(one, "Authorization")[0] for one in mine.http.requests)
    assert len(mine.http.requests) == 2

"""The functions' AWS clients: AWS's JSON protocol and S3's objects, over botocore's connections and signatures.

botocore's own clients interpret a model of the service at every call and load it at every start, which took most of a
function's CPU and start-up (docs/adr/0015-calls-without-models.md). Knows only the services that the functions call.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError
from botocore.exceptions import ConnectionError as NotConnected
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from scorecast.errors import SettingError

# A warm call takes about 20 ms; what has not answered in 5 s is better tried again on a new connection.
_CONNECT_TIMEOUT_S = 2
_READ_TIMEOUT_S = 5

# What is worth another attempt, and how long to wait for it at most: botocore's standard mode.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_TRANSIENT_STATUSES = {500, 502, 503, 504}
_TRANSIENT_CODES = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
_LONGEST_PAUSE_S = 20.0
# What the connections raise: there was none, or it ended before the answer.
_Unanswered = (NotConnected, HTTPClientError)


@dataclass(frozen=True, slots=True)
class Service:
    """How a service of the JSON protocol is spoken to; `variable` ends the name of its own AWS_ENDPOINT_URL_..."""

    name: str
    target: str
    json_version: str
    variable: str


_SERVICES = {
    "dynamodb": Service("dynamodb", "DynamoDB_20120810", "1.0", "DYNAMODB"),
    "events": Service("events", "AWSEvents", "1.1", "EVENTBRIDGE"),
    "sqs": Service("sqs", "AmazonSQS", "1.0", "SQS"),
}
# Operations that a repeated attempt must not do twice, with the parameter by which the service knows it again.
_TOKENS = {"TransactWriteItems": "ClientRequestToken"}


T = TypeVar("T")


class _Http(Protocol):
    def send(self, request: Any) -> Any: ...


@dataclass(frozen=True)
class Client:
    """A client whose methods are the service's operations: `put_events(Entries=[...])` calls PutEvents.

    Parameters and answers are those of the service's API reference; errors are botocore's: ClientError with what the
    service answered, another BotoCoreError where it did not. Any thread may call.
    """

    service: Service
    endpoint: str
    region: str
    credentials: Any
    http: _Http
    total_attempts: int
    sleep: Callable[[float], None] = time.sleep

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        if method.startswith("_"):
            raise AttributeError(method)
        return partial(self._call, method.title().replace("_", ""))

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        if token := _TOKENS.get(operation):
            parameters.setdefault(token, os.urandom(16).hex())
        body = json.dumps(parameters, ensure_ascii=False, separators=(",", ":")).encode()
        return _tried(lambda: self._attempt(operation, body), self.total_attempts, self.sleep)

    def _attempt(self, operation: str, body: bytes) -> dict[str, Any]:
        request = AWSRequest("POST", self.endpoint, self._headers(operation), body)
        SigV4Auth(self.credentials.get_frozen_credentials(), self.service.name, self.region).add_auth(request)
        answer = self.http.send(request.prepare())
        parsed = _parsed(answer.content)
        if answer.status_code >= 300:
            raise _error(operation, answer, parsed)
        return parsed

    def _headers(self, operation: str) -> dict[str, str]:
        return _always() | {
            "Content-Type": f"application/x-amz-json-{self.service.json_version}",
            "X-Amz-Target": f"{self.service.target}.{operation}",
        }


@dataclass(frozen=True)
class S3Client:
    """S3 for whole objects; `base` is a bucket's URL. Parameters, answers and errors are those of botocore's client."""

    base: str
    region: str
    credentials: Any
    http: _Http
    total_attempts: int
    sleep: Callable[[float], None] = time.sleep

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, Any]:
        """Write an object."""
        self._call("PutObject", "PUT", Bucket, Key, {"Content-Type": ContentType}, Body)
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """Read an object."""
        return {"Body": BytesIO(self._call("GetObject", "GET", Bucket, Key, {}, b""))}

    def _call(self, operation: str, method: str, bucket: str, key: str, headers: dict[str, str], body: bytes) -> bytes:
        url = f"{self.base.format(bucket=bucket)}/{quote(key, safe='/~')}"
        request = partial(AWSRequest, method, url, _always() | headers, body)
        return _tried(lambda: self._attempt(operation, request()), self.total_attempts, self.sleep)

    def _attempt(self, operation: str, request: AWSRequest) -> bytes:
        S3SigV4Auth(self.credentials.get_frozen_credentials(), "s3", self.region).add_auth(request)
        answer = self.http.send(request.prepare())
        content: bytes = answer.content
        if answer.status_code >= 300:
            raise _error(operation, answer, _parsed_xml(content))
        return content


def _always() -> dict[str, str]:
    """The headers of every call."""
    headers = {"User-Agent": "scorecast"}
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    return headers | {"X-Amzn-Trace-Id": trace} if trace else headers


def _tried(attempt: Callable[[], T], total_attempts: int, sleep: Callable[[float], None]) -> T:
    """Make a call, and again where that may help, with backoff and full jitter; the last attempt's error is raised."""
    for number in range(1, total_attempts + 1):
        try:
            return attempt()
        except (ClientError, *_Unanswered) as error:
            if number == total_attempts or not _is_transient(error):
                raise
        sleep(random.random() * min(2 ** (number - 1), _LONGEST_PAUSE_S))
    raise AssertionError("unreachable: the last attempt returns or raises")


def create_client(service: str, *, total_attempts: int = 4, connections: int = 10) -> Client:
    """Make a client; `total_attempts` is what it tries in all before it raises."""
    region = _region()
    known = _SERVICES[service]
    endpoint = _endpoint(known, region, os.environ)
    return Client(known, endpoint, region, _credentials(), _connections(endpoint, connections), total_attempts)


def create_s3_client(*, total_attempts: int = 4, connections: int = 10) -> S3Client:
    """Make a client of S3."""
    region = _region()
    base = _bucket_url(region, os.environ)
    return S3Client(base, region, _credentials(), _connections(base, connections), total_attempts)


def _region() -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise SettingError("The environment variable AWS_REGION is not set; Lambda sets it on every function.")
    return region


@cache
def _credentials() -> Any:
    """The credentials of the function's role."""
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return _FromEnvironment(*(os.environ.get(name) for name in _CREDENTIALS))
    # With SnapStart they are behind an address that is asked again before they end. Imported only where it is needed:
    # it takes a tenth of a start.
    from botocore.credentials import ContainerProvider

    credentials = ContainerProvider().load()
    if credentials is None:
        raise NoCredentialsError
    return credentials


_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True, slots=True)
class _FromEnvironment:
    """The credentials that Lambda puts into the environment; they outlive the process."""

    access_key: str | None
    secret_key: str | None
    token: str | None

    def get_frozen_credentials(self) -> _FromEnvironment:
        return self


def _endpoint(service: Service, region: str, environment: Mapping[str, str]) -> str:
    given = _given_endpoint(service.variable, environment)
    return given + "/" if given else f"https://{service.name}.{region}.{_suffix(region)}/"


def _bucket_url(region: str, environment: Mapping[str, str]) -> str:
    """A bucket's URL, with {bucket} in it: on AWS every bucket has a host of its own, elsewhere a path."""
    given = _given_endpoint("S3", environment)
    return f"{given}/{{bucket}}" if given else f"https://{{bucket}}.s3.{region}.{_suffix(region)}"


def _given_endpoint(variable: str, environment: Mapping[str, str]) -> str:
    given = environment.get(f"AWS_ENDPOINT_URL_{variable}") or environment.get("AWS_ENDPOINT_URL") or ""
    return given.rstrip("/")


def _suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _connections(endpoint: str, most: int) -> URLLib3Session:
    options: dict[str, Any] = {
        "verify": os.environ.get("AWS_CA_BUNDLE") or True,
        "proxies": get_environ_proxies(endpoint),
        "timeout": (_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S),
        "max_pool_connections": most,
        # Head and body leave as two packets; without this the second one waits for the first one's receipt.
        "socket_options": [(IPPROTO_TCP, TCP_NODELAY, 1)],
    }
    return URLLib3Session(**options)


def _parsed(content: bytes) -> dict[str, Any]:
    """The answer; a gateway's page in its place is shown as far as one wants to read it."""
    if not content:
        return {}
    try:
        parsed: dict[str, Any] = json.loads(content)
    except ValueError:
        return {"message": content[:200].decode(errors="replace")}
    return parsed


def _parsed_xml(content: bytes) -> dict[str, Any]:
    """An error of S3 in the form that the other services give theirs."""
    text = content.decode(errors="replace")
    named = {name: re.search(f"<{name}>([^<]*)</{name}>", text) for name in ("Code", "Message")}
    kind, message = (found[1] if found else "" for found in named.values())
    return {"__type": kind, "message": message or text[:200]}


def _error(operation: str, answer: Any, parsed: Mapping[str, Any]) -> ClientError:
    """The error as botocore raises it; what the service says besides, such as CancellationReasons, stays beside it."""
    kind = parsed.get("__type") or answer.headers.get("x-amzn-errortype") or str(answer.status_code)
    message = parsed.get("message") or parsed.get("Message") or ""
    response: Any = {
        **parsed,
        "Error": {"Code": kind.split(":")[0].rpartition("#")[2], "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": answer.status_code, "HTTPHeaders": dict(answer.headers)},
    }
    return ClientError(response, operation)


def code_of(error: Exception) -> str:
    """The code that the service gave; where it gave none, what happened instead."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


def _is_transient(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status in _TRANSIENT_STATUSES or error.response["Error"]["Code"] in _TRANSIENT_CODES

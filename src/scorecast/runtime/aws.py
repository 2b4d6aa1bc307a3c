"""The functions' AWS clients: AWS's JSON protocol and S3's objects, over botocore's connections and signatures.

botocore's own clients load a model of the service at every start and interpret it at every call, which took most of a
function's CPU and start-up (docs/adr/0015-calls-without-models.md). Supports only the services that the functions call.
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

# A warm call takes about 20 ms; after 5 s without an answer a retry on a new connection is quicker.
_CONNECT_TIMEOUT_S = 2
_READ_TIMEOUT_S = 5

# Errors that mean that the service was busy, not that it refused the call; such calls are retried. The list is that of
# botocore's standard retry mode. The first three lines of codes are throttling.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_TRANSIENT_STATUSES = {429, 500, 502, 503, 504}
_TRANSIENT_CODES = {
    *("BandwidthLimitExceeded", "LimitExceededException", "ProvisionedThroughputExceededException"),
    *("RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException"),
    *("Throttling", "ThrottlingException", "TooManyRequestsException"),
    *("TransactionInProgressException", "InternalException", "InternalFailure", "ServiceUnavailable"),
    *("PriorRequestNotComplete", "RequestTimeout"),
}
# The longest pause between retries in botocore's standard mode.
_LONGEST_PAUSE_S = 20.0
# Raised if no connection is made, or if it breaks before the answer arrives.
_Unanswered = (NotConnected, HTTPClientError)


@dataclass(frozen=True, slots=True)
class Service:
    """A service with a JSON protocol; `variable` completes the name of its AWS_ENDPOINT_URL_... variable."""

    name: str
    target: str
    json_version: str
    variable: str


SERVICES = {
    "dynamodb": Service("dynamodb", "DynamoDB_20120810", "1.0", "DYNAMODB"),
    "events": Service("events", "AWSEvents", "1.1", "EVENTBRIDGE"),
    "sqs": Service("sqs", "AmazonSQS", "1.0", "SQS"),
}
# Operations that a retry must not perform twice, with the parameter by which the service recognizes a repeat.
_TOKENS = {"TransactWriteItems": "ClientRequestToken"}


T = TypeVar("T")


class _Http(Protocol):
    def send(self, request: Any) -> Any: ...


@dataclass(frozen=True)
class Client:
    """A client whose methods are the service's operations: `put_events(Entries=[...])` calls PutEvents.

    Parameters and answers are as in the service's API reference. Errors are botocore's: ClientError if the service
    answers with an error, another BotoCoreError if it does not answer. Clients are thread-safe.
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
        return _with_retries(lambda: self._attempt(operation, body), self.total_attempts, self.sleep)

    def _attempt(self, operation: str, body: bytes) -> dict[str, Any]:
        request = AWSRequest("POST", self.endpoint, self._headers(operation), body)
        SigV4Auth(self.credentials.get_frozen_credentials(), self.service.name, self.region).add_auth(request)
        answer = self.http.send(request.prepare())
        parsed = _parsed(answer.content)
        if answer.status_code >= 300:
            raise _error(operation, answer, parsed)
        return parsed

    def _headers(self, operation: str) -> dict[str, str]:
        return _common_headers() | {
            "Content-Type": f"application/x-amz-json-{self.service.json_version}",
            "X-Amz-Target": f"{self.service.target}.{operation}",
        }


@dataclass(frozen=True)
class S3Client:
    """S3 for whole objects; `base` is a bucket's URL. Parameters, answers and errors are as in botocore's client."""

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
        request = partial(AWSRequest, method, url, _common_headers() | headers, body)
        return _with_retries(lambda: self._attempt(operation, request()), self.total_attempts, self.sleep)

    def _attempt(self, operation: str, request: AWSRequest) -> bytes:
        S3SigV4Auth(self.credentials.get_frozen_credentials(), "s3", self.region).add_auth(request)
        answer = self.http.send(request.prepare())
        content: bytes = answer.content
        if answer.status_code >= 300:
            raise _error(operation, answer, _parsed_xml(content))
        return content


def _common_headers() -> dict[str, str]:
    """The headers of every call."""
    headers = {"User-Agent": "scorecast"}
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    return headers | {"X-Amzn-Trace-Id": trace} if trace else headers


def _with_retries(attempt: Callable[[], T], total_attempts: int, sleep: Callable[[float], None]) -> T:
    """Make a call; retry transient errors with backoff and full jitter, and raise the error of the last attempt."""
    for number in range(1, total_attempts + 1):
        try:
            return attempt()
        except (ClientError, *_Unanswered) as error:
            if number == total_attempts or not is_transient(error):
                raise
        sleep(random.random() * min(2 ** (number - 1), _LONGEST_PAUSE_S))
    raise AssertionError("unreachable: the last attempt returns or raises")


def create_client(service: str, *, total_attempts: int = 4, connections: int = 10) -> Client:
    """Make a client that raises after `total_attempts`, including the first."""
    region = _region()
    known = SERVICES[service]
    endpoint = _endpoint(known, region, os.environ)
    return Client(known, endpoint, region, _credentials(), connect(endpoint, connections), total_attempts)


def create_s3_client(*, total_attempts: int = 4, connections: int = 10) -> S3Client:
    """Make a client of S3; see `create_client`."""
    region = _region()
    base = _bucket_url(region, os.environ)
    return S3Client(base, region, _credentials(), connect(base, connections), total_attempts)


def _region() -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise SettingError("The environment variable AWS_REGION is not set; Lambda sets it on every function.")
    return region


@cache
def _credentials() -> Any:
    """The credentials of the function's role."""
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return EnvironmentCredentials(*(os.environ.get(name) for name in _CREDENTIALS))
    # With SnapStart the credentials come from an endpoint, which is queried again before they expire. The import takes
    # a tenth of a cold start, so it happens only here.
    from botocore.credentials import ContainerProvider

    credentials = ContainerProvider().load()
    if credentials is None:
        raise NoCredentialsError
    return credentials


_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True, slots=True)
class EnvironmentCredentials:
    """The credentials that Lambda puts into the environment; they outlive the process."""

    access_key: str | None
    secret_key: str | None
    token: str | None

    def get_frozen_credentials(self) -> EnvironmentCredentials:
        return self


def _endpoint(service: Service, region: str, environment: Mapping[str, str]) -> str:
    given = _given_endpoint(service.variable, environment)
    return given + "/" if given else f"https://{service.name}.{region}.{_suffix(region)}/"


def _bucket_url(region: str, environment: Mapping[str, str]) -> str:
    """The URL of a bucket, with a {bucket} placeholder: in the host name on AWS, in the path elsewhere."""
    given = _given_endpoint("S3", environment)
    return f"{given}/{{bucket}}" if given else f"https://{{bucket}}.s3.{region}.{_suffix(region)}"


def _given_endpoint(variable: str, environment: Mapping[str, str]) -> str:
    given = environment.get(f"AWS_ENDPOINT_URL_{variable}") or environment.get("AWS_ENDPOINT_URL") or ""
    return given.rstrip("/")


def _suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def connect(
    endpoint: str, most: int, *, read_timeout_s: float = _READ_TIMEOUT_S, proxies: dict[str, str] | None = None
) -> URLLib3Session:
    """Make a pool of connections to an endpoint; `proxies` default to the environment's."""
    options: dict[str, Any] = {
        "verify": os.environ.get("AWS_CA_BUNDLE") or True,
        "proxies": get_environ_proxies(endpoint) if proxies is None else proxies,
        "timeout": (_CONNECT_TIMEOUT_S, read_timeout_s),
        "max_pool_connections": most,
        # Head and body are two packets; without this option the second waits until the first is acknowledged.
        "socket_options": [(IPPROTO_TCP, TCP_NODELAY, 1)],
    }
    return URLLib3Session(**options)


def _parsed(content: bytes) -> dict[str, Any]:
    """The parsed answer; if a gateway answered with a page, the page's first 200 characters as the message."""
    if not content:
        return {}
    try:
        parsed: dict[str, Any] = json.loads(content)
    except ValueError:
        return {"message": content[:200].decode(errors="replace")}
    return parsed


def _parsed_xml(content: bytes) -> dict[str, Any]:
    """An error of S3 in the form of the other services."""
    text = content.decode(errors="replace")
    named = {name: re.search(f"<{name}>([^<]*)</{name}>", text) for name in ("Code", "Message")}
    kind, message = (found[1] if found else "" for found in named.values())
    return {"__type": kind, "message": message or text[:200]}


def _error(operation: str, answer: Any, parsed: Mapping[str, Any]) -> ClientError:
    """The error as botocore raises it, with the other fields of the answer, such as CancellationReasons."""
    kind = parsed.get("__type") or answer.headers.get("x-amzn-errortype") or str(answer.status_code)
    message = parsed.get("message") or parsed.get("Message") or ""
    response: Any = {
        **parsed,
        "Error": {"Code": kind.split(":")[0].rpartition("#")[2], "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": answer.status_code, "HTTPHeaders": dict(answer.headers)},
    }
    return ClientError(response, operation)


def cancellation_codes(error: ClientError) -> list[str]:
    """The code of each action of a cancelled transaction ('None' for one that did not fail); empty for other errors."""
    reasons: list[Any] = error.response.get("CancellationReasons") or []
    return [reason.get("Code", "None") for reason in reasons]


def code_of(error: Exception) -> str:
    """The service's error code, or the name of the exception if the service did not answer."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


def is_transient(error: Exception) -> bool:
    """Whether the service was busy or did not answer; otherwise it refused the call."""
    if not isinstance(error, ClientError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in _TRANSIENT_STATUSES or is_transient_code(code_of(error))


def is_transient_code(code: str) -> bool:
    """Whether an error code means that the service was busy; for answers that have a code for each entry."""
    return code in _TRANSIENT_CODES

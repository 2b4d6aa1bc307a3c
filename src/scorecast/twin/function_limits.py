"""Limits of Lambda and API Gateway that MiniStack does not enforce; `patches.apply` applies them.

MiniStack itself ends a function at its Timeout, and throttles an API according to its stage's settings.
docs/twin.md lists the limits with AWS's pages.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import apigateway_v1, dynamodb, lambda_svc

from scorecast.twin.fast_json import dumps
from scorecast.twin.memory import MemoryGuard
from scorecast.twin.patch import wrap

Json = dict[str, Any]
Response = tuple[int, Json, bytes]

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: a request and an answer have 6 MB, an
# asynchronous request 1 MB. The message about a large answer names 100 bytes more, which its own JSON may take.
REQUEST_BYTES = 6 * 1024 * 1024
EVENT_BYTES = 1024 * 1024
ANSWER_BYTES = REQUEST_BYTES + 100
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
BODY_BYTES = 10 * 1024 * 1024
HEADER_BYTES = 10_240
INTEGRATION_S = 29.0

_INTERNAL_ERROR = "Internal server error"
_guard = MemoryGuard(Path("/proc"))


def apply() -> None:
    """Apply every limit of functions and of the API."""
    refuse_requests_beyond_limits()
    refuse_answers_beyond_limits()
    end_functions_without_memory()
    limit_the_api()


# ---------------------------------------------------------------- requests and answers


def refuse_requests_beyond_limits() -> None:
    """MiniStack accepts a request of any size, and treats a body that is not JSON as an empty event."""
    wrap(lambda_svc, "handle_request", _handle_request)
    wrap(dynamodb, "stream_records_since", _batch_that_fits)


async def _handle_request(
    original: Callable[..., Any], method: str, path: str, headers: Json, body: bytes, query: Json
) -> Any:
    refusal = _refusal_of(headers, body) if method == "POST" and path.endswith("/invocations") else None
    return refusal or await original(method, path, headers, body, query)


def _refusal_of(headers: Json, body: bytes) -> Response | None:
    size = len(body)
    if headers.get("x-amz-invocation-type") == "Event" and size > EVENT_BYTES:
        words = f"{size} byte payload is too large for the Event invocation type (limit {EVENT_BYTES} bytes)"
        return lambda_error("RequestEntityTooLargeException", words, 413)
    if size > REQUEST_BYTES:
        words = f"Request must be smaller than {REQUEST_BYTES} bytes for the InvokeFunction operation"
        return lambda_error("RequestEntityTooLargeException", words, 413)
    try:
        json.loads(body or b"{}")
    except ValueError as error:
        return lambda_error("InvalidRequestContentException", f"Could not parse request body into json: {error}", 400)
    return None


def lambda_error(code: str, message: str, status: int) -> Response:
    """Return Lambda's refusal of a request."""
    response: Response = error_response_json(code, message, status, content_type="application/json")
    return response


def _batch_that_fits(original: Callable[..., list[Json]], *position: Any, **scope: Any) -> list[Json]:
    """Return as many of a stream's records as fit into a function's event, but at least one."""
    batch = original(*position, **scope)
    while len(batch) > 1 and len(dumps({"Records": batch}).encode()) > REQUEST_BYTES:
        batch = batch[: len(batch) // 2]
    return batch


def refuse_answers_beyond_limits() -> None:
    """MiniStack passes on an answer of any size; on AWS the invocation fails."""
    wrap(lambda_svc, "_execute_function_warm", _execute)


def _execute(original: Callable[..., Json], function: Json, event: Any, request_id: str) -> Json:
    result = original(function, event, request_id)
    body: Any = result.get("body")
    if not result.get("error") and len(dumps(body).encode()) > ANSWER_BYTES:
        words = f"Response payload size exceeded maximum allowed payload size ({ANSWER_BYTES} bytes)."
        failure = {"errorMessage": words, "errorType": "Function.ResponseSizeTooLarge"}
        return {**result, "body": failure, "error": True}
    if result.get("error") and str(body["errorMessage"]).endswith(_KILLED):
        return {**result, "body": {**body, "errorType": "Runtime.OutOfMemory"}}
    return result


# ---------------------------------------------------------------- memory

_KILLED = "Error: Runtime exited with error: signal: killed"


def end_functions_without_memory() -> None:
    """MiniStack lets a function take any memory; on AWS its environment is killed beyond MemorySize.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    """
    if not _guard.works:
        return
    threading.Thread(target=_guard.run, daemon=True).start()
    original = lambda_runtime.Worker.invoke

    # A plain function instead of `wrap`, because only a function becomes a method of the worker.
    def invoke(worker: Any, event: Any, request_id: str, **context: Any) -> Json:
        limit = int(worker.config.get("MemorySize", 128)) * 1024 * 1024
        with _guard.watching(lambda: worker._proc, limit) as watched:
            result: Json = original(worker, event, request_id, **context)
        if watched.killed:
            return {**result, "status": "error", "error": f"RequestId: {request_id} {_KILLED}"}
        return result

    lambda_runtime.Worker.invoke = invoke


# ---------------------------------------------------------------- API Gateway


def limit_the_api() -> None:
    """MiniStack's API accepts bodies of any size, waits for a function forever, and shows a function's errors."""
    wrap(apigateway_v1, "_execute_in_scope", _execute_api)
    wrap(apigateway_v1, "_invoke_lambda_proxy_v1", _invoke_function)
    wrap(apigateway_v1, "_lambda_proxy_response", _answer_of)


async def _execute_api(original: Callable[..., Any], *request: Any) -> Any:
    *_, body, _query, _account, _region = request
    if len(body or b"") > BODY_BYTES:
        return 413, {"Content-Type": "text/plain"}, f"HTTP content length exceeded {BODY_BYTES} bytes.".encode()
    return await original(*request)


async def _invoke_function(original: Callable[..., Any], integration: Json, *request: Any, **scope: Any) -> Any:
    """Invoke the function; answer in its place if its event is too large, or if it does not answer in time."""
    body = request[7] or b""
    # In the event, a body is a JSON text: at most six bytes for each byte.
    if len(body) * 6 > REQUEST_BYTES and len(json.dumps(body.decode(errors="replace"))) > REQUEST_BYTES - HEADER_BYTES:
        return apigateway_v1._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
    seconds = min(INTEGRATION_S, int(integration.get("timeoutInMillis") or 29_000) / 1000)
    invocation = asyncio.ensure_future(original(integration, *request, **scope))
    try:
        # The function itself continues, as on AWS.
        return await asyncio.wait_for(asyncio.shield(invocation), seconds)
    except TimeoutError:
        return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")


def _answer_of(original: Callable[[Json], tuple[Any, Any]], result: Json) -> tuple[Any, Any]:
    """Return the function's answer, or an error that tells the caller nothing about the function."""
    answer, error = original(result)
    malformed = not (result.get("throttle") or isinstance(result.get("body"), dict))
    return (None, _INTERNAL_ERROR) if error or malformed else (answer, None)

"""Lambda and API Gateway on the twin refuse what they refuse on AWS, and end what they end."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from scorecast.twin.instance import Twin
from tests.support.own_function import OwnFunction, arn_of_queue, create_stream
from tests.support.refusals import reasons_of_failure, refused
from tests.support.waiting import eventually

Json = dict[str, Any]
MIB = 1024 * 1024

_CODE = """
import json, time

def handle(event, context):
    if "Records" in event:
        print("took", len(event["Records"]), "of", len(json.dumps(event)))
        return None
    asked = json.loads(event["body"]) if "body" in event else event
    if "sleep" in asked:
        time.sleep(asked["sleep"])
    if "allocate" in asked:
        kept = bytearray(asked["allocate"])
        kept[::4096] = b"x" * len(kept[::4096])  # only what is written to takes memory
        time.sleep(0.2)
    answer = "x" * asked.get("answer", 0)
    if "fail" in asked:
        raise ValueError("a secret")
    return {"statusCode": 200, "body": answer} if "body" in event and "text" not in asked else answer
"""


@pytest.fixture
def function(engine: Twin, name: str) -> OwnFunction:
    return OwnFunction(engine, name, _CODE)


# ---------------------------------------------------------------- requests and answers


def test_a_request_has_six_mebibytes(function: OwnFunction) -> None:
    assert function.invoke(b'{"a": "%s"}' % (b"x" * (6 * MIB - 9))) == ""
    with refused("RequestEntityTooLargeException", "Request must be smaller than 6291456 bytes"):
        function.invoke(b'{"a": "%s"}' % (b"x" * (6 * MIB - 8)))
    with refused("InvalidRequestContentException", "Could not parse request body into json"):
        function.invoke(b"{no JSON")


def test_an_asynchronous_request_has_one_mebibyte(function: OwnFunction) -> None:
    function.invoke(b'{"a": "%s"}' % (b"x" * (MIB - 9)), "Event")
    with refused("RequestEntityTooLargeException", "1048577 byte payload is too large for the Event invocation type"):
        function.invoke(b'{"a": "%s"}' % (b"x" * (MIB - 8)), "Event")


def test_an_answer_has_six_mebibytes(function: OwnFunction) -> None:
    longest = 6 * MIB + 100 - 2
    assert len(function.asked(answer=longest)) == longest
    error = function.asked(answer=longest + 1)
    assert error["errorType"] == "Function.ResponseSizeTooLarge"
    assert "exceeded maximum allowed payload size (6291556 bytes)" in error["errorMessage"]


# ---------------------------------------------------------------- time and memory


def test_a_function_is_ended_at_its_timeout(function: OwnFunction) -> None:
    error = function.asked(sleep=30)
    assert (error["errorType"], error["errorMessage"]) == ("Sandbox.Timedout", "Task timed out after 4.00 seconds")
    assert function.asked() == ""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is watched on Linux only")
def test_a_function_is_ended_when_it_takes_more_than_its_memory(function: OwnFunction) -> None:
    assert function.asked(allocate=64 * MIB) == ""
    error = function.asked(allocate=256 * MIB)
    assert error["errorType"] == "Runtime.OutOfMemory"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert function.asked() == ""


# ---------------------------------------------------------------- triggers


def largest_of(function: OwnFunction, records: int) -> int:
    """Wait until the function has seen so many records; return the size of its largest event."""
    seen: list[list[str]] = []

    def all_were_seen() -> None:
        seen[:] = [line.split(" of ") for line in function.logged("took")]
        assert sum(int(count) for count, _ in seen) == records

    assert function.asked() == ""  # makes the log
    eventually(all_were_seen)
    assert len(seen) > 1
    return max(int(size) for _, size in seen)


def test_a_batch_of_a_stream_has_six_mebibytes(engine: Twin, function: OwnFunction, name: str) -> None:
    stream, dynamodb = create_stream(engine, name), engine.client("dynamodb")
    for number in range(24):
        dynamodb.put_item(TableName=name, Item={"p": {"S": str(number)}, "a": {"S": "x" * 380_000}})
    with function.triggered_by(stream, StartingPosition="TRIM_HORIZON", BatchSize=100):
        assert largest_of(function, records=24) <= 6 * MIB


def test_a_batch_of_a_queue_has_six_mebibytes(engine: Twin, function: OwnFunction, name: str) -> None:
    sqs = engine.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    for _ in range(12):
        sqs.send_message(QueueUrl=queue, MessageBody='"' * 500_000)
    with function.triggered_by(arn_of_queue(name), BatchSize=100, MaximumBatchingWindowInSeconds=1):
        assert largest_of(function, records=12) <= 6 * MIB


@pytest.mark.parametrize("kind", ["", ".fifo"])
def test_a_trigger_has_a_batch_and_a_window_as_its_queue_allows(
    engine: Twin, function: OwnFunction, name: str, kind: str
) -> None:
    queue = f"{name}{kind}"
    engine.client("sqs").create_queue(QueueName=queue, Attributes={"FifoQueue": "true"} if kind else {})
    refusals: list[tuple[Json, str, str]] = [
        ({"BatchSize": 10_001}, "ValidationException", "'batchSize' failed to satisfy constraint"),
        ({"MaximumBatchingWindowInSeconds": 301}, "ValidationException", "'maximumBatchingWindowInSeconds' failed"),
        ({"BatchSize": 11}, "InvalidParameterValueException", "batch size is"),
    ]
    if kind:
        refusals.append(({"MaximumBatchingWindowInSeconds": 1}, "InvalidParameterValueException", "not supported"))
    for settings, code, words in refusals:
        with refused(code, words), function.triggered_by(arn_of_queue(queue), **settings):
            pass
    functions = engine.client("lambda")
    with function.triggered_by(arn_of_queue(queue), BatchSize=10):
        mapping = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]["UUID"]
        with refused("InvalidParameterValueException", "batch size is"):
            functions.update_event_source_mapping(UUID=mapping, BatchSize=11)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (11, "Maximum batch window in seconds must be greater than 0"),
        (-1, "Member must have value greater than or equal to 1"),
    ],
)
def test_a_template_with_a_batch_beyond_the_limits_is_not_deployed(
    engine: Twin, function: OwnFunction, name: str, size: int, words: str
) -> None:
    engine.client("sqs").create_queue(QueueName=name)
    source = {"FunctionName": name, "EventSourceArn": arn_of_queue(name), "BatchSize": size}
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": source}
    assert any(words in reason for reason in reasons_of_failure(engine, name, mapping))


# ---------------------------------------------------------------- API Gateway


class Api:
    """A REST API with one method, which the function answers."""

    def __init__(self, engine: Twin, function: OwnFunction, timeout_ms: int = 29_000) -> None:
        self._engine, self._gateway = engine, engine.client("apigateway")
        self._id = self._gateway.create_rest_api(name=function.name)["id"]
        method = {
            "restApiId": self._id,
            "resourceId": self._gateway.get_resources(restApiId=self._id)["items"][0]["id"],
            "httpMethod": "POST",
        }
        self._gateway.put_method(**method, authorizationType="NONE")
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function.arn}/invocations"
        self._gateway.put_integration(
            **method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri, timeoutInMillis=timeout_ms
        )
        self._gateway.create_deployment(restApiId=self._id, stageName="test")

    def limit(self, rate: int, burst: int) -> None:
        """Set the stage's throttling."""
        settings = {"rateLimit": rate, "burstLimit": burst}
        operations = [
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)}
            for name, value in settings.items()
        ]
        self._gateway.update_stage(restApiId=self._id, stageName="test", patchOperations=operations)

    def post(self, body: bytes = b"{}") -> tuple[int, str]:
        address = f"{self._engine.endpoint}/_aws/execute-api/{self._id}/test/"
        try:
            with urllib.request.urlopen(address, data=body, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def asked(self, **to: int) -> tuple[int, Any]:
        status, text = self.post(json.dumps(to).encode())
        return status, json.loads(text or "null")


@pytest.fixture
def api(engine: Twin, function: OwnFunction) -> Api:
    return Api(engine, function)


def test_a_request_of_the_api_has_ten_mebibytes_and_its_event_six(api: Api) -> None:
    assert api.post(b'{"a": "%s"}' % (b"x" * (5 * MIB)))[0] == 200
    assert api.post(b'{"a": "%s"}' % (b"x" * (6 * MIB))) == (413, '{"message":"Request Too Long"}')
    assert api.post(b"x" * (10 * MIB + 1)) == (413, "HTTP content length exceeded 10485760 bytes.")


def test_the_api_waits_as_long_as_its_integration_says(engine: Twin, function: OwnFunction) -> None:
    assert Api(engine, function, timeout_ms=2000).asked(sleep=3) == (504, {"message": "Endpoint request timed out"})


@pytest.mark.parametrize("asked", [{"fail": 1}, {"answer": 7 * MIB}, {"text": 1}])
def test_the_api_shows_nothing_of_a_functions_failure(api: Api, asked: dict[str, int]) -> None:
    assert api.asked(**asked) == (502, {"message": "Internal server error"})


def test_the_api_is_throttled_by_its_stage(api: Api) -> None:
    api.limit(rate=1, burst=3)
    answers = [api.post() for _ in range(10)]
    assert [status for status, _ in answers[:3]] == [200] * 3
    assert (429, '{"message":"Too Many Requests"}') in answers

    def answers_again() -> None:
        assert api.post()[0] == 200

    eventually(answers_again)

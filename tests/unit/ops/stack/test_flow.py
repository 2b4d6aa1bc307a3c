from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.ops.stack.flow import METRICS_EVERY_S, FlowReader
from scorecast.ops.stack.stack import Stack
from tests.support.ops_fakes import FakeClock, fake_stack, refusal

QUEUES = {"http://engine/queue": ("5", "2"), "http://engine/dead": ("3", "1")}
OUTPUTS = {
    "ConsumerQueueUrl": "http://engine/queue",
    "FanoutDlqUrl": "http://engine/dead",
    "FanoutLambdaName": "fanout-1",
}
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Sqs:
    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        return {"Attributes": dict(zip(AttributeNames, QUEUES[QueueUrl], strict=True))}


class CloudWatch:
    """Knows the maxima of some metrics, and counts the calls."""

    def __init__(self, **maxima: float) -> None:
        self.maxima, self.requests = maxima, list[dict[str, Any]]()

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if request["MetricName"] not in self.maxima:
            return {"Datapoints": []}
        newest = {"Timestamp": AT.replace(minute=1), "Maximum": self.maxima[request["MetricName"]]}
        return {"Datapoints": [newest, {"Timestamp": AT, "Maximum": 1e9}]}


def stack(cloudwatch: CloudWatch, sqs: Any = None) -> Stack:
    return replace(fake_stack(sqs=sqs or Sqs(), cloudwatch=cloudwatch), outputs=OUTPUTS)


def test_the_flow_counts_messages_and_takes_the_newest_value_of_each_metric() -> None:
    cloudwatch = CloudWatch(ApproximateAgeOfOldestMessage=12.0, IteratorAge=900.0, BoardLagMs=2500.0)
    flow = FlowReader(stack(cloudwatch)).read()
    assert (flow.queued, flow.in_flight, flow.dead_letters) == (5, 2, 4)
    assert (flow.oldest_s, flow.stream_lag_ms, flow.board_lag_ms) == (12.0, 900.0, 2500.0)
    dimensions = [{one["Name"]: one["Value"] for one in request["Dimensions"]} for request in cloudwatch.requests]
    assert dimensions == [
        {"QueueName": "queue"},
        {"FunctionName": "fanout-1"},
        {"Stack": "fanout", "Function": "ConsumerLambda"},
    ]


def test_a_metric_without_a_value_has_no_lag() -> None:
    flow = FlowReader(stack(CloudWatch(IteratorAge=0.0))).read()
    assert (flow.oldest_s, flow.stream_lag_ms, flow.board_lag_ms) == (None, 0.0, None)


def test_cloudwatch_is_asked_twice_a_minute_at_most() -> None:
    cloudwatch, clock = CloudWatch(), FakeClock()
    reader = FlowReader(stack(cloudwatch), clock.now)
    for _ in range(3):
        reader.read()
        clock.sleep(1)
    assert len(cloudwatch.requests) == 3
    clock.sleep(METRICS_EVERY_S)
    reader.read()
    assert len(cloudwatch.requests) == 6


def test_a_refusal_is_a_sentence() -> None:
    class Refusing:
        def get_queue_attributes(self, **_: Any) -> Any:
            raise refusal("AccessDenied")

    with pytest.raises(UserError, match="You may not call"):
        FlowReader(stack(CloudWatch(), Refusing())).read()

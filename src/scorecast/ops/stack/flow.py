"""Flow: how many changes are in flight in a deployed stack, and how late they are, for `scorecast status --watch`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scorecast.changes.change import iso_now
from scorecast.ops.stack.aws_errors import explained
from scorecast.ops.stack.newest_metric import newest_maximum
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.metrics import NAMESPACE

# CloudWatch has one value per minute, and bills each request.
METRICS_EVERY_S = 30.0
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class Flow:
    """A stack at one moment; CloudWatch's values are None if it has none from the last minutes."""

    at: str
    queued: int
    in_flight: int
    dead_letters: int
    oldest_s: float | None
    stream_lag_ms: float | None
    board_lag_ms: float | None


@dataclass(slots=True)
class FlowReader:
    """Reads the flow of a stack: two calls of SQS each time, and three of CloudWatch twice a minute."""

    stack: Stack
    clock: Callable[[], float] = time.monotonic
    _metrics: tuple[float | None, ...] = ()
    _read_at_s: float = field(default=0.0)

    def read(self) -> Flow:
        """Read the flow now."""
        with explained():
            queued, in_flight = self._messages("ConsumerQueueUrl")
            dead = sum(self._messages("FanoutDlqUrl"))
            oldest_s, stream_lag_ms, board_lag_ms = self._recent_metrics()
        return Flow(iso_now(), queued, in_flight, dead, oldest_s, stream_lag_ms, board_lag_ms)

    def _messages(self, output: str) -> tuple[int, int]:
        """The number of visible messages in a queue, and of those that somebody has received."""
        answer = self.stack.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.output(output), AttributeNames=list(_COUNTS)
        )
        visible, hidden = (int(answer["Attributes"][name]) for name in _COUNTS)
        return visible, hidden

    def _recent_metrics(self) -> tuple[float | None, ...]:
        now_s = self.clock()
        if not self._metrics or now_s - self._read_at_s >= METRICS_EVERY_S:
            self._metrics, self._read_at_s = self._read_metrics(), now_s
        return self._metrics

    def _read_metrics(self) -> tuple[float | None, ...]:
        cloudwatch: Any = self.stack.client("cloudwatch")
        queue = self.stack.output("ConsumerQueueUrl").rpartition("/")[2]
        fanout = self.stack.output("FanoutLambdaName")
        ours = {"Stack": self.stack.name, "Function": "ConsumerLambda"}
        return (
            newest_maximum(cloudwatch, "AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue}),
            newest_maximum(cloudwatch, "AWS/Lambda", "IteratorAge", {"FunctionName": fanout}),
            newest_maximum(cloudwatch, NAMESPACE, "BoardLagMs", ours),
        )

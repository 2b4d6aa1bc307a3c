"""Functions' queue triggers: what a batch contains and waits for, how many run at once, and which messages failed.

MiniStack itself hides a failed message for the queue's visibility timeout, and moves it to the dead-letter queue after
`maxReceiveCount`. `patches.apply` applies this.
"""

import logging
import os
import threading
import time
from bisect import bisect
from collections.abc import Callable
from itertools import accumulate, islice
from typing import Any

from ministack.services import lambda_svc, sqs

from scorecast.twin import pace
from scorecast.twin.batch_answers import failed_of
from scorecast.twin.fast_json import dumps
from scorecast.twin.function_limits import REQUEST_BYTES
from scorecast.twin.patch import wrap

log = logging.getLogger("scorecast.twin.queue_mappings")

Json = dict[str, Any]

# Allow a kilobyte for a message's attributes beside its body.
_ENVELOPE_BYTES = 1024
# How many batches of a queue are processed at once; while one waits for the engine, another computes.
BATCHES_AT_ONCE = os.cpu_count() or 1
# The pause between polls of the mappings after nothing was found to do, so that the end of a window is noticed.
LOOK_S = 0.01
# The pause after a whole batch failed, when Lambda takes fewer messages for a while.
PAUSE_S = 1.0


def apply() -> None:
    """Apply every patch of queues that trigger functions."""
    fill_batches_from_queues()
    gather_messages_for_the_window()
    start_no_more_functions_than_cores()
    keep_what_a_malformed_answer_names()


def fill_batches_from_queues() -> None:
    """MiniStack passes a function at most ten messages of a queue; on AWS the limit is the mapping's BatchSize."""
    sqs._receive_messages_for_esm = _receive_batch


def _receive_batch(queue_url: str, batch_size: int) -> list[Json]:
    """Receive up to the mapping's number of messages, as far as they fit into a function's event."""
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        _gathering_since.pop(queue["attributes"]["QueueArn"], None)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        messages = queue["messages"] if queue["is_fifo"] else _visible(queue, time.time(), batch_size)
        timeout_s = int(queue["attributes"].get("VisibilityTimeout", "30"))
        received = sqs._collect_msgs({**queue, "messages": messages}, batch_size, timeout_s)
        fitting = max(1, bisect(list(accumulate(map(_record_bytes, received))), REQUEST_BYTES))
        for message in received[fitting:]:
            message["visible_at"] = 0
            message["receive_count"] -= 1
        return list(received[:fitting])


def _visible(queue: Json, now: float, most: int) -> list[Json]:
    visible = (message for message in queue["messages"] if message.get("visible_at", 0) <= now)
    return list(islice(visible, most))


def _record_bytes(message: Json) -> int:
    """Count the bytes that a message has in a function's event."""
    return len(dumps(message["body"]).encode()) + _ENVELOPE_BYTES


# By queue ARN: when the first of the messages that wait for the window's end was seen.
_gathering_since: dict[str, float] = {}


def gather_messages_for_the_window() -> None:
    """MiniStack passes on what it finds at once; on AWS a batch waits for its window, its size or 6 MB.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
    """
    # While this is 0, MiniStack starts no batch.
    wrap(lambda_svc, "_sqs_esm_concurrency", _none_while_gathering)
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = LOOK_S


def _none_while_gathering(
    original: Callable[..., int], mapping: Json, function: Json, config: Json, queue: Json
) -> int:
    return 0 if _is_gathering(mapping, queue) else original(mapping, function, config, queue)


def _is_gathering(mapping: Json, queue: Json) -> bool:
    window_s = pace.here(int(mapping.get("MaximumBatchingWindowInSeconds") or 0))
    now, source = time.time(), mapping["EventSourceArn"]
    if now - _gathering_since.get(source, now) >= window_s:
        return False
    size = int(mapping["BatchSize"])
    with sqs._queues_lock:
        batch = _visible(queue, now, size)
    if not batch or len(batch) == size or sum(map(_record_bytes, batch)) >= REQUEST_BYTES:
        return False
    if source not in _gathering_since:
        _gathering_since[source] = now
        _wake_after(window_s)
    return True


def _wake_after(seconds: float) -> None:
    """Have the mappings polled after this time, because nothing else may trigger that."""
    timer = threading.Timer(seconds, lambda_svc._esm_wake.set)
    timer.daemon = True
    timer.start()


def start_no_more_functions_than_cores() -> None:
    """MiniStack starts a process for each concurrent batch, and more of them than cores are slower."""
    # A number from a template's parameter is a text here.
    wrap(lambda_svc, "_sqs_esm_concurrency", lambda original, *args: min(BATCHES_AT_ONCE, int(original(*args))))


def keep_what_a_malformed_answer_names() -> None:
    """MiniStack deletes a batch's messages if it does not understand the function's answer; on AWS the batch failed."""
    lambda_svc._run_sqs_batch = _run_batch


def _run_batch(mapping: Json, function: Json, event: Json, batch: list[Json], queue_url: str, queue_name: str) -> None:
    """Invoke the function; delete what succeeded. What failed stays hidden until its visibility timeout."""
    result = lambda_svc._execute_function(function, event)
    failed = set(failed_of(mapping, result, [message["id"] for message in batch]))
    sqs._delete_messages_for_esm(queue_url, {one["receipt_handle"] for one in batch if one["id"] not in failed})
    mapping["LastProcessingResult"] = "OK" if len(failed) < len(batch) else "PROBLEM: Function call failed"
    if failed:
        answer = result.get("body")
        log.warning(
            "%s failed with %d of %d messages of %s: %s",
            *(mapping["FunctionName"], len(failed), len(batch), queue_name, answer),
        )
    if result.get("error"):
        lambda_svc._esm_backoff_until[mapping["UUID"]] = time.time() + PAUSE_S

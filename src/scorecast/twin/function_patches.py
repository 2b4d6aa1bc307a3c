"""Patches of how MiniStack runs functions, so that it runs them as Lambda does; `patches.apply` applies them.

What functions can import, what triggers them, how many run at once, and how they end with the engine.
"""

import json
import logging
import os
import queue
import sysconfig
import threading
from bisect import bisect
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import new_uuid
from ministack.services import dynamodb_streams, eventbridge, firehose, lambda_svc, sqs

from scorecast.ops.stack.polling import poll_until
from scorecast.twin.patch import wrap

log = logging.getLogger("scorecast.twin.patches")

Json = dict[str, Any]

# On AWS a function's batch has at most 6 MB. A message has a kilobyte of attributes beside its body.
BATCH_BYTES = 6 * 1024 * 1024
_ENVELOPE_BYTES = 1024
_BUCKET_ARN = "arn:aws:s3:::"
_CORES = os.cpu_count() or 1
# Batches of a queue that are processed at once: the engine, which is all the services they call, needs a core itself.
BATCHES_AT_ONCE = max(1, _CORES - 1)
# Events of the bus that are processed at once; each is one short call, so its function waits as long as it works.
EVENTS_AT_ONCE = max(2, _CORES)


def apply() -> None:
    """Apply every patch of functions."""
    show_functions_only_their_bundle()
    answer_without_waiting_for_logs()
    poll_streams_beside_queues()
    fill_batches_from_queues()
    keep_batches_that_are_given_up()
    start_no_more_functions_than_cores()
    queue_events_for_functions()


# ---------------------------------------------------------------- only what was bundled


def show_functions_only_their_bundle() -> None:
    """MiniStack's functions can import the engine's packages; on AWS only what is bundled can be imported."""
    paths = sysconfig.get_paths()
    stdlib = (paths["stdlib"], paths["platstdlib"])
    keep = f"""
import sys
sys.path[:] = [p for p in sys.path if p.startswith({stdlib!r}) and "-packages" not in p or p.endswith(".zip")]
"""
    lambda_runtime._PYTHON_WORKER_SCRIPT = keep + lambda_runtime._PYTHON_WORKER_SCRIPT


def answer_without_waiting_for_logs() -> None:
    """MiniStack waits 50 ms after every invocation for a late log line; 5 ms are enough for those that come."""
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.005, 0.005, 0.25)


# ---------------------------------------------------------------- what streams and queues trigger


def poll_streams_beside_queues() -> None:
    """MiniStack polls streams and queues in one thread: while FanoutLambda works, no queue is served."""
    poll, asked = lambda_svc._poll_dynamodb_streams, threading.Event()

    def poll_when_asked() -> None:
        while asked.wait():
            asked.clear()
            try:
                while poll():
                    pass
            except Exception:
                log.exception("polling the streams failed; the next round tries again")

    threading.Thread(target=poll_when_asked, daemon=True).start()
    lambda_svc._poll_dynamodb_streams = asked.set


def fill_batches_from_queues() -> None:
    """MiniStack passes a function at most ten messages of a queue; on AWS the mapping's BatchSize is the limit."""
    sqs._receive_messages_for_esm = _receive_batch


def _receive_batch(queue_url: str, batch_size: int) -> list[Json]:
    """Receive as many messages as the mapping says and a function's event may have bytes."""
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        received = sqs._collect_msgs(queue, batch_size, int(queue["attributes"].get("VisibilityTimeout", "30")))
        sizes = accumulate(len(json.dumps(message["body"])) + _ENVELOPE_BYTES for message in received)
        fitting = max(1, bisect(list(sizes), BATCH_BYTES))
        for message in received[fitting:]:
            message["visible_at"] = 0
            message["receive_count"] -= 1
        return list(received[:fitting])


def keep_batches_that_are_given_up() -> None:
    """MiniStack drops a batch that a stream's trigger gives up if its destination is a bucket.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """
    wrap(lambda_svc, "_send_ddb_stream_failure_record", _send_given_up)


def _send_given_up(
    original: Callable[..., None], mapping: Json, function: Json, batch: list[Json], stream: str, *outcome: Any
) -> None:
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or ""
    if not destination.startswith(_BUCKET_ARN):
        original(mapping, function, batch, stream, *outcome)
        return
    now = datetime.now(UTC)
    record = _invocation_record(function, batch, stream, now, *outcome)
    name = f"{record['DDBStreamBatchInfo']['shardId']}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{new_uuid()}"
    key = f"aws/lambda/{mapping['UUID']}/{name}"
    firehose._put_s3_object(destination.removeprefix(_BUCKET_ARN), key, json.dumps(record).encode())


def _invocation_record(
    function: Json, batch: list[Json], stream_arn: str, now: datetime, result: Json, condition: str
) -> Json:
    """Return Lambda's record of a batch: what SQS gets of it, and the function's event as text."""
    first, last = batch[0]["dynamodb"], batch[-1]["dynamodb"]
    context = {
        "requestId": new_uuid(),
        "functionArn": (function.get("config") or function).get("FunctionArn", ""),
        "condition": condition,
        "approximateInvokeCount": 1,
    }
    error = result.get("function_error") or "Unhandled"
    return {
        "requestContext": context,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": error},
        "version": "1.0",
        "timestamp": _iso(now.timestamp()),
        "DDBStreamBatchInfo": {
            "shardId": dynamodb_streams._DEFAULT_SHARD_ID,
            "startSequenceNumber": first["SequenceNumber"],
            "endSequenceNumber": last["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _iso(first["ApproximateCreationDateTime"]),
            "approximateArrivalOfLastRecord": _iso(last["ApproximateCreationDateTime"]),
            "batchSize": len(batch),
            "streamArn": stream_arn,
        },
        "payload": json.dumps({"Records": batch}),
    }


def _iso(seconds: float) -> str:
    return f"{datetime.fromtimestamp(float(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


def start_no_more_functions_than_cores() -> None:
    """MiniStack starts a process for each concurrent batch; on two cores one process with all messages is faster."""
    # A number that a parameter of the template gives is a text here.
    wrap(lambda_svc, "_sqs_esm_concurrency", lambda original, *args: min(BATCHES_AT_ONCE, int(original(*args))))


# ---------------------------------------------------------------- what the bus triggers

# Lambda too queues the events of asynchronous invocations until an environment is free.
_waiting: queue.Queue[Callable[[], Any]] = queue.Queue()


def queue_events_for_functions() -> None:
    """MiniStack starts a process for each event that a rule sends to a function, without a limit."""
    wrap(eventbridge, "_dispatch_to_lambda", _queue_event)
    for _ in range(EVENTS_AT_ONCE):
        threading.Thread(target=_work, daemon=True).start()


def _queue_event(original: Callable[[str, str], None], arn: str, payload: str) -> None:
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        original(arn, payload)  # which logs that there is no such function
        return
    record = lambda_svc._execution_record_for_config(function, config)
    _waiting.put(partial(lambda_svc._execute_function_with_config_scope, record, json.loads(payload)))


def _work() -> None:
    while True:
        invoke = _waiting.get()
        try:
            invoke()
        except Exception:
            log.exception("an event of the bus did not reach its function")
        finally:
            _waiting.task_done()


# ---------------------------------------------------------------- the end


def settle(deadline_s: float = 10.0) -> None:
    """Stop polling streams and queues, and wait for running functions; called before the engine stops serving."""
    lambda_svc._iter_all_esms = lambda: iter(())
    for _ in poll_until(deadline_s, pause_s=0.05, longest_pause_s=0.05):
        if not lambda_svc.executions_in_flight()[0] and not _waiting.unfinished_tasks:
            return


def stop_workers() -> None:
    """MiniStack leaves functions' processes and folders behind when it ends."""
    lambda_runtime.reset()

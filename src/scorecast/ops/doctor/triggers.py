"""Checks of the main table's stream and of the two triggers: stream to FanoutLambda, queue to ConsumerLambda."""

from __future__ import annotations

from typing import Any

from scorecast.ops.doctor.finding import Problem, Verdict, fault
from scorecast.ops.doctor.system import System
from scorecast.ops.recovery.warnings import VIEW_TYPE

# The stream keeps a record for 24 hours.
STREAM_AGE_S = 86_400
# States that a trigger leaves by itself.
_TRANSITIONAL = {"Creating", "Enabling", "Updating"}

Json = dict[str, Any]


def check_stream(system: System) -> Verdict:
    """The main table has a stream with both images."""
    table = _main_table(system)
    name = system.output("MainTableName")
    specification = table.get("StreamSpecification", {})
    if not specification.get("StreamEnabled"):
        return fault(
            "the main table has no stream",
            f"Enable it (`aws dynamodb update-table --table-name {name} --stream-specification "
            f"StreamEnabled=true,StreamViewType={VIEW_TYPE}`), then deploy with the new stream's ARN as "
            "DynamoDBStreamArn.",
        )
    view = specification.get("StreamViewType")
    if view != VIEW_TYPE:
        return fault(
            f"the stream's view type is {view}, so deletions and changes of board do not reach the leaderboard",
            f"Disable the stream of {name}, enable it with {VIEW_TYPE}, then deploy with the new stream's ARN as "
            "DynamoDBStreamArn.",
        )
    return Verdict(f"view type {view}")


def check_stream_trigger(system: System) -> Verdict:
    """The stream's trigger is enabled and reads the table's current stream."""
    mapping = _stream_mapping(system)
    if mapping is None:
        return fault(
            "FanoutLambda has no trigger for the stream",
            "Deploy with the main table's stream ARN as DynamoDBStreamArn, which makes the trigger again.",
        )
    problems = _state_problems(mapping, "FanoutLambda")
    current = _main_table(system).get("LatestStreamArn")
    if mapping["EventSourceArn"] != current:
        problems.append(
            Problem(
                "the trigger reads an earlier stream of the main table",
                "Deploy with the current stream's ARN as DynamoDBStreamArn, then run `scorecast backfill`.",
            )
        )
    return Verdict(str(mapping["State"]).lower(), tuple(problems))


def check_stream_trigger_failures(system: System) -> Verdict:
    """A batch that fails is halved, given up in time, and kept in S3 or named in the dead-letter queue."""
    mapping = _stream_mapping(system)
    if mapping is None:
        return fault("there is no trigger", "See the check above.")
    update = f"`aws lambda update-event-source-mapping --uuid {mapping['UUID']}"
    problems = []
    if not mapping.get("BisectBatchOnFunctionError"):
        problems.append(
            Problem("BisectBatchOnFunctionError is off", f"Run {update} --bisect-batch-on-function-error`.")
        )
    destination = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination not in (system.dead_letters, system.bucket_arn):
        wanted = f'{{"OnFailure":{{"Destination":"{system.bucket_arn}"}}}}'
        problems.append(
            Problem(
                "what it gives up is lost: the on-failure destination is missing",
                f"Run {update} --destination-config '{wanted}'`.",
            )
        )
    age_s = mapping.get("MaximumRecordAgeInSeconds", -1)
    if not 0 < age_s <= STREAM_AGE_S:
        problems.append(
            Problem(
                "MaximumRecordAgeInSeconds is infinite, so one bad record can hold its shard for a day",
                f"Run {update} --maximum-record-age-in-seconds 21600`.",
            )
        )
    return Verdict(f"halves a failed batch, gives it up after {age_s} s", tuple(problems))


def check_queue_trigger(system: System) -> Verdict:
    """The queue's trigger is enabled, reports failures item by item, and has a concurrency limit."""
    function = system.function_name("ConsumerLambda")
    source = system.queue_attributes("ConsumerQueueUrl")["QueueArn"]
    mapping = next((one for one in _mappings(system, function) if one["EventSourceArn"] == source), None)
    if mapping is None:
        return fault(
            "ConsumerLambda has no trigger for its queue",
            f"Run `aws lambda create-event-source-mapping --function-name {function} --event-source-arn {source} "
            "--function-response-types ReportBatchItemFailures`.",
        )
    update = f"`aws lambda update-event-source-mapping --uuid {mapping['UUID']}"
    problems = _state_problems(mapping, "ConsumerLambda")
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        problems.append(
            Problem(
                "ReportBatchItemFailures is off, so one change that fails repeats its whole batch",
                f"Run {update} --function-response-types ReportBatchItemFailures`.",
            )
        )
    most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
    if most is None:
        problems.append(
            Problem(
                "MaximumConcurrency is missing, so writers of one board are unbounded",
                f"Run {update} --scaling-config MaximumConcurrency=5`.",
            )
        )
    window = mapping.get("MaximumBatchingWindowInSeconds", 0)
    batches = f"batches of up to {mapping.get('BatchSize')}" + (f" within {window} s" if window else "")
    return Verdict(f"{str(mapping['State']).lower()}; {batches}, {most} at once", tuple(problems))


def maximum_concurrency(system: System) -> int:
    """Return how many concurrent invocations of ConsumerLambda its trigger makes at most; 0 if it has no limit."""
    mappings = _mappings(system, system.function_name("ConsumerLambda"))
    return max((one.get("ScalingConfig", {}).get("MaximumConcurrency", 0) for one in mappings), default=0)


def stream_batch(system: System) -> tuple[int, int] | None:
    """Return the batch size and the batching window, in seconds, of the stream's trigger; None without a trigger."""
    mapping = _stream_mapping(system)
    return (mapping["BatchSize"], mapping.get("MaximumBatchingWindowInSeconds", 0)) if mapping else None


def _state_problems(mapping: Json, function: str) -> list[Problem]:
    state, uuid = mapping["State"], mapping["UUID"]
    if state in _TRANSITIONAL:
        return [Problem(f"the trigger is {state.lower()}", "Wait a minute and run doctor again.", is_hint=True)]
    if state != "Enabled":
        return [
            Problem(
                f"the trigger is {state.lower()}",
                f"Run `aws lambda update-event-source-mapping --uuid {uuid} --enabled` (`scorecast rebuild` disables "
                "the queue's trigger while it works).",
            )
        ]
    result = str(mapping.get("LastProcessingResult") or "")
    if result.startswith("PROBLEM"):
        return [Problem(f"its last batch failed ({result})", f"Read the log of {function}.", is_hint=True)]
    return []


def _main_table(system: System) -> Json:
    table = system.client("dynamodb").describe_table(TableName=system.output("MainTableName"))["Table"]
    return dict(table)


def _stream_mapping(system: System) -> Json | None:
    """Find the trigger of any stream of the main table, newest stream first."""
    of_table = f":table/{system.output('MainTableName')}/stream/"
    mappings = _mappings(system, system.function_name("FanoutLambda"))
    found = [one for one in mappings if of_table in one.get("EventSourceArn", "")]
    return max(found, key=lambda one: str(one["EventSourceArn"]), default=None)


def _mappings(system: System, function: str) -> list[Json]:
    pages = system.client("lambda").get_paginator("list_event_source_mappings").paginate(FunctionName=function)
    return [mapping for page in pages for mapping in page["EventSourceMappings"]]

"""Functions' triggers on a table's stream: a failed batch is halved, retried and given up, as on AWS.

MiniStack has no batching window, and delivers a failed batch again, whole, until it is too old. `patches.apply` applies
this. A stream of MiniStack has one shard, of which the function gets one batch at a time, whatever
ParallelizationFactor says, so the order is kept.
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import new_uuid, request_scope
from ministack.services import dynamodb, dynamodb_streams, lambda_svc

from scorecast.twin import destinations, pace
from scorecast.twin.batch_answers import failed_of

log = logging.getLogger("scorecast.twin.stream_mappings")

Json = dict[str, Any]

# The pauses between attempts of one batch, doubled each time. AWS says that it backs off, but gives no figures; these
# stand for six seconds and a minute.
FIRST_PAUSE_S, LONGEST_PAUSE_S = pace.here(6), pace.here(60)
# What a poll returns: more may be waiting, or there is nothing to do before the next write.
AT_ONCE, IDLE = 0.0, float("inf")
NEVER = float("inf")
_SHARD = dynamodb_streams._DEFAULT_SHARD_ID
# Records do not age while the engine is down, because AWS is never down.
_STARTED = time.time()


def apply() -> None:
    """Poll the streams in a thread of their own: MiniStack serves no queue while a function works on a stream."""
    asked = threading.Event()
    threading.Thread(target=_poll_when_asked, args=(asked,), daemon=True).start()
    lambda_svc._poll_dynamodb_streams = asked.set


def _poll_when_asked(asked: threading.Event) -> None:
    pause_s = IDLE
    while True:
        asked.wait(None if pause_s == IDLE else pause_s)
        asked.clear()
        try:
            while (pause_s := poll()) == AT_ONCE:
                pass
        except Exception:
            log.exception("polling the streams failed")
            pause_s = LONGEST_PAUSE_S


@dataclass
class ShardProgress:
    """What a mapping knows about its current batch.

    `ends` has the end positions of batches that were cut from a failed one, nearest last. `attempts` counts the
    invocations with the batch in its present form, and `response` is the last one's. `failing_since` is the time of the
    first failure after a success, and `saved_s` says how much longer the pauses since then would have been on AWS.
    `gathering_since` is when the first record of a batch that waits for the window's end was seen.
    """

    ends: list[int] = field(default_factory=list)
    attempts: int = 0
    response: Json | None = None
    failing_since: float = NEVER
    saved_s: float = 0.0
    retry_at: float = 0.0
    gathering_since: float | None = None

    def begin(self) -> None:
        """Begin with another batch."""
        self.attempts, self.response, self.retry_at, self.gathering_since = 0, None, 0.0, None

    def succeed(self) -> None:
        self.failing_since, self.saved_s = NEVER, 0.0

    def pause(self, pause_s: float) -> float:
        """Set the pause before the next attempt, at most LONGEST_PAUSE_S; return its seconds."""
        pause_s = min(pause_s, LONGEST_PAUSE_S)
        self.retry_at = time.time() + pause_s
        self.saved_s += pause_s * (pace.TIME_FACTOR - 1)
        return pause_s

    def age_s(self, created: float, now: float) -> float:
        """Return a record's age in seconds of AWS, with its share of the pauses."""
        failing_s = now - self.failing_since
        share = min(1.0, max(0.0, now - created) / failing_s) if failing_s > 0 else 0.0
        return now - max(created, _STARTED) + share * self.saved_s


_progress: dict[str, ShardProgress] = {}


def poll() -> float:
    """Give each mapping's function a batch of its stream; return the seconds until the next poll is needed."""
    mappings = list(lambda_svc._iter_all_esms())
    for deleted in _progress.keys() - {mapping["UUID"] for _, _, mapping in mappings}:
        del _progress[deleted]
    return min((_poll_in_scope(*one) for one in mappings), default=IDLE)


def _poll_in_scope(account: str, region: str, mapping: Json) -> float:
    with request_scope(account, region):
        source = parse_arn(mapping["EventSourceArn"])
        if source.service != "dynamodb" or not mapping.get("Enabled", True):
            return IDLE
        function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
        name, _ = lambda_svc._dynamodb_stream_table_from_arn_spec(source) or ("", "")
        table = dynamodb._tables.get(name)
        if not function or not table or table.get("LatestStreamArn") != str(source):
            return IDLE
        return StreamShard(mapping, name, function, _progress.setdefault(mapping["UUID"], ShardProgress())).deliver()


@dataclass
class StreamShard:
    """A mapping's shard, the function that it triggers, and how far it has read."""

    mapping: Json
    table: str
    function: Json
    progress: ShardProgress

    def deliver(self) -> float:
        """Invoke the function with the next batch, unless it waits; return the seconds until there is more to do."""
        now = time.time()
        if self.progress.retry_at > now:
            return self.progress.retry_at - now
        position, records = self._waiting()
        if not records:
            return IDLE
        if expired := self._count_expired(records, now):
            self._give_up(self._wanted(records[:expired]), "RecordAgeExceeded")
            return self._advance(position + expired)
        if (pause_s := self._gather(position, len(records), now)) > 0:
            return pause_s
        if self.progress.ends:
            records = records[: self.progress.ends[-1] - position]
        wanted = self._wanted(records)
        if wanted and (failed := self._invoke(wanted)):
            if not self.progress.ends:
                self.progress.ends.append(position + len(records))  # new records do not join a failed batch
            all_failed = failed[0] == _sequence(wanted[0])
            reached = position if all_failed else position + _index(records, failed[0])
            return self._after_failure(position, records, wanted, reached)
        return self._advance(position + len(records))

    def _gather(self, position: int, count: int, now: float) -> float:
        """Return the seconds for which a new batch waits for more records; a full or a cut batch does not wait."""
        window_s = pace.here(self._number("MaximumBatchingWindowInSeconds", 0))
        more_follow = position + count < dynamodb.stream_end_position(self.table)
        if self.progress.ends or more_follow or count == self._number("BatchSize", 100):
            return 0.0
        if self.progress.gathering_since is None:
            self.progress.gathering_since = now
        return self.progress.gathering_since + window_s - now

    def _invoke(self, records: list[Json]) -> list[str]:
        """Invoke the function; return the sequence numbers that failed, the lowest first."""
        result = lambda_svc._execute_function(self.function, {"Records": records})
        failed = failed_of(self.mapping, result, [_sequence(one) for one in records])
        if not failed:
            self.mapping["LastProcessingResult"] = "OK"
            self.progress.succeed()
            return []
        self.mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
        log.warning("%s failed with %d records of %s: %s", self._name, len(records), self.table, result.get("body"))
        self.progress.failing_since = min(self.progress.failing_since, time.time())
        self.progress.response = result
        # If the function could not be invoked, that was not an attempt.
        self.progress.attempts += not result.get("throttle")
        return failed

    @property
    def _name(self) -> str:
        return str(self.mapping["FunctionName"])

    def _waiting(self) -> tuple[int, list[Json]]:
        """Return the mapping's position, and a batch from there, or the rest of the batch that failed."""
        with lambda_svc._dynamodb_stream_positions_lock:
            positions = lambda_svc._dynamodb_stream_positions
            oldest, end = dynamodb.stream_start_position(self.table), dynamodb.stream_end_position(self.table)
            begins_at = end if self.mapping.get("StartingPosition", "LATEST") == "LATEST" else oldest
            # Records that expired in the stream are gone.
            position = max(positions.get(self.mapping["UUID"], begins_at), oldest)
            positions[self.mapping["UUID"]] = position
        self.progress.ends = ends = [one for one in self.progress.ends if one > position]
        count = ends[0] - position if ends else self._number("BatchSize", 100)
        return position, dynamodb.stream_records_since(self.table, position, count)

    def _wanted(self, records: list[Json]) -> list[Json]:
        wanted: list[Json] = lambda_svc._apply_filter_criteria(records, self.mapping)
        return wanted

    def _number(self, setting: str, default: int) -> int:
        """Read a setting, which is a text if it comes from a template's parameter."""
        value = self.mapping.get(setting)
        return default if value is None else int(value)

    def _count_expired(self, records: list[Json], now: float) -> int:
        """Count the records at the front that are too old for the mapping; records are ordered by age."""
        longest_s = self._number("MaximumRecordAgeInSeconds", -1)
        if longest_s < 0:
            return 0
        fresh = (at for at, one in enumerate(records) if self.progress.age_s(_created(one), now) <= longest_s)
        return next(fresh, len(records))

    def _advance(self, position: int) -> float:
        with lambda_svc._dynamodb_stream_positions_lock:
            if self.mapping["UUID"] in lambda_svc._esms:
                lambda_svc._dynamodb_stream_positions[self.mapping["UUID"]] = position
        self.progress.begin()
        return AT_ONCE

    # ---------------------------------------------------------------- failures

    def _after_failure(self, position: int, records: list[Json], wanted: list[Json], reached: int) -> float:
        """Continue with the failed records, which begin at `reached`: cut the batch, retry it, or give it up."""
        if reached > position:
            self.progress.succeed()
            return self._advance(reached)
        if (self.progress.response or {}).get("throttle"):
            return self.progress.pause(LONGEST_PAUSE_S)
        if len(wanted) > 1 and str(self.mapping.get("BisectBatchOnFunctionError")).lower() == "true":
            self.progress.ends.append(position + len(records) // 2)
            self.progress.begin()  # AWS does not count halving as a retry
            return AT_ONCE
        if 0 <= self._number("MaximumRetryAttempts", -1) < self.progress.attempts:
            self._give_up(wanted, "RetryAttemptsExhausted")
            return self._advance(position + len(records))
        return self.progress.pause(FIRST_PAUSE_S * 2 ** min(self.progress.attempts - 1, 10))

    def _give_up(self, records: list[Json], condition: str) -> None:
        """Send Lambda's record of the batch to the mapping's destination; a bucket also gets the stream's records."""
        log.warning("%s: a batch of %d records of %s is given up: %s", self._name, len(records), self.table, condition)
        destination = destinations.on_failure(self.mapping)
        if not destination or not records:
            return
        record = self._record_of(records, condition)
        if parse_arn(destination).service == "s3":
            record["payload"] = json.dumps({"Records": records})
        folder = f"aws/lambda/{self.mapping['UUID']}/{_SHARD}"
        destinations.send(destination, record, folder, self.function["config"])

    def _record_of(self, records: list[Json], condition: str) -> Json:
        context = {
            "requestId": new_uuid(),
            "functionArn": self.mapping["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": self.progress.attempts,
        }
        batch = {
            "shardId": _SHARD,
            "startSequenceNumber": _sequence(records[0]),
            "endSequenceNumber": _sequence(records[-1]),
            "approximateArrivalOfFirstRecord": _in_seconds(_created(records[0])),
            "approximateArrivalOfLastRecord": _in_seconds(_created(records[-1])),
            "batchSize": len(records),
            "streamArn": self.mapping["EventSourceArn"],
        }
        return destinations.record(context, self.progress.response) | {"DDBStreamBatchInfo": batch}


def _sequence(record: Json) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _index(records: list[Json], sequence: str) -> int:
    return [_sequence(one) for one in records].index(sequence)


def _created(record: Json) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _in_seconds(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"

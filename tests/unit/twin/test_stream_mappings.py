"""A stream's trigger halves, tries again and gives up as Lambda's does: its code runs on MiniStack's own tables."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.services import dynamodb, lambda_svc

from scorecast.twin import destinations, stream_mappings

Json = dict[str, Any]
QUEUE, BUCKET = "arn:aws:sqs:us-east-1:000000000000:dead", "arn:aws:s3:::given-up"
REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
FAILED = {"error": True, "body": {"errorMessage": "no"}, "function_error": "Unhandled"}
THROTTLED = {"error": True, "throttle": True, "body": {}}


class Trigger:
    """A table with a stream, and a function that the test answers for; its clock passes pauses at once."""

    def __init__(self) -> None:
        self.name, self.now = str(uuid.uuid4()), time.time()
        self.delivered: list[str] = []
        self.sent: list[Json] = []
        self.sequences: dict[str, str] = {}
        self.bad: set[str] = set()
        self.answer: Callable[[list[str]], Json] = lambda batch: FAILED if self.bad & set(batch) else {}
        made = dynamodb._create_table(
            {
                "TableName": self.name,
                "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            }
        )
        self.stream = json.loads(made[2])["TableDescription"]["LatestStreamArn"]
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{self.name}"
        lambda_svc._functions[self.name] = {"config": {"FunctionName": self.name, "FunctionArn": arn}}
        lambda_svc._esms[self.name] = self.mapping = {
            "UUID": self.name,
            "EventSourceArn": self.stream,
            "FunctionName": self.name,
            "FunctionArn": arn,
            "StartingPosition": "TRIM_HORIZON",
            "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
        }

    def remove(self) -> None:
        for kept in (lambda_svc._functions, lambda_svc._esms, lambda_svc._dynamodb_stream_positions):
            kept.pop(self.name, None)
        dynamodb._delete_table({"TableName": self.name})

    def write(self, *ids: str) -> None:
        for one in ids:
            dynamodb._put_item({"TableName": self.name, "Item": {"p": {"S": one}}})
            self.sequences[one] = dynamodb._stream_records[self.name][-1]["dynamodb"]["SequenceNumber"]

    def run(self, for_s: float = float("inf")) -> list[str]:
        """Poll until nothing is left to do, or so long; return the batches that were delivered since the last call."""
        self.delivered, end = [], self.now + for_s
        while (pause_s := stream_mappings.poll()) != stream_mappings.IDLE and self.now + pause_s <= end:
            self.now += pause_s
        self.now = self.now if end == float("inf") else end
        return self.delivered

    def given_up(self) -> list[tuple[int, str, int]]:
        """What the destination got: sizes of batches, conditions, and counts of attempts."""
        contexts = [(one["DDBStreamBatchInfo"]["batchSize"], one["requestContext"]) for one in self.sent]
        return [(size, one["condition"], one["approximateInvokeCount"]) for size, one in contexts]

    # What the code under test calls.

    def time(self) -> float:
        return self.now

    def _execute_function(self, _: Json, event: Json) -> Json:
        ids = [one["dynamodb"]["Keys"]["p"]["S"] for one in event["Records"]]
        self.delivered.append("".join(ids))
        return self.answer(ids)

    def _send(self, destination: str, body: str, folder: str, _function: Json, _attributes: Json) -> None:
        self.sent.append({"to": destination, "folder": folder, **json.loads(body)})

    def naming(self, *ids: str) -> Json:
        """An answer that names failures."""
        return {"body": {"batchItemFailures": [{"itemIdentifier": self.sequences[one]} for one in ids]}}


@contextmanager
def triggered() -> Iterator[Trigger]:
    trigger = Trigger()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stream_mappings, "time", trigger)
        patched.setattr(lambda_svc, "_execute_function", trigger._execute_function)
        patched.setattr(destinations, "_send", trigger._send)
        yield trigger
    trigger.remove()


@pytest.fixture
def trigger() -> Iterator[Trigger]:
    with triggered() as trigger:
        yield trigger


@pytest.mark.parametrize("window_s", [60, "60"])
def test_a_batch_waits_for_its_window_a_minute_of_which_is_a_second(trigger: Trigger, window_s: Any) -> None:
    trigger.mapping |= {"MaximumBatchingWindowInSeconds": window_s, "BatchSize": 3}
    trigger.write("a")
    assert trigger.run(for_s=0.7) == []
    trigger.write("b")
    assert trigger.run(for_s=0.2) == []
    assert trigger.run(for_s=0.2) == ["ab"]
    trigger.write(*"cdefgh", "i")
    assert trigger.run(for_s=0.9) == ["cde", "fgh"]  # what is full does not wait
    assert trigger.run() == ["i"]


def test_what_is_left_of_a_failed_batch_waits_for_no_window(trigger: Trigger) -> None:
    trigger.mapping |= {"MaximumBatchingWindowInSeconds": 300, "BisectBatchOnFunctionError": True} | REPORTS
    trigger.write(*"abc")
    trigger.answer = lambda batch: trigger.naming("b") if batch[0] == "a" else {}
    assert trigger.run(for_s=4.9) == []
    assert trigger.run(for_s=0.2) == ["abc", "bc"]


def test_a_batch_that_fails_is_halved_until_the_bad_record_is_alone(trigger: Trigger) -> None:
    trigger.mapping |= {"BisectBatchOnFunctionError": True, "MaximumRetryAttempts": 2}
    trigger.write(*"abcdefgh")
    trigger.bad = {"f"}
    assert trigger.run() == ["abcdefgh", "abcd", "efgh", "ef", "e", "f", "f", "f", "gh"]
    assert trigger.given_up() == [(1, "RetryAttemptsExhausted", 3)]


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), ("2", 3)])
def test_without_halving_the_whole_batch_is_retried_and_given_up(trigger: Trigger, retries: Any, attempts: int) -> None:
    trigger.mapping |= {"MaximumRetryAttempts": retries, "BatchSize": 3}
    trigger.write(*"abcd")
    trigger.bad = {"b"}
    assert trigger.run() == ["abc"] * attempts + ["d"]
    assert trigger.given_up() == [(3, "RetryAttemptsExhausted", attempts)]


def test_without_a_limit_a_batch_is_tried_until_it_succeeds_and_what_is_new_does_not_join_it(trigger: Trigger) -> None:
    trigger.write(*"ab")
    trigger.bad = {"a"}
    failed = trigger.run(for_s=600)
    assert set(failed) == {"ab"}
    assert len(failed) > 500  # at least one a second
    trigger.write("c")
    trigger.bad = set()
    assert trigger.run() == ["ab", "c"]
    assert trigger.sent == []


def test_pauses_between_attempts_double_up_to_a_second(trigger: Trigger) -> None:
    trigger.write("a")
    trigger.bad = {"a"}
    pauses = []
    for _ in range(6):
        pauses.append(stream_mappings.poll())
        trigger.now += pauses[-1]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


# ---------------------------------------------------------------- age


def test_a_minute_of_failing_takes_a_second_and_then_the_age_ends_it(trigger: Trigger) -> None:
    trigger.mapping |= {"MaximumRecordAgeInSeconds": 3600, "MaximumRetryAttempts": -1}
    trigger.write(*"ab")
    trigger.bad = {"a"}
    began = trigger.now
    attempts = len(trigger.run())
    assert 50 < trigger.now - began < 65
    assert trigger.given_up() == [(2, "RecordAgeExceeded", attempts)]
    assert trigger.sent[0]["responseContext"]["functionError"] == "Unhandled"


def test_what_is_left_of_a_halved_batch_is_given_up_together_when_it_is_too_old(trigger: Trigger) -> None:
    trigger.mapping |= {"MaximumRecordAgeInSeconds": 60, "BisectBatchOnFunctionError": True}
    trigger.write(*"abcd")
    trigger.bad = {"b", "c", "d"}
    delivered = trigger.run()
    assert delivered[:4] == ["abcd", "ab", "a", "b"]
    assert [(size, condition) for size, condition, _ in trigger.given_up()] == [(3, "RecordAgeExceeded")]


def test_records_that_are_too_old_are_given_up_without_an_invocation(trigger: Trigger) -> None:
    trigger.mapping |= {"MaximumRecordAgeInSeconds": 60}
    trigger.write(*"ab")
    for record in dynamodb._stream_records[trigger.name]:
        record["dynamodb"]["ApproximateCreationDateTime"] += 2  # no earlier than the engine
    trigger.now += 64
    trigger.write("c")
    dynamodb._stream_records[trigger.name][-1]["dynamodb"]["ApproximateCreationDateTime"] += 60
    assert trigger.run() == ["c"]
    assert trigger.given_up() == [(2, "RecordAgeExceeded", 0)]
    assert "responseContext" not in trigger.sent[0]


def test_the_age_does_not_grow_while_the_engine_is_down(trigger: Trigger, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger.mapping |= {"MaximumRecordAgeInSeconds": 60}
    trigger.write("a")
    trigger.now += 3600
    monkeypatch.setattr(stream_mappings, "_STARTED", trigger.now - 1)
    assert trigger.run() == ["a"]


def test_after_a_batch_is_given_up_the_records_behind_it_are_as_old(trigger: Trigger) -> None:
    trigger.mapping |= {"MaximumRecordAgeInSeconds": 600, "BatchSize": 1}
    trigger.write(*"ab")
    trigger.bad = {"a", "b"}
    assert "b" not in trigger.run()
    assert trigger.given_up()[1] == (1, "RecordAgeExceeded", 0)


# ---------------------------------------------------------------- answers that name failures


def test_a_batch_goes_on_from_the_lowest_sequence_number_that_failed(trigger: Trigger) -> None:
    trigger.mapping |= REPORTS | {"MaximumRetryAttempts": 1}
    trigger.write(*"abcd")
    trigger.bad = {"b", "d"}
    trigger.answer = lambda batch: trigger.naming(*sorted(trigger.bad & set(batch), reverse=True))
    # The rest is another batch, so its retries count from none.
    assert trigger.run() == ["abcd", "bcd", "bcd"]
    assert trigger.given_up() == [(3, "RetryAttemptsExhausted", 2)]
    assert "functionError" not in trigger.sent[0]["responseContext"]


def test_with_halving_a_batch_is_cut_where_the_answer_says(trigger: Trigger) -> None:
    trigger.mapping |= REPORTS | {"MaximumRetryAttempts": 1, "BisectBatchOnFunctionError": True}
    trigger.write(*"abcd")
    trigger.bad = {"b"}
    trigger.answer = lambda batch: trigger.naming(*trigger.bad & set(batch))
    assert trigger.run() == ["abcd", "bcd", "b", "b", "cd"]
    assert trigger.given_up() == [(1, "RetryAttemptsExhausted", 2)]


def test_an_answer_that_lambda_does_not_understand_fails_the_batch(trigger: Trigger) -> None:
    trigger.mapping |= REPORTS | {"MaximumRetryAttempts": 1}
    trigger.write(*"ab")
    trigger.answer = lambda _: {"body": {"batchItemFailures": [{"itemIdentifier": ""}]}}
    assert trigger.run() == ["ab", "ab"]


def test_without_the_response_type_an_answer_that_names_failures_is_a_success(trigger: Trigger) -> None:
    trigger.write(*"ab")
    trigger.answer = lambda _: trigger.naming("a")
    assert trigger.run() == ["ab"]
    assert trigger.mapping["LastProcessingResult"] == "OK"


# ---------------------------------------------------------------- other promises


def test_a_throttled_function_was_given_no_attempt(trigger: Trigger) -> None:
    trigger.mapping |= {"MaximumRetryAttempts": 0, "BisectBatchOnFunctionError": True}
    trigger.write(*"ab")
    trigger.answer = lambda _: THROTTLED
    assert set(trigger.run(for_s=60)) == {"ab"}
    trigger.answer = lambda _: {}
    assert trigger.run() == ["ab"]
    assert trigger.sent == []


def test_filtered_records_are_neither_delivered_nor_given_up(trigger: Trigger) -> None:
    pattern = json.dumps({"dynamodb": {"Keys": {"p": {"S": ["b", "d"]}}}})
    trigger.mapping |= REPORTS | {"FilterCriteria": {"Filters": [{"Pattern": pattern}]}, "MaximumRetryAttempts": 1}
    trigger.write(*"abcdef")
    trigger.bad = {"d"}
    trigger.answer = lambda batch: trigger.naming(*trigger.bad & set(batch))
    assert trigger.run() == ["bd", "d", "d"]
    assert trigger.given_up() == [(1, "RetryAttemptsExhausted", 2)]


def test_a_bucket_gets_the_records_and_a_queue_their_place(trigger: Trigger) -> None:
    trigger.mapping |= {"MaximumRetryAttempts": 0}
    trigger.write(*"ab")
    trigger.bad = {"a"}
    trigger.run()
    trigger.mapping["DestinationConfig"] = {"OnFailure": {"Destination": BUCKET}}
    trigger.write("c")
    trigger.bad = {"c"}
    trigger.run()
    [to_queue, to_bucket] = trigger.sent
    batch = to_queue["DDBStreamBatchInfo"]
    assert (to_queue["to"], to_bucket["to"]) == (QUEUE, BUCKET)
    assert "payload" not in to_queue
    assert batch.keys() == {
        *("shardId", "startSequenceNumber", "endSequenceNumber", "batchSize", "streamArn"),
        *("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord"),
    }
    assert batch["streamArn"] == trigger.stream
    assert (batch["startSequenceNumber"], batch["endSequenceNumber"]) == (
        trigger.sequences["a"],
        trigger.sequences["b"],
    )
    [record] = json.loads(to_bucket["payload"])["Records"]
    assert record["dynamodb"]["SequenceNumber"] == trigger.sequences["c"]
    assert to_bucket["folder"] == f"aws/lambda/{trigger.name}/{batch['shardId']}"


@settings(max_examples=30)
@given(bad=st.sets(st.sampled_from("abcdefghij")), size=st.integers(1, 12), halves=st.booleans())
def test_every_record_succeeds_or_is_given_up_once_and_in_order(bad: set[str], size: int, *, halves: bool) -> None:
    with triggered() as trigger:
        trigger.mapping |= {"BatchSize": size, "BisectBatchOnFunctionError": halves, "MaximumRetryAttempts": 1}
        trigger.write(*"abcdefghij")
        trigger.bad = bad
        passed = "".join(batch for batch in trigger.run() if not bad & set(batch))
    assert passed == "".join(sorted(passed))
    given_up = sum(batch for batch, _, _ in trigger.given_up())
    assert len(passed) + given_up == len("abcdefghij")
    assert not halves or given_up == len(bad)

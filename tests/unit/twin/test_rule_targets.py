"""What a target does not take is tried again or becomes a dead letter, with EventBridge's attributes."""

import base64
import heapq
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import pytest
from ministack import app
from ministack.services import kinesis, sqs

from scorecast.twin import destinations, rule_targets
from scorecast.twin.rule_targets import TargetDelivery, deliver
from scorecast.twin.target_permissions import DeliveryFailure
from scorecast.twin.waiting import Waiting

Json = dict[str, Any]
ACCOUNT = "000000000000"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/bus/rule"
SCHEDULE = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/name"
TARGET, DLQ = (f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}" for name in ("of-targets", "of-targets-dlq"))
POLICY = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}
EVENT = '{"detail": {}}'


@pytest.fixture(autouse=True)
def nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_targets, "waiting", Waiting())


@pytest.fixture(autouse=True)
def queues() -> Iterator[None]:
    """The target and its dead-letter queue, which take everything."""
    urls = []
    for arn in (TARGET, DLQ):
        request = {"QueueName": arn.rpartition(":")[2], "Attributes": {"Policy": json.dumps(POLICY)}}
        urls.append(sqs._act_create_queue(request, "")["QueueUrl"])
    yield
    for url in urls:
        with suppress(sqs._Err):
            sqs._act_delete_queue({"QueueUrl": url}, "")


def attributes_of(arn: str) -> Json:
    attributes: Json = sqs._queue_by_arn(arn)["attributes"]
    return attributes


def messages(arn: str) -> list[Json]:
    found: list[Json] = sqs._queue_by_arn(arn)["messages"]
    return found


def letter() -> dict[str, str]:
    """The attributes of the only dead letter, and its body."""
    [message] = messages(DLQ)
    given = {name: value["StringValue"] for name, value in message["message_attributes"].items()}
    return given | {"body": message["body"]}


def delivery(payload: str = EVENT, source: str = RULE, **target: Any) -> TargetDelivery:
    return TargetDelivery(
        source, {"Arn": TARGET, "DeadLetterConfig": {"Arn": DLQ}} | target, payload, EVENT, time.time()
    )


def send_by(monkeypatch: pytest.MonkeyPatch, send: Callable[[Any, TargetDelivery], DeliveryFailure | None]) -> None:
    monkeypatch.setitem(rule_targets._KINDS, "sqs", replace(rule_targets._KINDS["sqs"], send=send))


def fail_with(monkeypatch: pytest.MonkeyPatch, failure: DeliveryFailure) -> None:
    send_by(monkeypatch, lambda _queue, _delivery: failure)


BUSY = DeliveryFailure("THROTTLING", "busy", permanent=False)


def run(limit: int = 300) -> int:
    """Make every attempt that waits, whenever it is due; return how many there were."""
    for attempts in range(limit):
        if not rule_targets.waiting.all():
            return attempts
        _, _, due = heapq.heappop(rule_targets.waiting._heap)
        if again := rule_targets.attempt_in_scope(due):
            rule_targets.waiting.put(again)
    raise AssertionError("It never ends.")


# ---------------------------------------------------------------- deliveries


def test_an_allowed_delivery_arrives_and_leaves_nothing() -> None:
    deliver(delivery("what the target asks for"))
    assert [message["body"] for message in messages(TARGET)] == ["what the target asks for"]
    assert (messages(DLQ), rule_targets.waiting.all()) == ([], [])


def test_what_is_not_allowed_becomes_a_dead_letter_at_once() -> None:
    del attributes_of(TARGET)["Policy"]
    deliver(delivery("a part of it"))
    assert letter() == {
        "RULE_ARN": RULE,
        "TARGET_ARN": TARGET,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": f"The policy of {TARGET} does not allow it to {RULE}.",
        "RETRY_ATTEMPTS": "0",
        "body": EVENT,
    }


def test_a_target_that_is_gone_is_not_tried_again() -> None:
    sqs._act_delete_queue({"QueueUrl": "of-targets"}, "")
    deliver(delivery())
    assert (letter()["ERROR_CODE"], letter()["ERROR_MESSAGE"]) == ("NO_RESOURCE", f"There is no {TARGET}.")
    assert run() == 0


def test_an_event_that_is_too_large_for_its_target_is_not_tried_again() -> None:
    attributes_of(TARGET)["MaximumMessageSize"] = "1024"
    deliver(delivery("ä" * 512))
    deliver(delivery("ä" * 513))
    assert len(messages(TARGET)) == 1
    assert letter()["ERROR_CODE"] == "INVALID_PARAMETER"


def invoke(rule: Json, **target: Any) -> None:
    """Deliver an event as MiniStack does, by a rule or a schedule."""
    event = {"EventId": "id", "Source": "test", "DetailType": "T", "Detail": '{"inner": {"x": 1}}', "Time": 1}
    rule_targets._invoke_target(lambda *_: None, {"Arn": TARGET} | target, event, rule)


@pytest.mark.parametrize(
    ("transformation", "expected"),
    [
        ({"InputPath": "$.detail.inner"}, '{"x":1}'),
        ({"Input": '"always this"'}, '"always this"'),
        (
            {"InputTransformer": {"InputPathsMap": {"x": "$.detail.inner.x"}, "InputTemplate": '{"was": <x>}'}},
            '{"was": 1}',
        ),
    ],
)
def test_a_target_is_sent_what_it_asks_for(transformation: Json, expected: str) -> None:
    invoke({"Arn": RULE}, **transformation)
    assert [message["body"] for message in messages(TARGET)] == [expected]


@pytest.fixture
def fifo() -> Iterator[str]:
    """The ARN of a FIFO queue that takes everything."""
    attributes = {"Policy": json.dumps(POLICY), "FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs._act_create_queue({"QueueName": "of-targets.fifo", "Attributes": attributes}, "")["QueueUrl"]
    yield f"{TARGET}.fifo"
    sqs._act_delete_queue({"QueueUrl": url}, "")


@pytest.mark.parametrize(("group", "expected"), [("all", "all"), ("$.detail.keys.id", "6")])
def test_a_message_group_is_a_name_or_what_is_at_its_path(fifo: str, group: str, expected: str) -> None:
    event = json.dumps({"detail": {"keys": {"id": "6"}}})
    deliver(replace(delivery(Arn=fifo, SqsParameters={"MessageGroupId": group}), event=event))
    assert [message["group_id"] for message in messages(fifo)] == [expected]


def test_a_fifo_queue_drops_what_it_had(fifo: str) -> None:
    for payload in ("once", "once", "another"):
        deliver(delivery(payload, Arn=fifo, SqsParameters={"MessageGroupId": "all"}))
    assert [message["body"] for message in messages(fifo)] == ["once", "another"]
    assert messages(DLQ) == []


@pytest.mark.parametrize("group", ["$.detail.keys.id", "of two", "ä", "x" * 129, ""])
def test_a_group_that_sqs_does_not_take_makes_a_dead_letter(fifo: str, group: str) -> None:
    deliver(delivery(Arn=fifo, SqsParameters={"MessageGroupId": group}))
    assert letter()["ERROR_CODE"] == "INVALID_PARAMETER"
    assert "MessageGroupId" in letter()["ERROR_MESSAGE"]
    assert messages(fifo) == []


def test_queues_that_deny_all_but_the_rule_take_what_it_sends(fifo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "AUTH", True)
    monkeypatch.setattr(sqs, "_enforce_queue_policy", sqs._enforce_queue_policy)
    destinations.judge_deliveries_once()
    others = {"ArnNotEquals": {"aws:SourceArn": RULE}}
    denial = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", "Condition": others}
    for arn in (fifo, DLQ):
        attributes_of(arn)["Policy"] = json.dumps({"Statement": [*POLICY["Statement"], denial]})
    deliver(delivery(Arn=fifo, SqsParameters={"MessageGroupId": "all"}))
    deliver(delivery(Arn=f"{TARGET}-gone"))
    assert [message["body"] for message in messages(fifo)] == [EVENT]
    assert letter()["ERROR_CODE"] == "NO_RESOURCE"
    with pytest.raises(sqs._Err, match="is denied"):
        sqs._act_send_message({"QueueUrl": "of-targets-dlq", "MessageBody": "of another sender"}, "")


@pytest.mark.parametrize("transformation", [{}, {"InputPath": "$.detail.nowhere"}])
def test_else_a_target_is_sent_the_event(transformation: Json) -> None:
    invoke({"Arn": RULE}, **transformation)
    [message] = messages(TARGET)
    assert json.loads(message["body"])["detail"] == {"inner": {"x": 1}}


def test_a_schedule_delivers_its_input_by_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(rule_targets, "refusal", lambda *request: asked.append(request))
    invoke({"Arn": SCHEDULE, "Name": "name"}, Input='{"do": "it"}', RoleArn=f"arn:aws:iam::{ACCOUNT}:role/invokes")
    assert asked == [("scheduler.amazonaws.com", SCHEDULE, TARGET, f"arn:aws:iam::{ACCOUNT}:role/invokes")]
    assert [message["body"] for message in messages(TARGET)] == ['{"do": "it"}']


@pytest.mark.parametrize(
    ("parameters", "key"),
    [({}, "id"), ({"PartitionKeyPath": "$.detail.inner.x"}, "1"), ({"PartitionKeyPath": "$.source"}, "test")],
)
def test_kinesis_gets_records_under_the_key_that_the_target_asks_for(
    monkeypatch: pytest.MonkeyPatch, parameters: Json, key: str
) -> None:
    monkeypatch.setattr(rule_targets, "refusal", lambda *_request: None)
    kinesis._create_stream({"StreamName": "of-targets", "ShardCount": 1})
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/of-targets"
    invoke({"Arn": RULE}, Arn=arn, KinesisParameters=parameters, InputPath="$.detail")
    [shard] = kinesis._resolve_stream_by_arn(arn)["shards"].values()
    [record] = shard["records"]
    assert (record["PartitionKey"], base64.b64decode(record["Data"])) == (key, b'{"inner":{"x":1}}')
    kinesis._delete_stream({"StreamName": "of-targets"})


def test_a_kinesis_stream_that_is_not_active_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_targets, "refusal", lambda *_request: None)
    kinesis._create_stream({"StreamName": "of-targets", "ShardCount": 1})
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/of-targets"
    stream = kinesis._resolve_stream_by_arn(arn)
    stream["StreamStatus"] = "UPDATING"
    invoke({"Arn": RULE}, Arn=arn)
    stream["StreamStatus"] = "ACTIVE"
    assert run() == 1
    assert [len(shard["records"]) for shard in stream["shards"].values()] == [1]
    kinesis._delete_stream({"StreamName": "of-targets"})


def test_other_targets_are_ministacks_own() -> None:
    passed: list[Any] = []
    bus = {"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/other"}
    event = {"EventId": "1", "Source": "test", "DetailType": "T", "Detail": "{}", "Time": 1}
    rule_targets._invoke_target(lambda *given: passed.append(given[0]), bus, event, {"Arn": RULE})
    assert passed == [bus]


# ---------------------------------------------------------------- retries


def test_what_fails_for_a_time_is_delivered_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as busy:
        fail_with(busy, BUSY)
        deliver(delivery())
        assert [one.retries for one in rule_targets.waiting.all()] == [1]
    assert run() == 1
    assert [message["body"] for message in messages(TARGET)] == [EVENT]
    assert (messages(DLQ), rule_targets.waiting.all()) == ([], [])


@pytest.mark.parametrize(("policy", "retries"), [({}, 185), ({"MaximumRetryAttempts": 3}, 3)])
def test_the_last_retry_that_fails_makes_a_dead_letter(
    monkeypatch: pytest.MonkeyPatch, policy: Json, retries: int
) -> None:
    fail_with(monkeypatch, BUSY)
    deliver(delivery(RetryPolicy=policy))
    assert run() == retries
    parked = letter()
    assert (parked["ERROR_CODE"], parked["ERROR_MESSAGE"]) == ("THROTTLING", "busy")
    assert parked["RETRY_ATTEMPTS"] == str(retries)
    assert parked["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_an_event_that_is_too_old_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, BUSY)
    deliver(replace(delivery(RetryPolicy={"MaximumEventAgeInSeconds": 60}), since=time.time() - 1, retries=4))
    assert letter()["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"
    assert letter()["RETRY_ATTEMPTS"] == "4"


def test_an_error_of_the_engine_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(_queue: Json, _delivery: TargetDelivery) -> None:
        raise RuntimeError("broken")

    send_by(monkeypatch, send)
    deliver(delivery(RetryPolicy={"MaximumRetryAttempts": 1}))
    assert run() == 1
    assert letter()["ERROR_CODE"] == "INTERNAL_ERROR"


def test_what_waits_goes_on_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as busy:
        fail_with(busy, BUSY)
        deliver(delivery())
    saved = json.loads(json.dumps([asdict(one) for one in rule_targets.waiting.all()]))
    run()
    sqs._queue_by_arn(TARGET)["messages"].clear()
    rule_targets._load(lambda _data: None, {"waiting_deliveries": saved})
    assert run() == 1
    assert len(messages(TARGET)) == 1


# ---------------------------------------------------------------- dead-letter queues


def test_without_a_dead_letter_queue_the_event_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    del attributes_of(TARGET)["Policy"]
    deliver(delivery(DeadLetterConfig=None))
    assert "is lost (NO_PERMISSIONS" in caplog.text
    assert messages(DLQ) == []


def test_a_dead_letter_queue_takes_what_its_policy_allows(caplog: pytest.LogCaptureFixture) -> None:
    del attributes_of(TARGET)["Policy"]
    del attributes_of(DLQ)["Policy"]
    deliver(delivery())
    assert f"The policy of {DLQ} does not allow it" in caplog.text
    assert messages(DLQ) == []


def test_a_dead_letter_queue_is_in_the_rules_region(caplog: pytest.LogCaptureFixture) -> None:
    del attributes_of(TARGET)["Policy"]
    deliver(delivery(DeadLetterConfig={"Arn": DLQ.replace("us-east-1", "eu-west-1")}))
    assert "is in another account or region" in caplog.text
    assert messages(DLQ) == []


def test_a_dead_letter_that_is_too_large_for_its_queue_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    del attributes_of(TARGET)["Policy"]
    attributes_of(DLQ)["MaximumMessageSize"] = "1024"
    deliver(replace(delivery(), event="x" * 1025))
    assert "Message must be shorter than 1024 bytes" in caplog.text


def test_a_schedules_dead_letter_is_its_input_and_needs_its_role(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = delivery('{"do": "it"}', SCHEDULE, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/none")
    deliver(given)
    assert "may not assume" in caplog.text
    monkeypatch.setattr(rule_targets, "refusal", lambda *_request: None)
    fail_with(monkeypatch, DeliveryFailure("NO_RESOURCE", "gone"))
    deliver(given)
    parked = letter()
    assert (parked["SCHEDULE_ARN"], parked["body"], parked["ERROR_CODE"]) == (SCHEDULE, '{"do": "it"}', "NO_RESOURCE")
    assert "RULE_ARN" not in parked
    assert parked["IS_PAYLOAD_TRUNCATED"] == "false"

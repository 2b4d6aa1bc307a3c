"""EventBridge, SQS and Firehose on the twin refuse what they refuse on AWS."""

import json
from typing import Any

import pytest

from scorecast.twin.instance import Twin
from tests.support.refusals import reasons_of_failure, refused

Json = dict[str, Any]
MIB = 1024 * 1024


@pytest.fixture
def events(engine: Twin) -> Any:
    return engine.client("events")


@pytest.fixture
def bus(events: Any, name: str) -> str:
    events.create_event_bus(Name=name)
    return name


@pytest.fixture
def rule(events: Any, bus: str) -> Json:
    """The arguments that name a rule without targets."""
    events.put_rule(Name=bus, EventBusName=bus, EventPattern='{"source": ["test"]}')
    return {"Rule": bus, "EventBusName": bus}


def entry(detail: str = "{}", **more: Any) -> Json:
    return {"Source": "test", "DetailType": "TEST", "Detail": detail, **more}


def answer(events: Any, *entries: Json) -> list[str | None]:
    """The error codes of the entries of one call."""
    answer = events.put_events(Entries=list(entries))
    codes = [result.get("ErrorCode") for result in answer["Entries"]]
    assert answer["FailedEntryCount"] == sum(code is not None for code in codes)
    return codes


# ---------------------------------------------------------------- events


@pytest.mark.parametrize(
    "detail",
    ["no JSON", "[1]", '"text"', "7", '{"a": NaN}', f'{{"a": {2**63}}}', f'{{"a": [{-(2**63) - 1}]}}'],
)
def test_a_detail_is_a_json_object_with_integers_of_64_bits(events: Any, detail: str) -> None:
    assert answer(events, entry(), entry(detail), entry()) == [None, "MalformedDetail", None]


def test_numbers_within_64_bits_and_fractions_are_taken(events: Any) -> None:
    assert answer(events, entry(f'{{"a": {2**63 - 1}, "b": {-(2**63)}, "c": 1.5e300}}')) == [None]


def test_an_event_nests_at_most_a_thousand_levels(events: Any) -> None:
    nested = [f'{{"a": {"[" * levels}{"]" * levels}}}' for levels in (900, 999)]
    wide = json.dumps({"a": [[]] * 2_000})
    assert answer(events, *map(entry, [*nested, wide])) == [None, "MalformedDetail", None]


def test_an_entry_has_a_source_a_type_and_a_detail(events: Any) -> None:
    entries = [entry(**{name: ""}) for name in ("Source", "DetailType", "Detail")]
    assert answer(events, *entries) == ["InvalidArgument"] * 3
    assert answer(events, entry(DetailType="x" * 128), entry(DetailType="x" * 129)) == [None, "InvalidArgument"]


def test_a_call_has_ten_entries_with_less_than_a_mebibyte(events: Any) -> None:
    assert answer(events, *[entry()] * 10) == [None] * 10
    with refused("ValidationException", "Member must have length less than or equal to 10"):
        events.put_events(Entries=[entry()] * 11)
    room = MIB - len("testTEST") - len('{"a": ""}') - 1
    assert answer(events, entry(json.dumps({"a": "x" * room}))) == [None]
    for entries in ([entry(json.dumps({"a": "x" * (room + 1)}))], [entry(json.dumps({"a": "x" * 210_000}))] * 5):
        with refused("ValidationException", "Total size of the entries in the request is over the limit."):
            events.put_events(Entries=entries)


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        ({"numeric": [">", 5_000_000_001]}, "Value must be between -5.0E9 and 5.0E9, inclusive"),
        ({"numeric": [">", -5_000_000_001, "<", 0]}, "Value must be between"),
        ({"numeric": ["=", 0.1234567]}, "Only values upto 6 decimals are supported"),
        ({"anything-but": 5_000_000_001}, "Value must be between"),
        ({"anything-but": [1, 6e9]}, "Value must be between"),
    ],
)
def test_a_pattern_compares_numbers_within_five_thousand_million(
    events: Any, bus: str, matcher: Json, words: str
) -> None:
    with refused("InvalidEventPatternException", words):
        events.put_rule(Name=bus, EventBusName=bus, EventPattern=json.dumps({"detail": {"a": [matcher]}}))


@pytest.mark.parametrize("value", [{"numeric": [">=", -5e9, "<=", 5e9]}, {"numeric": ["=", 0.123456]}, 6_000_000_000])
def test_smaller_numbers_and_plain_values_are_taken(events: Any, bus: str, value: Any) -> None:
    events.put_rule(Name=bus, EventBusName=bus, EventPattern=json.dumps({"detail": {"a": [value]}}))


def test_a_rule_has_a_pattern_of_bounded_length(events: Any, bus: str) -> None:
    longest = json.dumps({"source": ["x" * (2048 - len('{"source": [""]}'))]})
    events.put_rule(Name=bus, EventBusName=bus, EventPattern=longest)
    with refused("LimitExceededException"):
        events.put_rule(Name=bus, EventBusName=bus, EventPattern=longest.replace("x", "xx", 1))
    with refused("ValidationException", "EventPattern or ScheduleExpression must be specified"):
        events.put_rule(Name=bus, EventBusName=bus)


def test_a_rule_has_five_targets(events: Any, rule: Json) -> None:
    targets = [{"Id": str(number), "Arn": f"arn:aws:sqs:us-east-1:000000000000:q{number}"} for number in range(6)]
    events.put_targets(**rule, Targets=targets[:5])
    events.put_targets(**rule, Targets=targets[:5])
    with refused("LimitExceededException", "The requested resource exceeds the maximum number allowed."):
        events.put_targets(**rule, Targets=targets[5:])


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"EventPattern": {"detail": {"a": [{"numeric": [">", 6e9]}]}}}, "Value must be between"),
        ({"EventPattern": {"source": ["x" * 2048]}}, "exceeds the maximum number allowed"),
        ({}, "must be specified"),
    ],
)
def test_a_template_with_such_a_rule_is_not_deployed(engine: Twin, name: str, properties: Json, words: str) -> None:
    rule = {"Type": "AWS::Events::Rule", "Properties": properties}
    assert any(words in reason for reason in reasons_of_failure(engine, name, rule))


# ---------------------------------------------------------------- what is in use


def test_a_bus_with_rules_and_a_rule_with_targets_are_not_deleted(events: Any, rule: Json) -> None:
    name, bus = rule["Rule"], rule["EventBusName"]
    events.put_targets(**rule, Targets=[{"Id": "a", "Arn": "arn:aws:sqs:us-east-1:000000000000:q"}])
    with refused("ValidationException", "EventBus can't be deleted since it has rules."):
        events.delete_event_bus(Name=bus)
    with refused("ValidationException", "Rule can't be deleted since it has targets."):
        events.delete_rule(Name=name, EventBusName=bus)
    events.remove_targets(**rule, Ids=["a"])
    events.delete_rule(Name=name, EventBusName=bus)
    events.delete_event_bus(Name=bus)


def test_a_stack_whose_bus_has_rules_of_others_is_not_deleted(engine: Twin, events: Any, name: str) -> None:
    cloudformation = engine.client("cloudformation")
    bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": name}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Bus": bus}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    events.put_rule(Name=name, EventBusName=name, EventPattern='{"source": ["test"]}')
    cloudformation.delete_stack(StackName=name)
    with pytest.raises(Exception, match="DELETE_FAILED"):
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    events.delete_rule(Name=name, EventBusName=name)
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


# ---------------------------------------------------------------- messages and records


@pytest.fixture
def sqs(engine: Twin) -> Any:
    return engine.client("sqs")


@pytest.fixture
def queue(sqs: Any, name: str) -> str:
    return str(sqs.create_queue(QueueName=name)["QueueUrl"])


def test_a_message_has_a_mebibyte_with_its_attributes(sqs: Any, queue: str) -> None:
    attribute = {"a": {"DataType": "String", "StringValue": "b"}}
    sqs.send_message(QueueUrl=queue, MessageBody="x" * MIB)
    sqs.send_message(QueueUrl=queue, MessageBody="x" * (MIB - len("aStringb")), MessageAttributes=attribute)
    for message in ({"MessageBody": "x" * (MIB + 1)}, {"MessageBody": "ä" * (MIB // 2 + 1)}):
        with refused("InvalidParameterValue", "Message must be shorter than 1048576 bytes."):
            sqs.send_message(QueueUrl=queue, **message)
    with refused("InvalidParameterValue", "Message must be shorter than 1048576 bytes."):
        sqs.send_message(QueueUrl=queue, MessageBody="x" * MIB, MessageAttributes=attribute)


def test_a_batch_has_ten_messages_and_a_mebibyte(sqs: Any, queue: str) -> None:
    def batch(count: int, size: int, **more: Any) -> list[Json]:
        return [{"Id": str(number), "MessageBody": "x" * size, **more} for number in range(count)]

    sqs.send_message_batch(QueueUrl=queue, Entries=batch(8, MIB // 8))
    with refused("TooManyEntriesInBatchRequest"):
        sqs.send_message_batch(QueueUrl=queue, Entries=batch(11, 1))
    attributes = {"MessageAttributes": {"a": {"DataType": "String", "StringValue": "b"}}}
    for entries in (batch(9, MIB // 8), batch(8, MIB // 8, **attributes)):
        with refused("BatchRequestTooLong"):
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)


def test_a_message_waits_fifteen_minutes_and_hides_twelve_hours(sqs: Any, queue: str) -> None:
    with refused("InvalidParameterValue", "DelaySeconds"):
        sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=901)
    late = [{"Id": "1", "MessageBody": "x", "DelaySeconds": 901}, {"Id": "2", "MessageBody": "x"}]
    assert [one["Id"] for one in sqs.send_message_batch(QueueUrl=queue, Entries=late)["Failed"]] == ["1"]
    handle = sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"]
    with refused("InvalidParameterValue", "VisibilityTimeout"):
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=43_201)
    with refused("InvalidParameterValue", "WaitTimeSeconds"):
        sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=21)


def test_a_record_has_1000_kibibytes_and_a_call_four_mebibytes(engine: Twin, name: str) -> None:
    engine.client("s3").create_bucket(Bucket=name)
    firehose = engine.client("firehose")
    destination = {"RoleARN": "arn:aws:iam::000000000000:role/any", "BucketARN": f"arn:aws:s3:::{name}"}
    firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination)
    largest = {"Data": b"x" * 1000 * 1024}
    firehose.put_record(DeliveryStreamName=name, Record=largest)
    full = [largest] * 4 + [{"Data": b"x" * 96 * 1024}]
    assert firehose.put_record_batch(DeliveryStreamName=name, Records=full)["FailedPutCount"] == 0
    with refused("InvalidArgumentException", "Records size exceeds 4 MB limit"):
        firehose.put_record_batch(DeliveryStreamName=name, Records=[*full, {"Data": b"x"}])
    too_large = {"Data": largest["Data"] + b"x"}
    with refused("ValidationException", "less than or equal to 1024000"):
        firehose.put_record(DeliveryStreamName=name, Record=too_large)
    with refused("ValidationException", "less than or equal to 1024000"):
        firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": b"x"}, too_large])

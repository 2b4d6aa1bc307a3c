"""A batch that the stream's trigger gives up becomes a dead letter; a redrive reads it from S3, or from the stream."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.command import Scorecast
from tests.support.deployed import Stack, read_stream
from tests.support.fakes import item
from tests.support.faulty_aws import Plan
from tests.support.pipeline import backed_up, letter, put, shows
from tests.support.waiting import eventually
from tests.twin.conftest import Fail

pytestmark = pytest.mark.slow
# The shortest age at which a trigger gives up a record.
LEAST_AGE_S = 60


@contextmanager
def trigger_with(stack: Stack, **settings: Any) -> Iterator[None]:
    """Change settings of the stream's trigger, and restore them at the end."""
    functions, fanout = stack.client("lambda"), stack.outputs["FanoutLambdaName"]
    [mapping] = functions.list_event_source_mappings(FunctionName=fanout)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], **settings)
    try:
        yield
    finally:
        as_it_was = {name: mapping[name] for name in settings}
        functions.update_event_source_mapping(UUID=mapping["UUID"], **as_it_was)


def nothing_goes() -> Plan:
    """The bus refuses every change and the dead-letter queue is busy, so FanoutLambda acknowledges nothing."""
    return Plan(stubborn_per_cent=100, out={"SendMessageBatch"})


def test_a_batch_that_the_trigger_gives_up_is_kept_in_s3_and_sent_again(
    stack: Stack, scorecast: Scorecast, name: str, fail: Fail
) -> None:
    plan = fail(nothing_goes())
    with trigger_with(stack, MaximumRecordAgeInSeconds=LEAST_AGE_S):
        put(stack, item("1", name, "10"), item("2", name, "20"))
        parked = letter(scorecast, "--stage", "stream")
    plan.calm()
    assert (parked["errorCode"], parked["content"]["bucket"]) == ("GivenUp", stack.outputs["BackupBucketName"])
    [whole] = scorecast.json("dlq", "show", "--stage", "stream", "--images")["letters"]
    mine = [one for one in read_stream(stack).records if one["dynamodb"]["Keys"]["metadata"]["S"] == name]
    ids = [one["eventID"] for one in mine]
    assert [one["eventID"] for one in whole["content"]["records"]] == ids
    assert scorecast.json("trace", ids[0])["deadLetters"][0]["messageId"] == parked["messageId"]
    assert backed_up(stack, name) == []
    assert scorecast.json("dlq", "redrive", "--stage", "stream")["sent"] == 1
    eventually(lambda: shows(stack, name, [(1, "2", "20"), (2, "1", "10")]))


def test_a_batch_that_a_queue_only_names_is_read_again_from_the_stream(
    stack: Stack, scorecast: Scorecast, name: str, fail: Fail
) -> None:
    """Stacks before version 0.2, and engines without S3 as a destination, leave such letters."""
    plan = fail(nothing_goes())
    to_queue = {"OnFailure": {"Destination": stack.outputs["FanoutDlqArn"]}}
    with trigger_with(stack, MaximumRecordAgeInSeconds=LEAST_AGE_S, DestinationConfig=to_queue):
        put(stack, item("1", name, "10"), item("2", name, "20"))
        parked = letter(scorecast, "--stage", "stream")
    plan.calm()
    shard = read_stream(stack)
    mine = [one["dynamodb"] for one in shard.records if one["dynamodb"]["Keys"]["metadata"]["S"] == name]
    place = {"stream_arn": shard.stream_arn, "shard_id": shard.shard_id, "records": 2}
    assert parked["content"] == place | {"first": mine[0]["SequenceNumber"], "last": mine[1]["SequenceNumber"]}
    assert name not in json.dumps(parked)  # a place in the stream, and nothing of the changes
    assert backed_up(stack, name) == []
    assert scorecast.json("dlq", "redrive", "--stage", "stream")["sent"] == 1
    eventually(lambda: shows(stack, name, [(1, "2", "20"), (2, "1", "10")]))

"""A batch that the stream's trigger gives up to a queue is only named; a redrive reads it from the stream."""

import json

import pytest

from tests.support.command import Scorecast
from tests.support.deployed import Stack, read_stream
from tests.support.fakes import item
from tests.support.giving_up import LEAST_AGE_S, nothing_goes, put_as_one_batch, trigger_with
from tests.support.pipeline import backed_up, letter, shows
from tests.support.waiting import eventually
from tests.twin.conftest import Fail

pytestmark = pytest.mark.slow


def test_a_batch_that_a_queue_only_names_is_read_again_from_the_stream(
    stack: Stack, scorecast: Scorecast, name: str, fail: Fail
) -> None:
    """Stacks before version 0.2, and engines without S3 as a destination, leave such letters."""
    plan = fail(nothing_goes())
    to_queue = {"OnFailure": {"Destination": stack.outputs["FanoutDlqArn"]}}
    with trigger_with(stack, MaximumRecordAgeInSeconds=LEAST_AGE_S, DestinationConfig=to_queue):
        put_as_one_batch(stack, item("1", name, "10"), item("2", name, "20"))
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

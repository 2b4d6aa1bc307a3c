"""A batch that the stream's trigger gives up goes to the dead-letter queue; a redrive reads it from the stream."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

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
def trigger_with(stack: Stack, **settings: int) -> Iterator[None]:
    """Change settings of the stream's trigger, and restore them at the end."""
    functions, fanout = stack.client("lambda"), stack.outputs["FanoutLambdaName"]
    [mapping] = functions.list_event_source_mappings(FunctionName=fanout)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], **settings)
    try:
        yield
    finally:
        as_it_was = {name: mapping[name] for name in settings}
        functions.update_event_source_mapping(UUID=mapping["UUID"], **as_it_was)


def test_a_batch_that_the_trigger_gives_up_is_read_again_from_the_stream(
    stack: Stack, scorecast: Scorecast, name: str, fail: Fail
) -> None:
    # While the dead-letter queue fails too, FanoutLambda acknowledges nothing, and the trigger tries for a minute.
    plan = fail(Plan(out={"PutEvents", "SendMessageBatch"}))
    with trigger_with(stack, MaximumRecordAgeInSeconds=LEAST_AGE_S):
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

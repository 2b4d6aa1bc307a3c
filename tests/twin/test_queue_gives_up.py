"""The queue parks a change that ConsumerLambda cannot write for long; later changes win over it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.fakes import item
from tests.support.faulty_aws import Plan
from tests.support.pipeline import Json, board, put, shows
from tests.support.waiting import eventually
from tests.twin.conftest import Fail

pytestmark = pytest.mark.slow
# Fewer than the template's, so that the test ends.
RECEIVES = 3


def test_what_the_consumer_cannot_write_for_long_is_parked_by_its_queue_and_a_newer_change_wins(
    stack: Stack, scorecast: Scorecast, name: str, fail: Fail
) -> None:
    plan = fail(Plan(out={"TransactWriteItems"}))
    with given_up_after(stack, RECEIVES):
        put(stack, item("1", name, "10"), item("2", name, "20"))
        parked = eventually(lambda: as_many(scorecast.json("dlq", "show", "--board", name)["letters"], 2), 180)
    assert {(one["stage"], one["errorCode"]) for one in parked} == {("queue", "MaxReceiveCount")}
    assert all(one["attempts"] >= RECEIVES for one in parked)  # SQS counts reads of the letter too
    plan.calm()
    put(stack, item("1", name, "11"))
    eventually(lambda: newer_stands(stack, name))
    assert scorecast.json("dlq", "redrive", "--board", name)["sent"] == 2
    eventually(lambda: is_empty(stack, "ConsumerQueueUrl"))
    shows(stack, name, [(1, "2", "20"), (2, "1", "11")])


def newer_stands(stack: Stack, name: str) -> None:
    assert ("1", "11") in {row[1:] for row in board(stack, name) or []}


def is_empty(stack: Stack, queue: str) -> None:
    """Check that no message is in the queue, received or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counted = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=names)
    assert {int(counted["Attributes"][one]) for one in names} == {0}


@contextmanager
def given_up_after(stack: Stack, receives: int) -> Iterator[None]:
    """Let the consumer's queue give a message up after fewer receives than usual."""
    sqs, url, name = stack.client("sqs"), stack.outputs["ConsumerQueueUrl"], "RedrivePolicy"
    usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    policy = json.loads(usual) | {"maxReceiveCount": receives}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: json.dumps(policy)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: usual})


def as_many(letters: list[Json], count: int) -> list[Json]:
    assert len(letters) == count
    return letters

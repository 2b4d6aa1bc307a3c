"""A batch that the stream's trigger gives up becomes a dead letter in S3, and a redrive reads it there."""

import pytest

from tests.support.command import Scorecast
from tests.support.deployed import Stack, read_stream
from tests.support.fakes import item
from tests.support.giving_up import LEAST_AGE_S, nothing_goes, put_as_one_batch, trigger_with
from tests.support.pipeline import backed_up, letter, shows
from tests.support.waiting import eventually
from tests.twin.conftest import Fail

pytestmark = pytest.mark.slow


def test_a_batch_that_the_trigger_gives_up_is_kept_in_s3_and_sent_again(
    stack: Stack, scorecast: Scorecast, name: str, fail: Fail
) -> None:
    plan = fail(nothing_goes())
    with trigger_with(stack, MaximumRecordAgeInSeconds=LEAST_AGE_S):
        put_as_one_batch(stack, item("1", name, "10"), item("2", name, "20"))
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

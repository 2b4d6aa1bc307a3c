"""Every failure of a change on the deployed system ends in the dead-letter queue, and can be redriven."""

import json
import sys
import uuid
from typing import Any

import pytest

from tests.support.command import Scorecast
from tests.support.deployed import ROOT, Stack
from tests.support.fakes import item, record
from tests.support.faulty_aws import Plan
from tests.support.pipeline import Json, letter, only, put, shows, shows_total
from tests.support.waiting import eventually
from tests.twin.conftest import Fail

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finding the process to kill needs Linux's /proc")
# EventBridgeMaxAttempt, and the attempts of an asynchronous invocation.
BUS_ATTEMPTS, INVOCATIONS = 4, 3


# ---------------------------------------------------------------- asynchronous invocations


@pytest.mark.parametrize(
    ("function", "sample", "call"),
    [
        ("FanoutLambdaName", "dynamodbStream.json", "PutEvents"),
        ("ConsumerLambdaName", "deleteEvent.json", "TransactWriteItems"),
        ("LeaderGet", "apigw.json", "BatchGetItem"),
    ],
)
def test_an_asynchronous_invocation_that_fails_each_time_is_parked_whole_and_invoked_again(
    stack: Stack, scorecast: Scorecast, name: str, fail: Fail, function: str, sample: str, call: str
) -> None:
    plan = fail(Plan(rate=1.0, kinds=("kill before",)))
    payload = json.loads((ROOT / "events" / sample).read_text().replace("StarWar", name))
    payload["test"] = str(uuid.uuid4())
    invoked = stack.outputs[function]
    stack.client("lambda").invoke(FunctionName=invoked, InvocationType="Event", Payload=json.dumps(payload))

    def the_letter() -> Json:
        letters = scorecast.json("dlq", "show", "--stage", "invocation")["letters"]
        return only([one for one in letters if one["content"]["payload"] == payload])

    parked = eventually(the_letter)
    assert parked["content"]["function_arn"].endswith(invoked.rpartition(":")[2])
    assert parked["attempts"] == INVOCATIONS
    assert plan.injected.total() >= INVOCATIONS
    plan.calm()
    before = plan.calls[call]
    assert scorecast.json("dlq", "redrive", "--id", parked["messageId"])["sent"] == 1
    eventually(lambda: calls_more_than(plan, call, before))
    eventually(lambda: nothing_waits(stack), 240)  # a batch of a killed ConsumerLambda is hidden for 180 s
    assert scorecast.json("dlq", "list", "--id", parked["messageId"])["letters"] == 0


def calls_more_than(plan: Plan, operation: str, before: int) -> None:
    assert plan.calls[operation] > before


def nothing_waits(stack: Stack) -> None:
    """Fail while ConsumerLambda has messages, which the next test would kill it over."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    asked = {"QueueUrl": stack.outputs["ConsumerQueueUrl"], "AttributeNames": names}
    assert set(stack.client("sqs").get_queue_attributes(**asked)["Attributes"].values()) == {"0"}


# ---------------------------------------------------------------- inside a function, and between them


def test_what_the_bus_refuses_as_often_as_is_allowed_is_parked_whole_and_published_again(
    stack: Stack, scorecast: Scorecast, name: str, fail: Fail
) -> None:
    plan = fail(Plan(stubborn_per_cent=100))
    put(stack, item("1", name, "10"))
    parked = letter(scorecast, "--board", name)
    assert (parked["stage"], parked["errorCode"], parked["attempts"]) == ("fanout", "MalformedDetail", BUS_ATTEMPTS)
    assert plan.injected["PutEvents", "stubborn entry"] == BUS_ATTEMPTS
    assert parked["content"]["detail"]["new"] == {
        "id": "1", "metadata": name, "hackathonName": name, "userName": "userA", "projectScore": 10
    }  # fmt: skip
    plan.calm()
    assert scorecast.json("dlq", "redrive", "--board", name)["sent"] == 1
    eventually(lambda: shows(stack, name, [(1, "1", "10")]))


# ---------------------------------------------------------------- poison among a thousand


def bad_records(name: str) -> list[Any]:
    """Records that FanoutLambda cannot read, one of each kind."""
    good = record(item("bad", name), None, 1)
    without = {key: value for key, value in good.items() if key != "dynamodb"}
    return [
        None, "text", 7, [], {},
        without,
        good | {"eventName": "TRUNCATE"},
        good | {"dynamodb": {}},
        good | {"dynamodb": good["dynamodb"] | {"SequenceNumber": "not a number"}},
        good | {"dynamodb": good["dynamodb"] | {"NewImage": {"id": {"X": "1"}}}},
        good | {"dynamodb": good["dynamodb"] | {"Keys": None}},
    ]  # fmt: skip


def bad_items(name: str) -> list[Json]:
    """Items that ConsumerLambda can never apply, one of each kind."""
    kinds = [{"S": "many"}, {"BOOL": True}, {"NULL": True}, {"L": []}, {"M": {}}, {"NS": ["1"]}, {"B": "AA=="}]
    bad = [item(f"bad-{at}", name) | {"projectScore": kind} for at, kind in enumerate(kinds)]
    return [*bad, item("bad-board", name) | {"hackathonName": {"L": []}}]


def test_in_a_batch_of_a_thousand_the_good_ones_pass_in_one_go(stack: Stack, scorecast: Scorecast, name: str) -> None:
    scorecast.ok("dlq", "purge", "--yes")  # what other tests left
    unreadable, hopeless = bad_records(name), bad_items(name)
    good = 1000 - len(unreadable) - len(hopeless)
    items = [item(f"good-{at}", name, str(at)) for at in range(good)]
    records = [record(one, None, at + 1) | {"eventID": f"{name}-{at}"} for at, one in enumerate(items + hopeless)]
    for at, one in enumerate(unreadable):
        records.insert(at * 90, one)
    invoked = stack.client("lambda").invoke(
        FunctionName=stack.outputs["FanoutLambdaName"], Payload=json.dumps({"Records": records})
    )
    counts = {"records": 1000, "published": 1000 - len(unreadable), "parked": len(unreadable)}
    assert json.loads(invoked["Payload"].read()) == counts

    eventually(lambda: shows_total(stack, name, good))
    stages = {"fanout": len(unreadable), "standings": len(hopeless)}
    eventually(lambda: are_parked(scorecast, stages))
    for code in ("CannotRead", "CannotApply"):
        scorecast.ok("dlq", "purge", "--reason", code, "--yes")


def are_parked(scorecast: Scorecast, stages: dict[str, int]) -> None:
    assert {one["stage"]: one["count"] for one in scorecast.json("dlq", "list")["groups"]} == stages

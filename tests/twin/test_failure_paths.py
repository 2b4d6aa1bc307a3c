"""Each way in which a change can fail on the deployed system ends in the dead-letter queue, and goes back from it."""

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conftest import eventually
from tests.support.command import Scorecast
from tests.support.deployed import ROOT, read_stream
from tests.support.fakes import item, record
from tests.support.faulty_aws import FaultyAws, Plan, faulty
from tests.twin.test_pipeline import backed_up, board, only

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finding the process to kill wants Linux's /proc")
# EventBridgeMaxAttempt, the consumer queue's maxReceiveCount, and the calls of an asynchronous invocation.
BUS_ATTEMPTS, RECEIVES, INVOCATIONS = 4, 6, 3
# The least that a trigger takes for the age at which it gives a record up.
LEAST_AGE_S = 60


@pytest.fixture(scope="module")
def scorecast(stack) -> Scorecast:
    return Scorecast(stack.twin.port)


@pytest.fixture
def name() -> str:
    """A board of the test's own."""
    return f"board-{uuid.uuid4()}"


@pytest.fixture(scope="module")
def aws(stack) -> Iterator[FaultyAws]:
    """What the functions take for AWS."""
    with faulty(stack, Plan()) as aws:
        yield aws


@pytest.fixture
def fail(aws: FaultyAws) -> Iterator[Callable[[Plan], Plan]]:
    """Let the functions' calls fail by a plan, at most until the test has ended."""

    def begin(plan: Plan) -> Plan:
        aws.plan = plan
        return plan

    yield begin
    aws.plan.calm()


def put(stack: Any, *items: dict) -> None:
    for one in items:
        stack.client("dynamodb").put_item(TableName=stack.outputs["MainTableName"], Item=one)


def letter(scorecast: Scorecast, *filters: str) -> dict:
    """The one letter that the filters find, when it is there."""
    return eventually(lambda: only(scorecast.json("dlq", "show", *filters)["letters"]), 120)


def stands(stack: Any, name: str, *rows: tuple[int, str, str]) -> None:
    assert board(stack, name) == list(rows)


# ---------------------------------------------------------------- the stream's trigger


@contextmanager
def trigger_with(stack: Any, **settings: int) -> Iterator[None]:
    """Other settings of the stream's trigger for a while."""
    functions, fanout = stack.client("lambda"), stack.outputs["FanoutLambdaName"]
    [mapping] = functions.list_event_source_mappings(FunctionName=fanout)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], **settings)
    try:
        yield
    finally:
        as_it_was = {name: mapping[name] for name in settings}
        functions.update_event_source_mapping(UUID=mapping["UUID"], **as_it_was)


@pytest.mark.slow
def test_a_batch_that_the_trigger_gives_up_is_read_again_from_the_stream(
    stack, scorecast: Scorecast, name: str, fail: Callable[[Plan], Plan]
) -> None:
    # If even the dead-letter queue takes nothing, FanoutLambda acknowledges nothing; so it takes a minute at least.
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
    eventually(lambda: stands(stack, name, (1, "2", "20"), (2, "1", "10")))


# ---------------------------------------------------------------- asynchronous invocations


@pytest.mark.parametrize(
    ("function", "sample"),
    [
        ("FanoutLambdaName", "dynamodbStream.json"),
        ("ConsumerLambdaName", "deleteEvent.json"),
        ("LeaderGet", "apigw.json"),
    ],
)
def test_an_asynchronous_invocation_that_fails_each_time_is_parked_whole_and_invoked_again(
    stack, scorecast: Scorecast, name: str, fail: Callable[[Plan], Plan], function: str, sample: str
) -> None:
    plan = fail(Plan(rate=1.0, kinds=("kill before",)))
    payload = json.loads((ROOT / "events" / sample).read_text().replace("StarWar", name))
    payload["test"] = str(uuid.uuid4())
    invoked = stack.outputs[function]
    stack.client("lambda").invoke(FunctionName=invoked, InvocationType="Event", Payload=json.dumps(payload))

    def the_letter() -> dict:
        letters = scorecast.json("dlq", "show", "--stage", "invocation")["letters"]
        return only([one for one in letters if one["content"]["payload"] == payload])

    parked = eventually(the_letter)
    assert parked["content"]["function_arn"].endswith(invoked.rpartition(":")[2])
    assert plan.injected.total() >= INVOCATIONS
    plan.calm()
    before = plan.calls.total()
    assert scorecast.json("dlq", "redrive", "--id", parked["messageId"])["sent"] == 1
    eventually(lambda: calls_more_than(plan, before))
    assert scorecast.json("dlq", "list", "--id", parked["messageId"])["letters"] == 0


def calls_more_than(plan: Plan, before: int) -> None:
    assert plan.calls.total() > before


# ---------------------------------------------------------------- inside a function, and between them


def test_what_the_bus_refuses_as_often_as_is_allowed_is_parked_whole_and_published_again(
    stack, scorecast: Scorecast, name: str, fail: Callable[[Plan], Plan]
) -> None:
    plan = fail(Plan(stubborn_per_cent=100))
    put(stack, item("1", name, "10"))
    parked = letter(scorecast, "--board", name)
    assert (parked["stage"], parked["errorCode"], parked["attempts"]) == ("fanout", "InternalFailure", BUS_ATTEMPTS)
    assert plan.injected["PutEvents", "stubborn entry"] == BUS_ATTEMPTS
    assert parked["content"]["detail"]["new"] == {
        "id": "1", "metadata": name, "hackathonName": name, "userName": "userA", "projectScore": 10
    }  # fmt: skip
    plan.calm()
    assert scorecast.json("dlq", "redrive", "--board", name)["sent"] == 1
    eventually(lambda: stands(stack, name, (1, "1", "10")))


@pytest.mark.slow
def test_what_the_consumer_cannot_write_for_long_is_parked_by_its_queue_and_a_newer_change_wins(
    stack, scorecast: Scorecast, name: str, fail: Callable[[Plan], Plan]
) -> None:
    plan = fail(Plan(out={"TransactWriteItems"}))
    with visible_again_after(stack, seconds=1):
        put(stack, item("1", name, "10"), item("2", name, "20"))
        parked = eventually(lambda: as_many(scorecast.json("dlq", "show", "--board", name)["letters"], 2), 180)
    assert {(one["stage"], one["errorCode"]) for one in parked} == {("queue", "MaxReceiveCount")}
    assert all(one["attempts"] >= RECEIVES for one in parked)  # SQS counts each look at the letter too
    plan.calm()
    put(stack, item("1", name, "11"))
    eventually(lambda: newer_stands(stack, name))
    assert scorecast.json("dlq", "redrive", "--board", name)["sent"] == 2
    eventually(lambda: is_empty(stack, "ConsumerQueueUrl"))
    stands(stack, name, (1, "2", "20"), (2, "1", "11"))


def newer_stands(stack: Any, name: str) -> None:
    assert ("1", "11") in {row[1:] for row in board(stack, name) or []}


def is_empty(stack: Any, queue: str) -> None:
    """Nothing waits in the queue, and nobody works on anything of it."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counted = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=names)
    assert {int(counted["Attributes"][one]) for one in names} == {0}


@contextmanager
def visible_again_after(stack: Any, seconds: int) -> Iterator[None]:
    """Let the consumer's queue give a message out again sooner than usual."""
    sqs, url, name = stack.client("sqs"), stack.outputs["ConsumerQueueUrl"], "VisibilityTimeout"
    usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: usual})


# ---------------------------------------------------------------- poison among a thousand


def bad_records(name: str) -> list[Any]:
    """What FanoutLambda cannot read, one of each kind."""
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


def bad_items(name: str) -> list[dict]:
    """What ConsumerLambda can never apply, one of each kind."""
    kinds = [{"S": "many"}, {"BOOL": True}, {"NULL": True}, {"L": []}, {"M": {}}, {"NS": ["1"]}, {"B": "AA=="}]
    bad = [item(f"bad-{at}", name) | {"projectScore": kind} for at, kind in enumerate(kinds)]
    return [*bad, item("bad-board", name) | {"hackathonName": {"L": []}}]


def test_in_a_batch_of_a_thousand_the_good_ones_pass_in_one_go(stack, scorecast: Scorecast, name: str) -> None:
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

    def all_stand() -> None:
        status, body = stack.get("leaderBoard/", hackathonName=name, limit="1")
        assert (status, body.get("total")) == (200, good)

    eventually(all_stand)
    stages = {"fanout": len(unreadable), "standings": len(hopeless)}
    eventually(lambda: are_parked(scorecast, stages))
    for code in ("CannotRead", "CannotApply"):
        scorecast.ok("dlq", "purge", "--reason", code, "--yes")


def are_parked(scorecast: Scorecast, stages: dict[str, int]) -> None:
    assert {one["stage"]: one["count"] for one in scorecast.json("dlq", "list")["groups"]} == stages


def as_many(letters: list[dict], count: int) -> list[dict]:
    assert len(letters) == count
    return letters

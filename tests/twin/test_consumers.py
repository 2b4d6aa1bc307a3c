"""Consumers on the twin, managed under the role that the template creates for it."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.own_function import create_function
from tests.support.waiting import eventually

GUIDE = Path(__file__).parents[2] / "docs" / "consumers.md"
PATTERNS = re.findall(r"```json\n(\{.*?\})\n```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def manager(stack: Stack) -> Scorecast:
    """The command line under the role for managing consumers."""
    answer = stack.client("sts").assume_role(
        RoleArn=stack.outputs["ManageConsumersRoleArn"], RoleSessionName="consumers"
    )
    key = answer["Credentials"]
    given = {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_SESSION_TOKEN": key["SessionToken"],
    }
    return Scorecast(stack.twin.port, given)


@pytest.fixture(scope="module")
def owner(stack: Stack) -> Scorecast:
    """The command line of the stack's owner."""
    return Scorecast(stack.twin.port)


@pytest.fixture
def name() -> str:
    return f"consumer-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def queue(stack: Stack, name: str) -> Iterator[str]:
    """The ARN of a queue of the test's own."""
    sqs = stack.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    yield sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def function(stack: Stack, name: str) -> Iterator[str]:
    """The ARN of a function that logs the keys of each change."""
    functions = stack.client("lambda")
    role = functions.get_function_configuration(FunctionName=stack.outputs["FanoutLambdaName"])["Role"]
    code = "def handle(event, context):\n    print('took', event['detail']['keys'])\n"
    yield create_function(functions, name, role, code)
    functions.delete_function(FunctionName=name)


def changes_of(board: str, **more: Any) -> str:
    """The pattern of a board's changes."""
    return json.dumps({"detail": {"keys": {"metadata": [board]}} | more})


def policy_of(stack: Stack, queue: str) -> list[dict[str, Any]]:
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
    return json.loads(attributes["Policy"])["Statement"] if attributes.get("Policy") else []


def let_topics_send_to(stack: Stack, queue: str) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": queue}]}
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})


def received(stack: Stack, queue: str) -> list[str]:
    """The participants of the changes in a queue, which it keeps."""
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(message["Body"])["detail"]["keys"]["id"] for message in answer.get("Messages", [])]


def rules(scorecast: Scorecast) -> dict[str, dict[str, Any]]:
    return {rule["name"]: rule for rule in scorecast.json("consumers", "list")["rules"]}


def test_a_queue_gets_what_matches_and_nothing_else(
    stack: Stack, manager: Scorecast, owner: Scorecast, queue: str, name: str
) -> None:
    pattern = changes_of(name, new={"projectScore": [{"numeric": [">=", 90]}]})
    manager.ok("consumers", "add", name, "--pattern", pattern, "--target", queue)
    owner.ok("score", "low", name, "89")
    owner.ok("score", "high", name, "90")

    def only_high() -> None:
        assert received(stack, queue) == ["high"]

    eventually(only_high)
    [statement] = policy_of(stack, queue)
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(f"/fanout-consumer-{name}")
    manager.ok("consumers", "remove", name)
    assert policy_of(stack, queue) == []
    assert name not in rules(manager)


def test_a_fifo_queue_gets_each_board_in_a_group_and_a_change_that_is_published_again_once(
    stack: Stack, manager: Scorecast, owner: Scorecast, name: str
) -> None:
    sqs, bus = stack.client("sqs"), stack.client("events")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "0"}
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def messages(count: int) -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"])
        found = [json.loads(one["Body"]) for one in answer.get("Messages", [])]
        assert len(found) == count
        assert {one["Attributes"]["MessageGroupId"] for one in answer["Messages"]} == {name}
        return found

    manager.ok("consumers", "add", name, "--pattern", changes_of(name), "--target", queue, "--fifo-by", "board")
    owner.ok("score", "first", name, "1")
    [event] = eventually(lambda: messages(1))
    assert event["id"] == event["detail"]["id"]
    entry = {"Source": event["source"], "DetailType": event["detail-type"], "Resources": event["resources"]}
    again = entry | {
        "Detail": json.dumps(event["detail"]),
        "Time": event["time"],
        "EventBusName": stack.outputs["BusName"],
    }
    assert bus.put_events(Entries=[again])["FailedEntryCount"] == 0
    owner.ok("score", "second", name, "2")
    assert [one["detail"]["keys"]["id"] for one in eventually(lambda: messages(2))] == ["first", "second"]
    manager.ok("consumers", "remove", name)
    sqs.delete_queue(QueueUrl=url)


def test_a_replay_sends_what_changed_before_the_consumer_was_added(
    stack: Stack, manager: Scorecast, owner: Scorecast, queue: str, name: str
) -> None:
    owner.ok("score", "before", name, "1")
    pattern = changes_of(name, new={"projectScore": [{"numeric": ["<", 10]}]})
    manager.ok("consumers", "add", name, "--pattern", pattern, "--target", queue)
    owner.ok("score", "other", name, "11")
    replay = ("replay", "--consumer", name, "--from", "5m")

    def backed_up() -> None:
        assert manager.json(*replay, "--dry-run")["matched"] == 1

    eventually(backed_up)
    assert "You may not call SendMessage" in manager.fails(6, *replay)
    assert received(stack, queue) == []
    assert owner.json(*replay)["sent"] == 1
    assert received(stack, queue) == ["before"]
    assert owner.json(*replay, "--to", "4m")["matched"] == 0
    owner.ok("consumers", "remove", name)


def test_what_its_queue_no_longer_allows_is_a_dead_letter_and_can_be_redriven(
    stack: Stack, manager: Scorecast, owner: Scorecast, queue: str, name: str
) -> None:
    manager.ok("consumers", "add", name, "--pattern", changes_of(name), "--target", queue)
    stack.client("sqs").set_queue_attributes(QueueUrl=queue.rpartition(":")[2], Attributes={"Policy": ""})
    owner.ok("score", "somebody", name, "1")

    def parked() -> dict[str, Any]:
        letters = owner.json("dlq", "show", "--board", name)["letters"]
        assert len(letters) == 1
        return dict(letters[0])

    letter = eventually(parked)
    assert (letter["stage"], letter["errorCode"], letter["attempts"]) == ("delivery", "NO_PERMISSIONS", 1)
    assert f"The policy of {queue} does not allow it" in letter["reason"]
    assert letter["content"]["rule_arn"].endswith(f"/fanout-consumer-{name}")
    assert received(stack, queue) == []
    assert owner.json("dlq", "redrive", "--board", name)["sent"] == 1
    assert received(stack, queue) == ["somebody"]
    manager.ok("consumers", "remove", name)


def test_a_function_is_invoked(stack: Stack, manager: Scorecast, owner: Scorecast, function: str, name: str) -> None:
    manager.ok("consumers", "add", name, "--pattern", changes_of(name), "--target", function)
    policy = json.loads(stack.client("lambda").get_policy(FunctionName=function)["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == [f"fanout-consumer-{name}"]
    owner.ok("score", "somebody", name, "1")

    def took_it() -> None:
        events = stack.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        assert any("somebody" in event["message"] for event in events)

    eventually(took_it, also=ClientError)  # the log does not exist before the function has run
    manager.ok("consumers", "remove", name)
    assert not json.loads(stack.client("lambda").get_policy(FunctionName=function)["Policy"])["Statement"]


def test_a_topic_passes_changes_on(stack: Stack, manager: Scorecast, owner: Scorecast, queue: str, name: str) -> None:
    sns = stack.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    before = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    let_topics_send_to(stack, queue)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    manager.ok("consumers", "add", name, "--pattern", changes_of(name), "--target", topic)
    owner.ok("score", "somebody", name, "1")

    def arrived() -> None:
        assert received(stack, queue) == ["somebody"]

    eventually(arrived)
    manager.ok("consumers", "remove", name)
    assert json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]) == json.loads(before)
    sns.delete_topic(TopicArn=topic)


def test_a_firehose_stream_is_reached_with_the_stacks_role(stack: Stack, manager: Scorecast, name: str) -> None:
    stream = f"arn:aws:firehose:us-east-1:000000000000:deliverystream/{name}"
    manager.ok("consumers", "add", name, "--pattern", changes_of(name), "--target", stream)
    [target] = rules(manager)[name]["targets"]
    assert target["roleArn"] == stack.outputs["ConsumerTargetRoleArn"]
    assert target["deadLetterQueueArn"] == stack.outputs["FanoutDlqArn"]
    manager.ok("consumers", "remove", name)


def test_adding_again_updates_and_moves_the_permission(
    stack: Stack, manager: Scorecast, queue: str, function: str, name: str
) -> None:
    once = manager.json("consumers", "add", name, "--pattern", changes_of(name), "--target", queue)
    again = manager.json("consumers", "add", name, "--pattern", '{"source": ["x"]}', "--target", function)
    assert (once["isNew"], again["isNew"]) == (True, False)
    assert rules(manager)[name]["pattern"] == {"source": ["x"]}
    assert [target["arn"] for target in rules(manager)[name]["targets"]] == [function]
    assert policy_of(stack, queue) == []
    manager.ok("consumers", "remove", name)


def test_a_consumer_that_cannot_be_made_leaves_nothing(stack: Stack, manager: Scorecast, queue: str, name: str) -> None:
    missing = queue + "-missing"
    before = rules(manager)
    said = manager.fails(
        1, "consumers", "add", name, "--pattern", changes_of(name), "--target", queue, "--dlq", missing
    )
    assert f"There is no {missing}" in said
    assert rules(manager) == before
    assert policy_of(stack, queue) == []


def test_the_stacks_own_rules_are_shown_and_out_of_reach(manager: Scorecast, stack: Stack) -> None:
    own = [name for name, rule in rules(manager).items() if rule["origin"] == "built-in"]
    assert len(own) == 2
    for name in own:
        assert "There is no consumer" in manager.fails(1, "consumers", "remove", name)
    assert [name for name, rule in rules(manager).items() if rule["origin"] == "built-in"] == own


def test_a_pattern_that_eventbridge_refuses_is_one_sentence(manager: Scorecast, queue: str, name: str) -> None:
    pattern = '{"detail": {"new": {"projectScore": [{"numeric": ["=>", 90]}]}}}'
    said = manager.fails(2, "consumers", "add", name, "--pattern", pattern, "--target", queue)
    assert "EventBridge refuses this pattern: Event pattern is not valid" in said
    assert said in manager.fails(2, "consumers", "test", "--pattern", pattern)


def test_managing_consumers_allows_nothing_else(manager: Scorecast) -> None:
    assert "You may not call" in manager.fails(6, "score", "1", "StarWar", "61")
    assert "You may not call" in manager.fails(6, "top", "--stack", "other")


def test_a_pattern_is_tried_on_the_newest_changes(manager: Scorecast, owner: Scorecast, name: str) -> None:
    owner.ok("score", "somebody", name, "1")

    def is_in_the_backup() -> None:
        done = manager.run("consumers", "test", "--live", "1", "--pattern", changes_of(name), "--json")
        assert done.returncode == 0, done.stdout
        assert json.loads(done.stdout)["matched"] == 1

    eventually(is_in_the_backup)
    assert manager.run("consumers", "test", "--live", "1", "--pattern", changes_of("nobody")).returncode == 1


@pytest.mark.parametrize(
    ("number", "matched"),
    [
        (0, ["updateEvent.json"]),
        (1, ["updateEvent.json"]),
        (2, ["insertEvent.json"]),
        (3, ["insertEvent.json", "updateEvent.json"]),
    ],
)
def test_the_guides_patterns_match_what_it_says(manager: Scorecast, number: int, matched: list[str]) -> None:
    assert len(PATTERNS) == 4
    answer = manager.json("consumers", "test", "--pattern", PATTERNS[number])
    assert [event["from"] for event in answer["events"] if event["matches"]] == matched

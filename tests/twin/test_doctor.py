"""`scorecast doctor` and `scorecast trace` on the deployed twin: green within 30 s, and each fault is named."""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from scorecast.leaderboard.policy import listed_key, policy_key
from tests.support.command import Scorecast
from tests.support.deployed import Stack, copy_of
from tests.support.waiting import eventually

ACCOUNT = "000000000000"
GREEN_S = 30
Fault = Callable[[Stack], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def own(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that only these tests break."""
    with copy_of(made, tmp_path_factory.mktemp("doctor") / "copy") as stack:
        yield stack


@pytest.fixture(scope="module")
def scorecast(own: Stack) -> Scorecast:
    return Scorecast(own.twin.port)


def items_with(own: Stack, output: str, text: str) -> list[dict[str, Any]]:
    """The items of a table that have a text anywhere."""
    pages = own.client("dynamodb").get_paginator("scan").paginate(TableName=own.outputs[output])
    return [item for page in pages for item in page["Items"] if text in json.dumps(item, default=str)]


# ---------------------------------------------------------------- green


def test_a_healthy_twin_is_green_within_30_s_and_nothing_is_left(own: Stack, scorecast: Scorecast) -> None:
    started = time.monotonic()
    answer = scorecast.json("doctor")
    assert time.monotonic() - started < GREEN_S
    states = {one["name"]: one["state"] for one in [*answer["checks"], *answer["canary"]]}
    assert states.pop("alarms") == "hint"
    assert states.pop("PutEvents quota") == "not checked"
    assert set(states.values()) == {"ok"}
    assert len(answer["canary"]) == 5
    assert "scorecast-canary" not in json.dumps(own.get("leaderBoard/"))
    assert items_with(own, "MainTableName", "scorecast-canary") == []
    assert items_with(own, "BoardTableName", "scorecast-canary") == []
    assert all("projectScore" not in item for item in items_with(own, "LeaderboardTableName", "scorecast-canary"))
    assert scorecast.json("verify")["miscounts"] == 0


def test_the_report_answers_without_a_name(own: Stack, scorecast: Scorecast) -> None:
    report = scorecast.ok("doctor", "--no-backup", "--report", "-")
    assert "percent-encoded" in report.lower()
    listed = own.client("cloudformation").describe_stack_resources(StackName=own.twin.stack)["StackResources"]
    names = {*own.outputs.values(), *(one["PhysicalResourceId"] for one in listed), ACCOUNT}
    assert [name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", report)] == []


# ---------------------------------------------------------------- faults


def mapping_of(own: Stack, output: str) -> dict[str, Any]:
    listed = own.client("lambda").list_event_source_mappings(FunctionName=own.outputs[output])
    mapping: dict[str, Any] = listed["EventSourceMappings"][0]
    return mapping


def trigger_with(output: str, faulty: dict[str, Any], usual: dict[str, Any]) -> Fault:
    """A trigger with other settings for a while."""

    @contextmanager
    def fault(own: Stack) -> Iterator[None]:
        uuid_ = mapping_of(own, output)["UUID"]
        functions = own.client("lambda")
        functions.update_event_source_mapping(UUID=uuid_, **faulty)
        yield
        functions.update_event_source_mapping(UUID=uuid_, **usual)

    return fault


@contextmanager
def without_destination(own: Stack) -> Iterator[None]:
    bucket = f"arn:aws:s3:::{own.outputs['BackupBucketName']}"
    usual = {"DestinationConfig": {"OnFailure": {"Destination": bucket}}}
    with trigger_with("FanoutLambdaName", {"DestinationConfig": {"OnFailure": {}}}, usual)(own):
        yield


def queue_with(output: str, **attributes: str) -> Fault:
    """A queue with other attributes for a while."""

    @contextmanager
    def fault(own: Stack) -> Iterator[None]:
        sqs, url = own.client("sqs"), own.outputs[output]
        usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*attributes])["Attributes"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        yield
        sqs.set_queue_attributes(QueueUrl=url, Attributes=usual)

    return fault


def rule_of(own: Stack, logical_id: str) -> dict[str, str]:
    found = own.client("cloudformation").describe_stack_resource(StackName=own.twin.stack, LogicalResourceId=logical_id)
    name = found["StackResourceDetail"]["PhysicalResourceId"].rpartition("|")[2]
    return {"Name": name, "EventBusName": own.outputs["BusName"]}


@contextmanager
def disabled_rule(own: Stack) -> Iterator[None]:
    rule = rule_of(own, "LeaderboardRule")
    own.client("events").disable_rule(**rule)
    yield
    own.client("events").enable_rule(**rule)


@contextmanager
def silent_bucket(own: Stack) -> Iterator[None]:
    s3, bucket = own.client("s3"), own.outputs["BackupBucketName"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    yield
    usual: dict[str, Any] = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=usual)


@contextmanager
def rule_without_target(own: Stack) -> Iterator[None]:
    rule = rule_of(own, "BackupRule")
    events, place = own.client("events"), {"Rule": rule["Name"], "EventBusName": rule["EventBusName"]}
    targets = events.list_targets_by_rule(**place)["Targets"]
    events.remove_targets(**place, Ids=[target["Id"] for target in targets])
    yield
    events.put_targets(**place, Targets=targets)


@contextmanager
def function_stopped(own: Stack) -> Iterator[None]:
    functions, name = own.client("lambda"), own.outputs["LeaderGet"].rpartition(":")[2]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    yield
    functions.delete_function_concurrency(FunctionName=name)


@contextmanager
def unusable_policy(own: Stack) -> Iterator[None]:
    dynamodb, table = own.client("dynamodb"), own.outputs["BoardTableName"]
    for item in (listed_key("Golf"), policy_key("Golf") | {"keep": {"S": "worst"}}):
        dynamodb.put_item(TableName=table, Item=item)
    yield
    for key in (listed_key("Golf"), policy_key("Golf")):
        dynamodb.delete_item(TableName=table, Key=key)


@contextmanager
def dead_letter(own: Stack) -> Iterator[None]:
    own.client("sqs").send_message(QueueUrl=own.outputs["FanoutDlqUrl"], MessageBody="left by a test")
    yield
    Scorecast(own.twin.port).ok("dlq", "purge", "--yes")


@contextmanager
def suspended_versions(own: Stack) -> Iterator[None]:
    s3, bucket = own.client("s3"), own.outputs["BackupBucketName"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    yield
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@contextmanager
def role_without_policy(own: Stack) -> Iterator[None]:
    iam = own.client("iam")
    found = own.client("cloudformation").describe_stack_resource(
        StackName=own.twin.stack, LogicalResourceId="ConsumerRole"
    )
    at = {"RoleName": found["StackResourceDetail"]["PhysicalResourceId"], "PolicyName": "consumer"}
    document = iam.get_role_policy(**at)["PolicyDocument"]
    iam.delete_role_policy(**at)
    yield
    iam.put_role_policy(**at, PolicyDocument=json.dumps(document))


FAULTS: dict[str, tuple[Fault, str, str]] = {
    "the queue's policy is removed": (
        queue_with("ConsumerQueueUrl", Policy=""), "ConsumerQueue's policy", "does not let"
    ),
    "the queue's trigger is disabled": (
        trigger_with("ConsumerLambdaName", {"Enabled": False}, {"Enabled": True}), "ConsumerQueue's trigger", "disab"
    ),
    "the stream's trigger is disabled": (
        trigger_with("FanoutLambdaName", {"Enabled": False}, {"Enabled": True}), "stream trigger", "disab"
    ),
    "the on-failure destination is removed": (
        without_destination, "stream trigger's failures", "destination is missing"
    ),
    "halving is off": (
        trigger_with("FanoutLambdaName", {"BisectBatchOnFunctionError": False}, {"BisectBatchOnFunctionError": True}),
        "stream trigger's failures", "BisectBatchOnFunctionError is off",
    ),
    "single failures are not reported": (
        trigger_with("ConsumerLambdaName", {"FunctionResponseTypes": []},
                     {"FunctionResponseTypes": ["ReportBatchItemFailures"]}),
        "ConsumerQueue's trigger", "ReportBatchItemFailures is off",
    ),
    "the redrive policy is removed": (
        queue_with("ConsumerQueueUrl", RedrivePolicy=""), "ConsumerQueue", "no redrive policy"
    ),
    "the leaderboard's rule is disabled": (disabled_rule, "LeaderboardRule", "the rule is disabled"),
    "the bucket tells nobody": (silent_bucket, "GivenUpRule", "does not tell EventBridge"),
    "the backup's rule has no target": (rule_without_target, "BackupRule", "no target"),
    "a function's concurrency is 0": (function_stopped, "LeaderGet", "concurrency is 0"),
    "a policy is not usable": (unusable_policy, "policies of boards", "board 'Golf' is not usable"),
    "there is a dead letter": (dead_letter, "dead letters", "1 dead letter in the queue"),
    "versioning is suspended": (suspended_versions, "backup bucket", "versioning is suspended"),
    "a role has lost its policy": (role_without_policy, "roles", "ConsumerRole may not"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_nothing_else_is(own: Stack, scorecast: Scorecast, name: str) -> None:
    fault, check, says = FAULTS[name]
    with fault(own):
        done = scorecast.run("doctor", "--no-canary", "--json")
        assert done.returncode == 10, done.stdout + done.stderr
        found = {one["name"]: one for one in json.loads(done.stdout)["checks"] if one["state"] == "fault"}
        assert [*found] == [check]
        assert says in found[check]["found"]
        assert found[check]["remedy"]
    assert scorecast.json("doctor", "--no-canary")["faults"] == 0


def test_a_consumers_rule_is_a_hint_that_names_it(own: Stack, scorecast: Scorecast) -> None:
    queue = own.client("sqs").create_queue(QueueName=f"mine-{uuid.uuid4()}")["QueueUrl"].rpartition("/")[2]
    target = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"
    scorecast.ok("consumers", "add", "mine", "--pattern", '{"detail-type": ["INSERT"]}', "--target", target)
    [hint] = [one for one in scorecast.json("doctor", "--no-canary")["checks"] if one["name"] == "consumers of yours"]
    assert (hint["state"], hint["found"].rpartition(": ")[2]) == ("hint", "mine")
    scorecast.ok("consumers", "remove", "mine")


def test_a_canary_finds_what_no_check_shows_and_its_item_is_deleted(own: Stack, scorecast: Scorecast) -> None:
    functions, name = own.client("lambda"), own.outputs["FanoutLambdaName"]
    usual = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    elsewhere = usual | {"EVENT_BUS_NAME": "elsewhere"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": elsewhere})
    try:
        done = scorecast.run("doctor", "--no-backup", "--json", "--timeout", "5")
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": usual})
    assert done.returncode == 10
    canary = {one["name"]: one["state"] for one in json.loads(done.stdout)["canary"]}
    assert canary["canary: board"] == "fault"
    assert items_with(own, "MainTableName", "scorecast-canary") == []
    eventually(lambda: has_no_letters(scorecast))


def has_no_letters(scorecast: Scorecast) -> None:
    """The canary's two changes may still be parked; purge them when they come."""
    scorecast.ok("dlq", "purge", "--yes")
    assert scorecast.json("doctor")["healthy"]


# ---------------------------------------------------------------- trace


def test_a_change_is_found_in_the_backup_and_on_the_board(own: Stack, scorecast: Scorecast) -> None:
    board = f"board-{uuid.uuid4()}"
    scorecast.ok("score", "1", board, "60")

    def in_backup() -> dict[str, Any]:
        answer: dict[str, Any] = scorecast.json("trace", "1", board)
        assert answer["backup"]
        return answer

    answer = eventually(in_backup)
    assert [one["state"] for one in answer["boards"]] == ["shown"]
    scorecast.ok("score", "1", board, "70")
    traced = scorecast.json("trace", answer["backup"]["changeId"])
    assert traced["backup"]["key"] == answer["backup"]["key"]
    assert [one["state"] for one in traced["boards"]] == ["newer"]


def test_a_change_in_a_dead_letter_is_found(own: Stack, scorecast: Scorecast) -> None:
    board = f"board-{uuid.uuid4()}"
    item = {"id": {"S": "1"}, "metadata": {"S": board}, "projectScore": {"S": "many"}}
    own.client("dynamodb").put_item(TableName=own.outputs["MainTableName"], Item=item)

    def in_dead_letter() -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(scorecast.run("trace", "1", board, "--json").stdout)
        assert answer["deadLetters"]
        return answer

    [letter] = eventually(in_dead_letter)["deadLetters"]
    assert letter["stage"] == "standings"
    scorecast.ok("dlq", "purge", "--board", board, "--yes")


def test_a_change_that_is_nowhere_has_an_exit_code_of_its_own(scorecast: Scorecast) -> None:
    done = scorecast.run("trace", "no-such-change", "--since", "1h")
    assert done.returncode == 11
    assert "Looked through" in done.stderr


# ---------------------------------------------------------------- what cannot be undone, last


def test_a_stream_without_old_images_is_named(own: Stack, scorecast: Scorecast) -> None:
    dynamodb, table = own.client("dynamodb"), own.outputs["MainTableName"]
    dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    done = scorecast.run("doctor", "--no-canary", "--json")
    faults = {one["name"]: one["found"] for one in json.loads(done.stdout)["checks"] if one["state"] == "fault"}
    assert faults["stream"] == "the main table has no stream"
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    dynamodb.update_table(TableName=table, StreamSpecification=specification)
    done = scorecast.run("doctor", "--no-canary", "--json")
    faults = {one["name"]: one["found"] for one in json.loads(done.stdout)["checks"] if one["state"] == "fault"}
    assert faults["stream"].startswith("the stream's view type is NEW_IMAGE")

"""The checks: a healthy stack has no fault, and each fault is named by its check with a remedy."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from scorecast.ops.doctor.checkup import CHECKS, run_check, run_checks
from scorecast.ops.doctor.finding import Finding, State, is_healthy
from scorecast.ops.doctor.functions import needs_of
from scorecast.ops.doctor.routes import lets_in
from tests.support.doctor_fakes import BACKUP_RULE, LEADERBOARD_RULE, QUEUE, STREAM, FakeAws, policy_of
from tests.support.ops_fakes import DLQ, refusal
from tests.support.permissions import MAY

Break = Callable[[FakeAws], Any]


def findings(aws: FakeAws) -> dict[str, Finding]:
    return {finding.name: finding for finding in run_checks(aws.system())}


def test_a_healthy_stack_has_neither_faults_nor_hints() -> None:
    assert {name: found for name, found in findings(FakeAws()).items() if found.state is not State.OK} == {}


def set_table(**about: Any) -> Break:
    return lambda aws: aws.table.update(about)


def set_stream_trigger(**settings: Any) -> Break:
    return lambda aws: aws.stream_trigger.update(settings)


def set_queue_trigger(**settings: Any) -> Break:
    return lambda aws: aws.queue_trigger.update(settings)


def set_queue(**attributes: str) -> Break:
    return lambda aws: aws.queue.update(attributes)


def set_dead_letters(**attributes: str) -> Break:
    return lambda aws: aws.dead_letters.update(attributes)


def answer(service: str, call: str, value: Any) -> Break:
    return lambda aws: aws.answer(service, call, value)


def spoil_policy(aws: FakeAws) -> None:
    aws.answer("dynamodb", "query", {"Items": [LISTED]})
    aws.answer("dynamodb", "batch_get_item", {"Responses": {"fanout-BoardTable-1": [UNUSABLE]}})


def set_target(rule: str, **settings: Any) -> Break:
    return lambda aws: aws.targets[f"fanout-{rule}-1"][0].update(settings)


def set_alarm(**about: Any) -> Break:
    return lambda aws: aws.alarms[0].update(about)


KEYS_ONLY = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
OTHER = "arn:aws:sqs:us-east-1:123456789012:other"
FUNCTION = {"State": "Active", "Timeout": 30, "Role": "arn:aws:iam::123456789012:role/other"}
LISTED = {"collection": {"S": "policies"}, "name": {"S": "Golf"}}
UNUSABLE = {"collection": {"S": "policy/Golf"}, "name": {"S": "Golf"}, "keep": {"S": "worst"}}
BUCKET_GONE = {"DeliveryStreamDescription": {"DeliveryStreamStatus": "ACTIVE", "Destinations": []}}
CREATING = {"DeliveryStreamDescription": {"DeliveryStreamStatus": "CREATING"}}

FAULTS: list[tuple[str, Break, str]] = [
    ("stream", set_table(StreamSpecification={}), "no stream"),
    ("stream", set_table(StreamSpecification=KEYS_ONLY), "KEYS_ONLY"),
    ("stream trigger", set_table(LatestStreamArn=STREAM.replace("2026-01", "2026-02")), "an earlier stream"),
    ("stream trigger", set_stream_trigger(State="Disabled"), "disabled"),
    ("stream trigger", set_stream_trigger(EventSourceArn="arn:of:another"), "no trigger"),
    ("stream trigger's failures", set_stream_trigger(BisectBatchOnFunctionError=False), "BisectBatch"),
    ("stream trigger's failures", set_stream_trigger(DestinationConfig={"OnFailure": {}}), "destination is missing"),
    ("stream trigger's failures", set_stream_trigger(MaximumRecordAgeInSeconds=-1), "infinite"),
    ("GivenUpRule", lambda aws: setattr(aws, "given_up_state", "DISABLED"), "the rule is disabled"),
    ("GivenUpRule", lambda aws: aws.targets["fanout-GivenUpRule-1"].clear(), "not deliver to the dead-letter queue"),
    ("GivenUpRule", answer("s3", "get_bucket_notification_configuration", {}), "does not tell EventBridge"),
    ("GivenUpRule", answer("events", "describe_rule", refusal("ResourceNotFoundException")), "told"),
    ("FanoutLambda", answer("lambda", "get_function_concurrency", {"ReservedConcurrentExecutions": 0}), "is 0"),
    ("FanoutLambda", answer("lambda", "get_function_configuration", FUNCTION), "another role"),
    ("FanoutLambda", answer("lambda", "get_function_configuration", FUNCTION | {"State": "Failed"}), "it is Failed"),
    ("FanoutLambda", answer("lambda", "get_function_event_invoke_config", {}), "asynchronous"),
    ("BackupRule", lambda aws: aws.rules["fanout-BackupRule-1"].update(State="DISABLED"), "the rule is disabled"),
    ("BackupRule", lambda aws: aws.targets["fanout-BackupRule-1"].clear(), "no target"),
    ("BackupRule", lambda aws: aws.rules.pop("fanout-BackupRule-1"), "gone from the bus"),
    ("BackupRule", set_target("BackupRule", RoleArn=""), "no role"),
    ("LeaderboardRule", lambda aws: aws.rules["fanout-LeaderboardRule-1"].update(EventPattern="{}"), "its pattern"),
    ("LeaderboardRule", set_target("LeaderboardRule", DeadLetterConfig={}), "no dead-letter queue"),
    ("LeaderboardRule", set_target("LeaderboardRule", Arn=OTHER), "no target of the stack"),
    ("Firehose stream", answer("firehose", "describe_delivery_stream", CREATING), "CREATING"),
    ("Firehose stream", answer("firehose", "describe_delivery_stream", BUCKET_GONE), "another bucket"),
    ("backup bucket", answer("s3", "get_bucket_versioning", {"Status": "Suspended"}), "versioning is suspended"),
    ("backup bucket", answer("s3", "get_bucket_versioning", {}), "versioning is off"),
    ("backup bucket", answer("s3", "get_public_access_block", refusal("NoSuchPublicAccessBlockConfiguration")), "told"),
    ("ConsumerQueue", set_queue(RedrivePolicy=""), "no redrive policy"),
    ("ConsumerQueue", set_queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": OTHER})), "no redrive policy"),
    ("ConsumerQueue", set_queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": DLQ, "maxReceiveCount": 6})), "busy"),
    ("ConsumerQueue", set_queue(VisibilityTimeout="10"), "visible again after 10 s"),
    ("ConsumerQueue", set_queue(MessageRetentionPeriod="1209600"), "14 days"),
    ("ConsumerQueue's policy", set_queue(Policy=""), "does not let LeaderboardRule in"),
    ("ConsumerQueue's trigger", set_queue_trigger(State="Disabling"), "disabling"),
    ("ConsumerQueue's trigger", set_queue_trigger(FunctionResponseTypes=[]), "ReportBatchItemFailures"),
    ("ConsumerQueue's trigger", set_queue_trigger(ScalingConfig={}), "MaximumConcurrency"),
    ("ConsumerQueue's trigger", set_queue_trigger(EventSourceArn=OTHER), "no trigger"),
    ("policies of boards", spoil_policy, "board 'Golf' is not usable"),
    ("dead-letter queue", set_dead_letters(MessageRetentionPeriod="345600"), "4 days"),
    ("dead-letter queue's policy", set_dead_letters(Policy="{}"), "BackupRule and LeaderboardRule and GivenUpRule"),
    ("roles", lambda aws: aws.denied.add("events:PutEvents"), "FanoutRole may not events:PutEvents"),
    ("alarms", lambda aws: aws.alarms.clear(), "1 of 1 alarms are gone"),
    ("alarms", set_alarm(ActionsEnabled=False), "actions disabled"),
    ("alarms", lambda aws: aws.subscriptions.clear(), "no confirmed subscriber"),
    ("alarms", lambda aws: aws.subscriptions[0].update(SubscriptionArn="PendingConfirmation"), "no confirmed"),
    ("backlog", lambda aws: aws.metrics.update(ApproximateAgeOfOldestMessage=500), "has waited 500 s"),
    ("backlog", lambda aws: aws.metrics.update(IteratorAge=600_000), "600 s behind the stream"),
    ("dead letters", set_dead_letters(ApproximateNumberOfMessages="1"), "1 dead letter in the queue"),
    ("dead letters", set_dead_letters(ApproximateNumberOfMessagesNotVisible="2"), "2 dead letters"),
]


@pytest.mark.parametrize(("name", "break_it", "says"), FAULTS, ids=[f"{name}: {says}" for name, _, says in FAULTS])
def test_a_fault_is_named_with_its_remedy(name: str, break_it: Break, says: str) -> None:
    aws = FakeAws()
    break_it(aws)
    found = findings(aws)[name]
    assert found.state is State.FAULT
    assert says in found.found
    assert found.remedy


def test_every_check_can_find_a_fault() -> None:
    only_hints = {"concurrency", "PutEvents quota", "consumers of yours", "ConsumerLambda", "LeaderGet"}
    assert {name for name, _, _ in FAULTS} == {check.name for check in CHECKS} - only_hints


HINTS: list[tuple[str, Break, str]] = [
    ("stream trigger", set_stream_trigger(State="Updating"), "updating"),
    ("stream trigger", set_stream_trigger(LastProcessingResult="PROBLEM: Function call failed"), "last batch failed"),
    ("LeaderboardRule", set_target("LeaderboardRule", RetryPolicy={"MaximumRetryAttempts": 2}), "after 2 attempts"),
    ("concurrency", answer("lambda", "get_account_settings",
     {"AccountLimit": {"UnreservedConcurrentExecutions": 10}}), "10 invocations at once are left"),
    ("alarms", set_alarm(StateValue="ALARM"), "in alarm: fanout-DeadLettersAlarm-1"),
    ("consumers of yours", lambda aws: aws.rules.update({"fanout-consumer-winners": {"State": "ENABLED"}}), "winners"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "break_it", "says"), HINTS, ids=[f"{name}: {says}" for name, _, says in HINTS])
def test_a_hint_is_no_fault(name: str, break_it: Break, says: str) -> None:
    aws = FakeAws()
    break_it(aws)
    found = findings(aws)
    assert found[name].state is State.HINT
    assert says in found[name].found
    assert is_healthy(found.values())


def test_a_stack_without_alarms_is_told_how_to_have_them() -> None:
    aws = FakeAws()
    aws.answer("cloudformation", "list_stack_resources", {"StackResourceSummaries": aws._resources()[:-1]})
    found = findings(aws)["alarms"]
    assert (found.state, found.found) == (State.HINT, "the stack has no alarms")
    assert "AlarmTopicArn" in found.remedy


@pytest.mark.parametrize(
    ("name", "service", "call"),
    [
        ("roles", "iam", "simulate_principal_policy"),
        ("PutEvents quota", "service-quotas", "list_service_quotas"),
        ("concurrency", "lambda", "get_account_settings"),
    ],
)
def test_what_the_credentials_may_not_ask_is_not_checked(name: str, service: str, call: str) -> None:
    aws = FakeAws()
    aws.answer(service, call, refusal("AccessDeniedException"))
    found = findings(aws)
    assert found[name].state is State.NOT_CHECKED
    assert found[name].found.startswith("You may not call")
    assert is_healthy(found.values())


def test_what_is_gone_is_a_fault() -> None:
    aws = FakeAws()
    aws.answer("firehose", "describe_delivery_stream", refusal("ResourceNotFoundException", "no such stream"))
    assert findings(aws)["Firehose stream"].found == "no such stream"


def test_what_stops_every_check_is_raised() -> None:
    aws = FakeAws()
    aws.answer("dynamodb", "describe_table", NoCredentialsError())
    with pytest.raises(NoCredentialsError):
        run_check(CHECKS[0], aws.system())


def test_expired_credentials_are_raised() -> None:
    aws = FakeAws()
    aws.answer("dynamodb", "describe_table", refusal("ExpiredToken"))
    with pytest.raises(Exception, match="ExpiredToken"):
        run_check(CHECKS[0], aws.system())


def test_the_needs_of_the_roles_are_in_the_table_of_permissions() -> None:
    allowed = {(call.role, call.action) for call in MAY}
    needed = {(need.role, action) for need in needs_of(FakeAws().system()) for action in need.actions}
    assert needed <= allowed


@pytest.mark.parametrize(
    ("condition", "is_let_in"),
    [
        ({"ArnEquals": {"aws:SourceArn": LEADERBOARD_RULE}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/fanoutBus/*"}}, True),
        ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, True),
        ({"StringEquals": {"aws:SourceAccount": ["1", "123456789012"]}}, True),
        ({}, True),
        ({"ArnEquals": {"aws:SourceArn": BACKUP_RULE}}, False),
        ({"ArnEquals": {"aws:SourceArn": LEADERBOARD_RULE}, "StringEquals": {"aws:SourceAccount": "1"}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": "123456789012"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
    ],
)
def test_a_queue_policy_lets_a_rule_in_by_its_source(condition: dict[str, Any], is_let_in: bool) -> None:
    assert lets_in(policy_of(QUEUE, condition), QUEUE, LEADERBOARD_RULE) is is_let_in


def test_a_denial_outweighs_what_is_allowed() -> None:
    policy = json.loads(policy_of(QUEUE, {}))
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": QUEUE})
    assert not lets_in(json.dumps(policy), QUEUE, LEADERBOARD_RULE)


@pytest.mark.parametrize("policy", [None, "", "{}", '{"Statement": []}'])
def test_no_policy_lets_nothing_in(policy: str | None) -> None:
    assert not lets_in(policy, QUEUE, LEADERBOARD_RULE)

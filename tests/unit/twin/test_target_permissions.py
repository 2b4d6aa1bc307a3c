"""A rule or a schedule delivers only where a policy of the target, or its own role, allows it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import iam, lambda_svc, sns, sqs

from scorecast.twin.target_permissions import RULES, SCHEDULES, refusal

Json = dict[str, Any]
ACCOUNT = "000000000000"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/bus/rule"
SCHEDULE = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/name"
STREAM = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/stream"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:function"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/delivers"


def statement(**more: Any) -> Json:
    return {"Effect": "Allow", "Principal": {"Service": RULES}, "Action": "sqs:SendMessage", "Resource": "*"} | more


def from_rule(arn: str) -> Json:
    return {"Condition": {"ArnEquals": {"aws:SourceArn": arn}}}


def document(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def queue() -> Iterator[Json]:
    """A queue of MiniStack's in this process, without a policy."""
    url = sqs._act_create_queue({"QueueName": "of-permissions"}, "")["QueueUrl"]
    yield sqs._get_q(url)
    sqs._act_delete_queue({"QueueUrl": url}, "")


def code(resource: str, role: str = "", caller: str = RULES) -> str | None:
    found = refusal(caller, RULE if caller == RULES else SCHEDULE, resource, role)
    return found.code if found else None


# ---------------------------------------------------------------- policies of targets


@pytest.mark.parametrize(
    ("statements", "refused"),
    [
        ([], "NO_PERMISSIONS"),
        ([statement()], None),
        ([statement(**from_rule(RULE))], None),
        ([statement(**from_rule(RULE + "-other"))], "NO_PERMISSIONS"),
        ([statement(Condition={"ArnLike": {"aws:SourceArn": [RULE.replace("rule/bus/rule", "rule/bus/*")]}})], None),
        ([statement(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})], None),
        ([statement(Condition={"StringEquals": {"aws:SourceAccount": "1" * 12}})], "NO_PERMISSIONS"),
        ([statement(Principal={"Service": "sns.amazonaws.com"})], "NO_PERMISSIONS"),
        ([statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})], "NO_PERMISSIONS"),
        ([statement(Principal="*")], None),
        ([statement(Action="sqs:ReceiveMessage")], "NO_PERMISSIONS"),
        ([statement(), statement(Effect="Deny", Principal="*", Action="sqs:*")], "NO_PERMISSIONS"),
        ([statement(), statement(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})], None),
    ],
)
def test_a_queue_takes_what_its_policy_allows(queue: Json, statements: list[Json], refused: str | None) -> None:
    queue["attributes"]["Policy"] = document(*statements)
    assert code(queue["attributes"]["QueueArn"]) == refused


def test_a_change_of_a_policy_counts_at_once(queue: Json) -> None:
    arn = queue["attributes"]["QueueArn"]
    queue["attributes"]["Policy"] = document(statement())
    assert code(arn) is None
    del queue["attributes"]["Policy"]
    assert code(arn) == "NO_PERMISSIONS"


def test_a_queue_that_is_gone_allows_nothing() -> None:
    assert code(f"arn:aws:sqs:us-east-1:{ACCOUNT}:nowhere") == "NO_PERMISSIONS"


def test_a_function_takes_what_its_permissions_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = statement(Action="lambda:InvokeFunction", Resource=FUNCTION, **from_rule(RULE))
    functions = {"function": {"policy": {"Statement": [allowed]}, "config": {}}}
    monkeypatch.setattr(lambda_svc, "_functions", functions)
    assert code(FUNCTION) is None
    allowed["Condition"] = from_rule(RULE + "-other")["Condition"]
    assert code(FUNCTION) == "NO_PERMISSIONS"


def test_a_topic_takes_what_its_policy_allows_without_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"
    allowed = statement(Action="sns:Publish", Resource=topic)
    monkeypatch.setattr(sns, "topic_policy_for_arn", lambda _arn: (document(allowed), ACCOUNT))
    assert code(topic) is None
    allowed |= from_rule(RULE)
    assert code(topic) == "NO_PERMISSIONS"


# ---------------------------------------------------------------- roles


def trust(**more: Any) -> str:
    return document({"Effect": "Allow", "Principal": {"Service": RULES}, "Action": "sts:AssumeRole"} | more)


def may(*actions: str, resource: str = STREAM, effect: str = "Allow") -> Json:
    return {"Effect": effect, "Action": list(actions), "Resource": resource}


PUT = may("firehose:PutRecord", "firehose:PutRecordBatch")


@pytest.fixture
def role() -> Iterator[Json]:
    """A role that may put records into the stream, and whose trust and policies the test changes."""
    iam._roles["delivers"] = {
        "AssumeRolePolicyDocument": trust(),
        "InlinePolicies": {"put": document(PUT)},
        "AttachedPolicies": [],
        "PermissionsBoundary": None,
    }
    yield iam._roles["delivers"]
    del iam._roles["delivers"]


def test_firehose_needs_a_role_that_may_put_records(role: Json) -> None:
    assert code(STREAM, ROLE) is None
    assert code(STREAM) == "NO_PERMISSIONS"
    assert code(STREAM + "-other", ROLE) == "NO_PERMISSIONS"
    role["InlinePolicies"]["put"] = document(may("firehose:PutRecord"))
    assert code(STREAM, ROLE) == "NO_PERMISSIONS"


def test_a_denial_wins(role: Json) -> None:
    role["InlinePolicies"]["deny"] = document(may("firehose:*", effect="Deny"))
    assert code(STREAM, ROLE) == "NO_PERMISSIONS"


def test_a_boundary_limits_a_role(role: Json) -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    role["PermissionsBoundary"] = boundary
    iam._policies[boundary] = {"Versions": {"v1": {"Document": document(may("sqs:*", resource="*"))}}}
    assert code(STREAM, ROLE) == "NO_PERMISSIONS"
    iam._policies[boundary] = {"Versions": {"v1": {"Document": document(may("firehose:*", resource="*"))}}}
    assert code(STREAM, ROLE) is None
    del iam._policies[boundary]


@pytest.mark.parametrize(
    ("trusted", "refused"),
    [
        (trust(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}), None),
        (trust(Condition={"StringEquals": {"aws:SourceAccount": "1" * 12}}), "FAILED_TO_ASSUME_ROLE"),
        (trust(**from_rule(RULE + "-other")), "FAILED_TO_ASSUME_ROLE"),
        (trust(Principal={"Service": "lambda.amazonaws.com"}), "FAILED_TO_ASSUME_ROLE"),
        (trust(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "FAILED_TO_ASSUME_ROLE"),
    ],
)
def test_a_role_must_trust_the_rule(role: Json, trusted: str, refused: str | None) -> None:
    role["AssumeRolePolicyDocument"] = trusted
    assert code(STREAM, ROLE) == refused


def test_a_role_that_is_missing_cannot_be_assumed() -> None:
    assert code(STREAM, ROLE + "-not") == "FAILED_TO_ASSUME_ROLE"


def test_a_schedule_needs_a_role_that_trusts_scheduler(role: Json) -> None:
    role["InlinePolicies"]["put"] = document(may("lambda:InvokeFunction", resource=FUNCTION))
    assert code(FUNCTION, ROLE, SCHEDULES) == "FAILED_TO_ASSUME_ROLE"
    role["AssumeRolePolicyDocument"] = trust(Principal={"Service": SCHEDULES})
    assert code(FUNCTION, ROLE, SCHEDULES) is None

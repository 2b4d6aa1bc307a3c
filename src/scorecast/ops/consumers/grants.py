"""Grants: permissions for a rule to reach a target with a policy of its own: a function, a queue or a topic.

Each grant is one statement, named after the rule. Granting it twice changes nothing; revoking it leaves all other
statements unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from scorecast.ops.consumers.resource_policy import Statement, drop_statement, find_statement, put_statement
from scorecast.ops.consumers.targets import queue_url
from scorecast.ops.consumers.undo import UndoStep
from scorecast.ops.stack.arn import Arn
from scorecast.ops.stack.aws_errors import aws_code_of

# The error codes for a resource that does not exist.
GONE = {"AWS.SimpleQueueService.NonExistentQueue", "NotFound", "QueueDoesNotExist", "ResourceNotFoundException"}
EVENTBRIDGE = "events.amazonaws.com"


class Grant(Protocol):
    """A permission at one kind of target."""

    def allow(self, target: Arn, rule: Arn) -> UndoStep:
        """Allow the rule; return the step that undoes it."""

    def revoke(self, target: Arn, rule: Arn) -> None:
        """Revoke the permission; does nothing if the target no longer exists."""


@dataclass(frozen=True, slots=True)
class FunctionGrant:
    """Permission to invoke a function, version or alias."""

    functions: Any

    def allow(self, target: Arn, rule: Arn) -> UndoStep:
        """Allow the rule to invoke the function."""
        try:
            self._add(target, rule)
        except ClientError as error:
            if aws_code_of(error) != "ResourceConflictException":
                raise
            # The statement may belong to a rule of the same name on another bus, but these credentials cannot read it.
            self.revoke(target, rule)
            self._add(target, rule)
            return lambda: None
        return lambda: self.revoke(target, rule)

    def revoke(self, target: Arn, rule: Arn) -> None:
        """Remove the permission."""
        try:
            self.functions.remove_permission(FunctionName=str(target), StatementId=rule.name)
        except ClientError as error:
            _pass_gone(error)

    def _add(self, target: Arn, rule: Arn) -> None:
        self.functions.add_permission(
            FunctionName=str(target),
            StatementId=rule.name,
            Action="lambda:InvokeFunction",
            Principal=EVENTBRIDGE,
            SourceArn=str(rule),
        )


class _Policies(Protocol):
    def read(self, target: Arn) -> str | None: ...
    def write(self, target: Arn, policy: str) -> None: ...
    def statement(self, target: Arn, rule: Arn) -> Statement: ...


@dataclass(frozen=True, slots=True)
class PolicyGrant:
    """A statement in a resource's policy, which is read and written as a whole."""

    policies: _Policies

    def allow(self, target: Arn, rule: Arn) -> UndoStep:
        """Add the statement."""
        policy = self.policies.read(target)
        statement = self.policies.statement(target, rule)
        before = find_statement(policy, statement["Sid"])
        if before == statement:
            return lambda: None
        self.policies.write(target, put_statement(policy, statement))
        if before is None:
            return lambda: self.revoke(target, rule)
        return lambda: self.policies.write(target, put_statement(self.policies.read(target), before))

    def revoke(self, target: Arn, rule: Arn) -> None:
        """Remove the statement."""
        sid = sid_of(rule)
        try:
            policy = self.policies.read(target)
            if find_statement(policy, sid):
                self.policies.write(target, drop_statement(policy, sid))
        except ClientError as error:
            _pass_gone(error)


@dataclass(frozen=True, slots=True)
class QueuePolicies:
    """The policies of SQS queues."""

    sqs: Any

    def read(self, target: Arn) -> str | None:
        """Return the queue's policy, or None."""
        answer = self.sqs.get_queue_attributes(QueueUrl=queue_url(self.sqs, target), AttributeNames=["Policy"])
        policy: str | None = answer.get("Attributes", {}).get("Policy")
        return policy

    def write(self, target: Arn, policy: str) -> None:
        """Replace the queue's policy."""
        self.sqs.set_queue_attributes(QueueUrl=queue_url(self.sqs, target), Attributes={"Policy": policy})

    def statement(self, target: Arn, rule: Arn) -> Statement:
        """Return the statement that lets this rule, and no other, send to the queue."""
        only_this_rule = {"ArnEquals": {"aws:SourceArn": str(rule)}}
        return _statement(rule, "sqs:SendMessage", target) | {"Condition": only_this_rule}


@dataclass(frozen=True, slots=True)
class TopicPolicies:
    """The policies of SNS topics."""

    sns: Any

    def read(self, target: Arn) -> str | None:
        """Return the topic's policy."""
        policy: str | None = self.sns.get_topic_attributes(TopicArn=str(target))["Attributes"].get("Policy")
        return policy

    def write(self, target: Arn, policy: str) -> None:
        """Replace the topic's policy."""
        self.sns.set_topic_attributes(TopicArn=str(target), AttributeName="Policy", AttributeValue=policy)

    def statement(self, target: Arn, rule: Arn) -> Statement:
        """Return the statement that lets EventBridge publish to the topic.

        "You can't use Condition blocks in Amazon SNS topic policies for EventBridge."
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
        """
        return _statement(rule, "sns:Publish", target)


def grants_of(clients: Any) -> Mapping[str, Grant]:
    """Return the grants by service; `clients.client(service)` makes their clients."""
    return {
        "lambda": FunctionGrant(clients.client("lambda")),
        "sqs": PolicyGrant(QueuePolicies(clients.client("sqs"))),
        "sns": PolicyGrant(TopicPolicies(clients.client("sns"))),
    }


def sid_of(rule: Arn) -> str:
    """Return the id of the statement for a rule."""
    return f"scorecast-{rule.name}"


def _statement(rule: Arn, action: str, target: Arn) -> Statement:
    principal = {"Service": EVENTBRIDGE}
    return {
        "Sid": sid_of(rule),
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": str(target),
    }


def _pass_gone(error: ClientError) -> None:
    if aws_code_of(error) not in GONE:
        raise error

"""Consumers: rules that users add to the stack's bus, each with a target, its permission and a dead-letter queue.

A consumer's rule is named STACK-consumer-NAME. Adding it again updates it; if that fails, everything stays as it was.
Refuses to touch any other rule: the stack's own, and rules that other programs made on the same bus.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.consumers.event_pattern import pattern_refusals
from scorecast.ops.consumers.fifo import fifo_parameters, group_path
from scorecast.ops.consumers.grants import GONE, Grant, grants_of
from scorecast.ops.consumers.targets import queue_url
from scorecast.ops.consumers.undo import Undo, UndoStep
from scorecast.ops.stack.arn import Arn, read_arn
from scorecast.ops.stack.aws_errors import aws_code_of, message_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.settings import AttributeNames

TARGET_ID = "consumer"
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
RULE_CHARACTERS = 64
# EventBridge assumes a role to reach these; functions, queues and topics have policies of their own.
_BY_ROLE = ("firehose", "kinesis", "states")
_BY_POLICY = ("lambda", "sqs", "sns")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """The consumer that a user wants: `target` receives the events that match `pattern` (JSON text).

    `fifo_by` is `item` or `board`: whose changes a FIFO queue keeps in order. None keeps all changes in one order.
    """

    name: str
    pattern: str
    target: Arn
    role: Arn | None = None
    dead_letters: Arn | None = None
    retries: int | None = None
    max_age_s: int | None = None
    fifo_by: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the bus; `origin` is `added` (a consumer), `built-in` (the stack's own) or `other`."""

    name: str
    origin: str
    state: str
    pattern: str
    description: str
    targets: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Consumers:
    """The rules of a stack's bus; `role` and `dead_letters` are a consumer's defaults."""

    stack: str
    bus: Arn
    role: Arn
    dead_letters: Arn
    attributes: AttributeNames
    events: Any
    sqs: Any
    grants: Mapping[str, Grant]

    def list_rules(self) -> list[Rule]:
        """List all rules of the bus with their targets, by name."""
        pages = self.events.get_paginator("list_rules").paginate(EventBusName=self.bus.name)
        return [self._rule(described) for page in pages for described in page["Rules"]]

    def add(self, wanted: ConsumerSpec) -> bool:
        """Create the consumer, or update it; return whether it is new."""
        name = self.rule_name(wanted.name)
        target = self._target(wanted)
        before = self._find(name)
        granted = self._granted(target)
        with Undo() as undo:
            self._put_rule(name, wanted, before, undo)
            for resource in granted:
                undo.add(self._allow(name, resource))
            self._put_target(name, target)
        self._revoke(name, [resource for resource in self._granted_by(before) if resource not in granted])
        return before is None

    def get(self, name: str) -> Rule:
        """Return the rule of a consumer that was added."""
        rule = self._find(self.rule_name(name))
        if rule is None:
            raise UserError(f"There is no consumer {name!r} {self._known()}.")
        return rule

    def remove(self, name: str) -> Rule:
        """Remove the consumer: its targets, its rule and its permissions; return the rule."""
        rule = self.get(name)
        if rule.targets:
            ids = [target["Id"] for target in rule.targets]
            self.events.remove_targets(Rule=rule.name, EventBusName=self.bus.name, Ids=ids)
        self.events.delete_rule(Name=rule.name, EventBusName=self.bus.name)
        self._revoke(rule.name, self._granted_by(rule))
        return rule

    def rule_name(self, name: str) -> str:
        """Return the name of a consumer's rule; refuse a name that EventBridge or a policy would refuse."""
        rule = f"{self._prefix}{name}"
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise UserError(f"The name {name!r} is not valid: use letters, digits, - and _.", ExitCode.USAGE)
        if len(rule) > RULE_CHARACTERS:
            most = RULE_CHARACTERS - len(self._prefix)
            raise UserError(f"The name {name!r} is too long: it may have {most} characters.", ExitCode.USAGE)
        return rule

    def name_of(self, rule: Rule) -> str:
        """Return the name that users see: the consumer's own, or the rule's."""
        return rule.name.removeprefix(self._prefix) if rule.origin == "added" else rule.name

    @property
    def _prefix(self) -> str:
        return f"{self.stack}-consumer-"

    def _origin(self, rule_name: str) -> str:
        if rule_name.startswith(self._prefix):
            return "added"
        return "built-in" if rule_name.startswith(f"{self.stack}-") else "other"

    def _known(self) -> str:
        names = [self.name_of(rule) for rule in self.list_rules() if rule.origin == "added"]
        return f"(there are {', '.join(names)})" if names else "(none was added yet)"

    # ------------------------------------------------------------ the rule

    def _find(self, name: str) -> Rule | None:
        try:
            return self._rule(self.events.describe_rule(Name=name, EventBusName=self.bus.name))
        except ClientError as error:
            if aws_code_of(error) == "ResourceNotFoundException":
                return None
            raise

    def _rule(self, described: Json) -> Rule:
        name = described["Name"]
        pages = self.events.get_paginator("list_targets_by_rule").paginate(Rule=name, EventBusName=self.bus.name)
        return Rule(
            name=name,
            origin=self._origin(name),
            state=described.get("State", "ENABLED"),
            pattern=described.get("EventPattern", ""),
            description=described.get("Description", ""),
            targets=tuple(target for page in pages for target in page["Targets"]),
        )

    def _rule_arn(self, name: str) -> Arn:
        """Return a rule's ARN; ARNs of rules on the default bus do not name the bus."""
        path = name if self.bus.name == "default" else f"{self.bus.name}/{name}"
        return replace(self.bus, resource=f"rule/{path}")

    def _put_rule(self, name: str, wanted: ConsumerSpec, before: Rule | None, undo: Undo) -> None:
        """Create or update the rule; PutRule sets omitted fields to their defaults."""
        rule = Rule(
            name=name,
            origin="added",
            state=before.state if before else "ENABLED",
            pattern=wanted.pattern,
            description=f"The consumer {wanted.name}, added with `scorecast consumers add`.",
            targets=(),
        )
        with pattern_refusals():
            self._write_rule(rule)
        if before:
            undo.add(partial(self._write_rule, before))
        else:
            undo.add(partial(self.events.delete_rule, Name=name, EventBusName=self.bus.name))

    def _write_rule(self, rule: Rule) -> None:
        self.events.put_rule(
            Name=rule.name,
            EventBusName=self.bus.name,
            EventPattern=rule.pattern,
            State=rule.state,
            Description=rule.description,
        )

    # ------------------------------------------------------------ its target

    def _target(self, wanted: ConsumerSpec) -> Json:
        """Return the target as PutTargets takes it."""
        dead_letters = wanted.dead_letters or self.dead_letters
        if dead_letters.service != "sqs" or dead_letters.name.endswith(".fifo") or dead_letters == wanted.target:
            raise UserError(
                f"{dead_letters} cannot take dead letters: name a standard SQS queue that is not the target.",
                ExitCode.USAGE,
            )
        target: Json = {"Id": TARGET_ID, "Arn": str(wanted.target), "DeadLetterConfig": {"Arn": str(dead_letters)}}
        limits = {"MaximumRetryAttempts": wanted.retries, "MaximumEventAgeInSeconds": wanted.max_age_s}
        if retry_policy := {key: value for key, value in limits.items() if value is not None}:
            target["RetryPolicy"] = retry_policy
        return target | self._role(wanted) | self._order(wanted)

    def _role(self, wanted: ConsumerSpec) -> Json:
        """Return the role, for a target that needs one."""
        service = wanted.target.service
        if service in _BY_POLICY and wanted.role:
            raise UserError(f"A rule reaches {service} by the target's own policy: omit --role-arn.", ExitCode.USAGE)
        role = wanted.role or (self.role if service in _BY_ROLE else None)
        return {"RoleArn": str(role)} if role else {}

    def _order(self, wanted: ConsumerSpec) -> Json:
        """Return the setting that keeps an item's changes in order: a shard key, or a message group."""
        if wanted.target.service == "sqs" and wanted.target.name.endswith(".fifo"):
            self._require_deduplication(wanted.target)
            return fifo_parameters(group_path(wanted.fifo_by, self.attributes) if wanted.fifo_by else wanted.name)
        if wanted.fifo_by:
            raise UserError(f"{wanted.target} is not a FIFO queue: omit --fifo-by.", ExitCode.USAGE)
        if wanted.target.service == "kinesis":
            return {"KinesisParameters": {"PartitionKeyPath": f"$.detail.keys.{self.attributes.id}"}}
        return {}

    def _require_deduplication(self, queue: Arn) -> None:
        """Refuse a FIFO queue that would reject every event, because EventBridge sends no deduplication id.

        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
        """
        with missing_is_an_error(queue):
            url = queue_url(self.sqs, queue)
            asked = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ContentBasedDeduplication"])
        if asked.get("Attributes", {}).get("ContentBasedDeduplication") != "true":
            raise UserError(
                f"{queue} takes no events: set ContentBasedDeduplication=true on it "
                f"(aws sqs set-queue-attributes --queue-url {url} --attributes ContentBasedDeduplication=true).",
                ExitCode.USAGE,
            )

    def _put_target(self, rule: str, target: Json) -> None:
        """Replace the rule's target."""
        answer = self.events.put_targets(Rule=rule, EventBusName=self.bus.name, Targets=[target])
        for failure in answer.get("FailedEntries", []):
            reason = f"{failure.get('ErrorCode')}: {failure.get('ErrorMessage')}"
            raise UserError(f"EventBridge refuses the target {target['Arn']} ({reason}).")

    # ------------------------------------------------------------ its permissions

    def _granted(self, target: Json) -> list[Arn]:
        """List the resources with a statement for the rule: the target, and the user's own dead-letter queue."""
        dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
        arns = [read_arn(text) for text in (target["Arn"], dead_letters) if text]
        return [arn for arn in arns if arn.service in _BY_POLICY and arn != self.dead_letters]

    def _granted_by(self, rule: Rule | None) -> list[Arn]:
        targets = rule.targets if rule else ()
        return [arn for target in targets for arn in self._granted(target)]

    def _allow(self, rule: str, resource: Arn) -> UndoStep:
        with missing_is_an_error(resource):
            return self.grants[resource.service].allow(resource, self._rule_arn(rule))

    def _revoke(self, rule: str, resources: Iterable[Arn]) -> None:
        """Revoke permissions, after the consumer itself was changed or removed."""
        for resource in resources:
            try:
                self.grants[resource.service].revoke(resource, self._rule_arn(rule))
            except ClientError as error:
                raise UserError(
                    f"That is done, but the permission of {rule} at {resource} could not be removed: "
                    f"{message_of(error)} Remove it by hand, or run this again with credentials that allow it."
                ) from error


@contextmanager
def missing_is_an_error(resource: Arn) -> Iterator[None]:
    """Turn AWS's error for a missing resource into one that says so."""
    try:
        yield
    except ClientError as error:
        if aws_code_of(error) in GONE:
            raise UserError(f"There is no {resource}: check the name, the region and the account.") from None
        raise


def consumers_of(stack: Stack) -> Consumers:
    """Return the consumers of a stack."""
    return Consumers(
        stack=stack.name,
        bus=read_arn(stack.output("BusArn")),
        role=read_arn(stack.output("ConsumerTargetRoleArn")),
        dead_letters=read_arn(stack.output("FanoutDlqArn")),
        attributes=stack.attributes,
        events=stack.client("events"),
        sqs=stack.client("sqs"),
        grants=grants_of(stack),
    )

"""Checks of the bus: the stack's rules with their targets, and the queue policies that admit them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from scorecast.fanout.plan import SOURCE_LEADERBOARD
from scorecast.ops.consumers.rules import Rule, consumers_of
from scorecast.ops.doctor.finding import Problem, Verdict, fault, hint
from scorecast.ops.doctor.system import REDEPLOY, System
from scorecast.ops.stack.arn import read_arn

# EventBridge's maximum, which the template sets explicitly: 24 hours and 185 attempts.
RETRY_AGE_S, RETRIES = 86_400, 185
# The condition operators that a queue's policy may use for its sources.
_POSITIVE = {"ArnEquals", "ArnLike", "StringEquals", "StringLike"}

Json = dict[str, Any]


def check_backup_rule(system: System) -> Verdict:
    """The backup's rule is enabled and delivers to the Firehose stream."""
    wanted = f":deliverystream/{system.output('BackupStreamName')}"
    return _check_rule(system, "BackupRule", wanted, needs_role=True)


def check_leaderboard_rule(system: System) -> Verdict:
    """The leaderboard's rule is enabled and delivers to ConsumerLambda's queue."""
    return _check_rule(system, "LeaderboardRule", f":{_queue_name(system)}", needs_role=False)


def check_consumer_queue_policy(system: System) -> Verdict:
    """The policy of ConsumerLambda's queue admits the leaderboard's rule."""
    return _check_policy(system, "ConsumerQueueUrl", ["LeaderboardRule"])


def check_dead_letter_policy(system: System) -> Verdict:
    """The policy of the dead-letter queue admits all rules."""
    return _check_policy(system, "FanoutDlqUrl", ["BackupRule", "LeaderboardRule", "GivenUpRule"])


def check_consumers(system: System) -> Verdict:
    """Rules that others added to the bus; AWS does not delete a bus that has rules."""
    own = {system.rule_name("BackupRule"), system.rule_name("LeaderboardRule")}
    consumers = consumers_of(system.stack)
    added = [rule for rule in consumers.list_rules() if rule.name not in own]
    if not added:
        return Verdict("no rule besides the stack's own")
    names = ", ".join(consumers.name_of(rule) for rule in added)
    without = [consumers.name_of(rule) for rule in added if any("DeadLetterConfig" not in one for one in rule.targets)]
    more = f"; {', '.join(without)} without a dead-letter queue" if without else ""
    return hint(
        f"rules that would stop `sam delete`, since AWS deletes no bus that has rules: {names}{more}",
        "Remove them first if you delete the stack (`scorecast consumers remove NAME`, or `aws events delete-rule`).",
    )


def _check_rule(system: System, logical_id: str, target_suffix: str, *, needs_role: bool) -> Verdict:
    name = system.rule_name(logical_id)
    rule = next((one for one in consumers_of(system.stack).list_rules() if one.name == name), None)
    if rule is None:
        return fault(f"the rule is gone from the bus {system.bus.name}", REDEPLOY)
    targets = [target for target in rule.targets if str(target["Arn"]).endswith(target_suffix)]
    problems = []
    if rule.state != "ENABLED":
        command = f"`aws events enable-rule --name {name} --event-bus-name {system.bus.name}`"
        problems.append(Problem(f"the rule is {rule.state.lower()}", f"Run {command}, then `scorecast backfill`."))
    if SOURCE_LEADERBOARD not in _sources(rule.pattern):
        command = f"`aws events put-rule --name {name} --event-bus-name {system.bus.name} --event-pattern PATTERN`"
        problems.append(Problem("its pattern does not match changes", f"Run {command} with the template's pattern."))
    if not targets:
        problems.append(Problem("the rule has no target of the stack", _put_target(system, rule, target_suffix)))
    for target in targets:
        problems += _target_problems(system, rule, target, needs_role=needs_role)
    return Verdict(f"enabled; delivers to {target_suffix.rpartition('/')[2].lstrip(':')}", tuple(problems))


def _target_problems(system: System, rule: Rule, target: Json, *, needs_role: bool) -> list[Problem]:
    again = f"Run `aws events put-targets --rule {rule.name} --event-bus-name {system.bus.name}` with its target and "
    problems = []
    if target.get("DeadLetterConfig", {}).get("Arn") != system.dead_letters:
        problems.append(
            Problem("what it cannot deliver is lost: its target has no dead-letter queue of the stack",
                    f"{again}DeadLetterConfig Arn={system.dead_letters}.")
        )  # fmt: skip
    policy = target.get("RetryPolicy", {})
    age_s, retries = policy.get("MaximumEventAgeInSeconds", RETRY_AGE_S), policy.get("MaximumRetryAttempts", RETRIES)
    if (age_s, retries) != (RETRY_AGE_S, RETRIES):
        wanted = f"MaximumEventAgeInSeconds={RETRY_AGE_S}, MaximumRetryAttempts={RETRIES}"
        found = f"it gives up after {retries} attempts or {age_s} s"
        problems.append(Problem(found, f"{again}RetryPolicy {wanted}.", is_hint=True))
    if needs_role and not target.get("RoleArn"):
        role = system.resource("BackupRuleRole")
        problems.append(Problem("its target has no role", f"{again}the ARN of the role {role} as RoleArn."))
    return problems


def _sources(pattern: str) -> list[Any]:
    document = json.loads(pattern) if pattern else {}
    return list(document.get("source", []))


def _put_target(system: System, rule: Rule, target_suffix: str) -> str:
    target = target_suffix.rpartition("/")[2].lstrip(":")
    return (
        f"Run `aws events put-targets --rule {rule.name} --event-bus-name {system.bus.name}` with the ARN of {target}, "
        f"DeadLetterConfig Arn={system.dead_letters} and the template's role for it, then `scorecast backfill`."
    )


def _queue_name(system: System) -> str:
    return system.output("ConsumerQueueUrl").rpartition("/")[2]


# ---------------------------------------------------------------- queue policies


def _check_policy(system: System, output: str, rules: Sequence[str]) -> Verdict:
    attributes = system.queue_attributes(output)
    refused = [
        rule for rule in rules if not lets_in(attributes.get("Policy"), attributes["QueueArn"], system.rule_arn(rule))
    ]
    if not refused:
        return Verdict(f"lets {' and '.join(rules)} in")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": attributes["QueueArn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": [system.rule_arn(rule) for rule in rules]}},
    }
    return fault(
        f"the queue's policy does not let {' and '.join(refused)} in",
        f"Add this statement to the policy of {read_arn(attributes['QueueArn']).name}: {json.dumps(statement)}, "
        "then run `scorecast dlq redrive --stage delivery` and `scorecast backfill`.",
    )


def lets_in(policy: str | None, queue: str, rule: str) -> bool:
    """Whether a queue's policy lets EventBridge send a rule's events, judging only by conditions on the source.

    A statement with any other condition is ignored.
    """
    document = json.loads(policy) if policy else {}
    statements = document.get("Statement", [])
    statements = [statements] if isinstance(statements, dict) else statements
    about = [one for one in statements if _concerns(one, queue)]
    context = {"aws:sourcearn": rule, "aws:sourceaccount": read_arn(rule).account}
    effects = {one.get("Effect") for one in about if _holds(one.get("Condition", {}), context)}
    return effects == {"Allow"}


def _concerns(statement: Mapping[str, Any], queue: str) -> bool:
    """Whether a statement is about EventBridge sending to the queue."""
    principal = statement.get("Principal")
    services = _listed(principal.get("Service", principal.get("AWS"))) if isinstance(principal, dict) else [principal]
    return (
        any(one in ("events.amazonaws.com", "*") for one in services)
        and any(fnmatchcase("sqs:sendmessage", str(one).lower()) for one in _listed(statement.get("Action")))
        and any(fnmatchcase(queue, str(one)) for one in _listed(statement.get("Resource", "*")))
    )


def _holds(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether all conditions hold; a condition on anything but the source's ARN or account does not."""
    return all(
        operator in _POSITIVE and any(fnmatchcase(context.get(key.lower(), ""), str(one)) for one in _listed(wanted))
        for operator, tests in condition.items()
        for key, wanted in tests.items()
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

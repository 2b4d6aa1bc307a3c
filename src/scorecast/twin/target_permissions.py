"""Whether EventBridge or Lambda may deliver: by the target's own policy, or by the role that the target names.

MiniStack's policy evaluator decides; it decides again as soon as a policy changes, and each second.
"""

import json
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.services import iam, lambda_svc, sns, sqs

RULES, SCHEDULES, FUNCTIONS = "events.amazonaws.com", "scheduler.amazonaws.com", "lambda.amazonaws.com"

# What a delivery needs. AWS's own policies for Firehose allow both calls.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html
ACTIONS = {
    "sqs": ("sqs:SendMessage",),
    "lambda": ("lambda:InvokeFunction",),
    "sns": ("sns:Publish",),
    "firehose": ("firehose:PutRecord", "firehose:PutRecordBatch"),
    "kinesis": ("kinesis:PutRecord",),
    "states": ("states:StartExecution",),
    "s3": ("s3:PutObject",),
}
Json = dict[str, Any]

# Cached, because every delivery has the same few ARNs of rules, targets and roles.
read_arn = lru_cache(maxsize=512)(parse_arn)


@dataclass(frozen=True, slots=True)
class DeliveryFailure:
    """Why a delivery failed: EventBridge's code and a sentence; a permanent failure is not retried."""

    code: str
    message: str
    permanent: bool = True


class _Request(NamedTuple):
    """A delivery to a resource from a rule, schedule or function (`source`) by a service (`caller`)."""

    caller: str
    source: str
    resource: str

    def of_service(self, action: str) -> Any:
        """Return the request as the evaluator sees it, with the keys that EventBridge sends."""
        keys = {"aws:principalisawsservice": "true"}
        if action != "sns:Publish":
            # "EventBridge does not support the use of Condition blocks in Amazon SNS topic policies"
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
            keys |= {"aws:sourcearn": self.source, "aws:sourceaccount": read_arn(self.source).account_id}
        return self._context(action, "*", "Service", "", keys)

    def of_role(self, action: str, role: str) -> Any:
        """Return the request as the evaluator sees it, made by the role."""
        account, name = _account_and_name(role)
        return self._context(action, f"arn:aws:sts::{account}:assumed-role/{name}/events", "AssumedRole", account, {})

    def _context(self, action: str, principal: str, kind: str, account: str, keys: dict[str, str]) -> Any:
        return iam_evaluator.EvalContext(
            principal_arn=principal,
            principal_type=kind,
            principal_account=account,
            action=action,
            resource_arn=self.resource,
            region=read_arn(self.resource).region,
            secure_transport=True,
            service_context=keys,
        )


def refusal(caller: str, source: str, resource: str, role: str) -> DeliveryFailure | None:
    """Return why `source`, a rule, schedule or function, may not deliver to the resource; None if it may.

    All are ARNs, except `caller`, which is RULES, SCHEDULES or FUNCTIONS. Without a role, the resource's policy
    decides.
    """
    request = _Request(caller, source, resource)
    service = read_arn(resource).service
    policy = _policy_text(service, resource)
    second = int(time.time())  # a policy may compare with the current time
    if not role and service not in _POLICIES:
        return _no_permissions(f"{resource} needs a role, and the target of {source} names none.")
    if not role:
        allowed = _policy_allows(request, ACTIONS[service], policy, second)
        return None if allowed else _no_permissions(f"The policy of {resource} does not allow it to {source}.")
    documents = _documents(role)
    if documents is None or not _may_assume(request, documents.trust, second):
        return DeliveryFailure("FAILED_TO_ASSUME_ROLE", f"{caller} may not assume {role} for {source}.")
    if not _role_allows(request, ACTIONS[service], role, documents, policy, second):
        return _no_permissions(f"{role} does not allow {' and '.join(ACTIONS[service])} on {resource}.")
    return None


def _no_permissions(message: str) -> DeliveryFailure:
    return DeliveryFailure("NO_PERMISSIONS", message)


def _policy_text(service: str, resource: str) -> str:
    """Return the resource's own policy as JSON; empty if it has none."""
    return _POLICIES[service](resource) if service in _POLICIES else ""


def _policy_of_queue(arn: str) -> str:
    queue = sqs._queue_by_arn(arn)
    return queue["attributes"].get("Policy") or "" if queue else ""


def _policy_of_function(arn: str) -> str:
    found = lambda_svc.function_policy_for_arn(arn)
    return json.dumps(found[0]) if found else ""


def _policy_of_topic(arn: str) -> str:
    found = sns.topic_policy_for_arn(arn)
    return str(found[0]) if found else ""


# Services whose resources have a policy.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
_POLICIES = {"sqs": _policy_of_queue, "lambda": _policy_of_function, "sns": _policy_of_topic}


# ---------------------------------------------------------------- the resource's policy


@lru_cache(maxsize=256)
def _policy_allows(request: _Request, actions: tuple[str, ...], policy: str, _second: int) -> bool:
    return all(_allows(policy, request.of_service(action), request.caller) for action in actions)


def _allows(policy: str, context: Any, service: str) -> bool:
    decision: str = iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision
    return decision == "Allow"


# ---------------------------------------------------------------- the role


class _RoleDocuments(NamedTuple):
    """A role's trust policy, its policies and its boundary, as JSON."""

    trust: str
    policies: tuple[str, ...]
    boundary: str | None


def _documents(role: str) -> _RoleDocuments | None:
    """Read the documents of a role; None if it does not exist."""
    account, name = _account_and_name(role)
    found = iam._roles.get_scoped(account, None, name)
    if not found:
        return None
    managed = [_managed(arn, account) for arn in found.get("AttachedPolicies") or ()]
    boundary = found.get("PermissionsBoundary")
    return _RoleDocuments(
        trust=_text(found.get("AssumeRolePolicyDocument")),
        policies=(*map(_text, (found.get("InlinePolicies") or {}).values()), *managed),
        boundary=_managed(boundary, account) if boundary else None,
    )


def _account_and_name(role: str) -> tuple[str, str]:
    arn = read_arn(role)
    return arn.account_id, arn.resource.rpartition("/")[2]


def _managed(arn: str, account: str) -> str:
    return _text(iam_evaluator._resolve_managed_policy_document(arn, account))


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


@lru_cache(maxsize=256)
def _may_assume(request: _Request, trust: str, _second: int) -> bool:
    """Judge the trust policy like a resource's policy; its statements name no resource, so they are about the role."""
    return _allows(trust, request.of_service("sts:AssumeRole"), request.caller)


@lru_cache(maxsize=256)
def _role_allows(
    request: _Request, actions: tuple[str, ...], role: str, documents: _RoleDocuments, policy: str, _second: int
) -> bool:
    parse = iam_evaluator.parse_policy_document
    limits = [[parse(documents.boundary)]] if documents.boundary is not None else []
    for action in actions:
        context = request.of_role(action, role)
        identity = iam_evaluator.evaluate(context, [parse(one) for one in documents.policies], *limits)
        owner = read_arn(request.resource).account_id or None  # a bucket's ARN has no account
        judged = iam_evaluator.combine_resource_policy(identity, context, policy, owner, limits=tuple(limits))
        if judged.decision != "Allow":
            return False
    return True

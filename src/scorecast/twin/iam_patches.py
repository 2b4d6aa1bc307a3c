"""Patches of how MiniStack judges permissions, so that it judges as AWS does; `patches.apply` applies them.

Without them, MiniStack refuses what AWS allows to functions, and to users with the template's policies.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.core import iam_actions
from ministack.services import dynamodb_streams, lambda_svc

from scorecast.twin.patch import wrap

# The current request's path, for the function that gathers condition keys: it does not receive the path.
_path: ContextVar[str] = ContextVar("path", default="")


def apply() -> None:
    """Apply every patch of IAM."""
    judge_a_transactions_actions_once()
    count_loopback_as_tls()
    judge_rules_by_name()
    judge_streams_and_logs_by_name()
    judge_reads_of_functions_as_reads()
    judge_simulations_by_their_principal()
    tell_principals_and_targets()
    judge_batches_of_messages_as_single_ones()


def judge_a_transactions_actions_once() -> None:
    """MiniStack judges each of a transaction's hundred actions; the few that differ in action or table are enough."""
    wrap(iam_actions, "dynamodb_transaction_checks", lambda checks, *request: list(dict.fromkeys(checks(*request))))


def count_loopback_as_tls() -> None:
    """The twin speaks plain HTTP on loopback, so policies that deny requests without TLS would deny everything."""
    wrap(app, "pin_request_origin", lambda pin, source_ip, _secure: pin(source_ip, True))


def judge_rules_by_name() -> None:
    """MiniStack judges calls that name a rule as `Rule` (PutTargets, ListTargetsByRule) by the bus; AWS by the rule."""
    wrap(iam_actions, "extract_resource_arn", _resource_arn)


def judge_streams_and_logs_by_name() -> None:
    """MiniStack judges calls about a stream without an ARN, and about a log stream by its group's; AWS by the stream's.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
    """
    wrap(iam_actions, "extract_resource_arn", _stream_or_log_arn)


def judge_reads_of_functions_as_reads() -> None:
    """MiniStack asks for lambda:PutFunctionConcurrency where a caller reads a function's concurrency, for example.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
    """
    wrap(iam_actions, "_lambda_action", _function_action)


def judge_simulations_by_their_principal() -> None:
    """MiniStack judges SimulatePrincipalPolicy without an ARN, AWS by the principal's.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
    wrap(iam_actions, "extract_resource_arn", _principal_arn)


def tell_principals_and_targets() -> None:
    """MiniStack lacks two condition keys: lambda:Principal of permissions, and events:TargetArn of PutTargets.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    """
    wrap(iam_actions, "request_tag_context", _context)


def judge_batches_of_messages_as_single_ones() -> None:
    """MiniStack requires sqs:SendMessageBatch and similar actions, which do not exist: AWS requires sqs:SendMessage.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html
    """
    wrap(iam_actions, "extract_iam_action", _action)


def _action(original: Callable[..., str | None], service: str, *request: Any) -> str | None:
    action = original(service, *request)
    return action.removesuffix("Batch") if action and service == "sqs" else action


def _resource_arn(original: Callable[..., str], service: str, method: str, path: str, *rest: Any) -> str:
    _path.set(path)
    headers, body, params, region, account = rest
    request = _json(body) if service == "events" else {}
    if "Rule" not in request:
        return original(service, method, path, headers, body, params, region, account)
    return f"arn:aws:events:{region}:{account}:rule/{request.get('EventBusName', 'default')}/{request['Rule']}"


def _stream_or_log_arn(original: Callable[..., str], service: str, *request: Any) -> str:
    arn, body = original(service, *request), _json(request[3]) if service in ("dynamodbstreams", "logs") else {}
    if "ShardIterator" in body:
        position = dynamodb_streams._decode_iterator(str(body["ShardIterator"])) or {}
        return str(position.get("arn", arn))
    if "logStreamName" in body:
        return f"{arn}:log-stream:{body['logStreamName']}"
    return str(body.get("StreamArn", arn))


def _principal_arn(original: Callable[..., str], service: str, *request: Any) -> str:
    principal = iam_actions._query_param(request[4], "PolicySourceArn") if service == "iam" else None
    return str(principal or original(service, *request))


# The last path segment of reads that MiniStack mistakes for other calls, and their actions.
_READS = {
    "account-settings": "GetAccountSettings",
    "concurrency": "GetFunctionConcurrency",
    "event-invoke-config": "GetFunctionEventInvokeConfig",
}


def _function_action(original: Callable[..., str | None], method: str, path: str) -> str | None:
    read = _READS.get(path.rstrip("/").rpartition("/")[2]) if method == "GET" else None
    return read or original(method, path)


def _context(original: Callable[..., dict[str, Any]], service: str, action: str, body: bytes, params: Any) -> Any:
    context = original(service, action, body, params)
    if action == "events:PutTargets":
        return {**context, "events:TargetArn": [target.get("Arn") for target in _json(body).get("Targets", [])]}
    if action == "lambda:AddPermission":
        return {**context, "lambda:Principal": _json(body).get("Principal")}
    if action == "lambda:RemovePermission":
        return {**context, "lambda:Principal": _principal_of(_path.get())}
    return context


def _principal_of(path: str) -> str | None:
    """Return the principal of the statement to remove; the path is .../functions/NAME/policy/SID."""
    arn = iam_actions.extract_resource_arn("lambda", "DELETE", path, {}, b"", {}, "", "")
    found = lambda_svc.function_policy_for_arn(arn)
    sid = path.rpartition("/")[2]
    statements = [one for one in found[0].get("Statement", []) if one.get("Sid") == sid] if found else []
    principal = statements[0].get("Principal") if statements else None
    return principal.get("Service") if isinstance(principal, dict) else principal


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = iam_actions.json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}

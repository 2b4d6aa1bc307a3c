"""Checks of the functions, and of what the roles allow according to IAM's policy simulator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from scorecast.ops.doctor.finding import Problem, Verdict
from scorecast.ops.doctor.system import REDEPLOY, System
from scorecast.ops.stack.arn import read_arn
from scorecast.ops.stack.aws_errors import aws_code_of

FUNCTIONS = {"FanoutLambda": "FanoutRole", "ConsumerLambda": "ConsumerRole", "LeaderGet": "LeaderGetRole"}
"""The functions and their roles, by logical id."""


def check_function(system: System, function: str) -> Verdict:
    """A function can be invoked, has the template's role, and sends failed asynchronous invocations to the queue."""
    name = system.function_name(function)
    functions = system.client("lambda")
    about = functions.get_function_configuration(FunctionName=name)
    problems = [*_state_problems(about, function), *_concurrency_problems(functions, name)]
    role = system.resource(FUNCTIONS[function])
    if read_arn(about["Role"]).name != role:
        command = f"`aws lambda update-function-configuration --function-name {name} --role ROLE_ARN`"
        problems.append(
            Problem("it has another role than the template gives it", f"Run {command} with the ARN of {role}.")
        )
    if _failure_destination(functions, name) != system.dead_letters:
        wanted = f'{{"OnFailure":{{"Destination":"{system.dead_letters}"}}}}'
        command = f"aws lambda put-function-event-invoke-config --function-name {name} --destination-config '{wanted}'"
        problems.append(
            Problem("failed asynchronous invocations do not go to the dead-letter queue", f"Run `{command}`.")
        )
    return Verdict("active", tuple(problems))


check_fanout = partial(check_function, function="FanoutLambda")
check_consumer = partial(check_function, function="ConsumerLambda")
check_api_function = partial(check_function, function="LeaderGet")


def _state_problems(about: dict[str, Any], function: str) -> Iterable[Problem]:
    # A function that was not invoked for weeks is Inactive; the next invocation wakes it.
    if about.get("State", "Active") not in ("Active", "Inactive"):
        yield Problem(f"it is {about['State']}", f"{about.get('StateReason') or 'Deploy it again.'}")
    if about.get("LastUpdateStatus", "Successful") == "Failed":
        reason = about.get("LastUpdateStatusReason") or "Deploy it again."
        yield Problem(f"its last update failed, so the version before runs as {function}", str(reason))


def _concurrency_problems(functions: Any, name: str) -> Iterable[Problem]:
    if functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions") == 0:
        remedy = f"Run `aws lambda delete-function-concurrency --function-name {name}`."
        yield Problem("its reserved concurrency is 0, so it never runs", remedy)


def _failure_destination(functions: Any, name: str) -> str | None:
    try:
        answer = functions.get_function_event_invoke_config(FunctionName=name, Qualifier="$LATEST")
    except ClientError as error:
        if aws_code_of(error) == "ResourceNotFoundException":
            return None
        raise
    destination: str | None = answer.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    return destination


# ---------------------------------------------------------------- roles


@dataclass(frozen=True, slots=True)
class Need:
    """Actions that a role needs on a resource."""

    role: str
    actions: tuple[str, ...]
    resource: str


def needs_of(system: System) -> list[Need]:
    """What the data flow needs of the roles, except for logs and single items: enough to find a broken role."""
    bus, bucket = system.bus, system.bucket_arn

    def arn(service: str, resource: str) -> str:
        return f"arn:{bus.partition}:{service}:{bus.region}:{bus.account}:{resource}"

    queue = arn("sqs", system.output("ConsumerQueueUrl").rpartition("/")[2])
    leaderboard = arn("dynamodb", f"table/{system.output('LeaderboardTableName')}")
    boards = arn("dynamodb", f"table/{system.output('BoardTableName')}")
    return [
        Need("FanoutRole", ("events:PutEvents",), str(bus)),
        Need("FanoutRole", ("sqs:SendMessage",), system.dead_letters),
        Need("FanoutRole", ("s3:PutObject",), f"{bucket}/images/doctor"),
        Need("FanoutRole", ("s3:PutObject",), f"{bucket}/aws/lambda/doctor"),
        Need("FanoutRole", ("s3:ListBucket",), bucket),
        Need("BackupRuleRole", ("firehose:PutRecord",), arn("firehose", f"deliverystream/{_stream(system)}")),
        Need("BackupStreamRole", ("s3:PutObject",), f"{bucket}/changes/doctor"),
        Need("ConsumerRole", ("sqs:ReceiveMessage", "sqs:DeleteMessage"), queue),
        Need("ConsumerRole", ("dynamodb:BatchGetItem", "dynamodb:PutItem"), leaderboard),
        Need("ConsumerRole", ("dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), boards),
        Need("ConsumerRole", ("sqs:SendMessage",), system.dead_letters),
        Need("LeaderGetRole", ("dynamodb:Query", "dynamodb:GetItem"), leaderboard),
        Need("LeaderGetRole", ("dynamodb:Query", "dynamodb:BatchGetItem"), boards),
    ]


def check_roles(system: System) -> Verdict:
    """The roles allow what the data flow needs, according to IAM's policy simulator."""
    iam = system.client("iam")
    needs = needs_of(system)
    arns = {role: iam.get_role(RoleName=system.resource(role))["Role"]["Arn"] for role in {one.role for one in needs}}
    problems = []
    for need in needs:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=arns[need.role], ActionNames=list(need.actions), ResourceArns=[need.resource]
        )
        denied = [one["EvalActionName"] for one in answer["EvaluationResults"] if one["EvalDecision"] != "allowed"]
        if denied:
            what = read_arn(need.resource).resource
            problems.append(Problem(f"{need.role} may not {', '.join(denied)} on {what}", REDEPLOY))
    return Verdict(f"{len(arns)} roles allow what they need", tuple(problems))


def _stream(system: System) -> str:
    return system.output("BackupStreamName")

"""Checkup: all checks in the order of the data flow, each of which always produces a finding.

A check that the credentials do not allow, or that an engine cannot answer, ends as "not checked", with the reason. Only
an error that every check would meet (no credentials, an endpoint that does not answer) is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from scorecast.ops.doctor import account, backup, boards, functions, given_up, queues, routes, triggers
from scorecast.ops.doctor.finding import Finding, State, Verdict, fault, finding_of
from scorecast.ops.doctor.system import REDEPLOY, System
from scorecast.ops.stack.aws_errors import aws_code_of, explain, message_of
from scorecast.ops.stack.exit_codes import ExitCode


@dataclass(frozen=True, slots=True)
class Check:
    """A check; `not_on_twin` is the reason if the twin cannot answer it."""

    name: str
    inspect: Callable[[System], Verdict]
    not_on_twin: str = ""


CHECKS = (
    Check("stream", triggers.check_stream),
    Check("stream trigger", triggers.check_stream_trigger),
    Check("stream trigger's failures", triggers.check_stream_trigger_failures),
    Check("GivenUpRule", given_up.check_given_up_rule),
    Check("FanoutLambda", functions.check_fanout),
    Check("BackupRule", routes.check_backup_rule),
    Check("Firehose stream", backup.check_backup_stream),
    Check("backup bucket", backup.check_bucket),
    Check("LeaderboardRule", routes.check_leaderboard_rule),
    Check("ConsumerQueue", queues.check_consumer_queue),
    Check("ConsumerQueue's policy", routes.check_consumer_queue_policy),
    Check("ConsumerQueue's trigger", triggers.check_queue_trigger),
    Check("ConsumerLambda", functions.check_consumer),
    Check("policies of boards", boards.check_policies),
    Check("LeaderGet", functions.check_api_function),
    Check("dead-letter queue", queues.check_dead_letter_queue),
    Check("dead-letter queue's policy", routes.check_dead_letter_policy),
    Check("roles", functions.check_roles),
    Check("concurrency", account.check_concurrency),
    Check("PutEvents quota", account.check_put_events_quota, not_on_twin="the twin has no Service Quotas"),
    Check("alarms", account.check_alarms),
    Check("backlog", queues.check_backlog),
    Check("dead letters", queues.check_dead_letters),
    Check("consumers of yours", routes.check_consumers),
)

# The services' error codes for something that does not exist.
_GONE = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "NoSuchEntity",
    "NoSuchPublicAccessBlockConfiguration",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "TableNotFoundException",
}
# Exit codes of errors that every further call would raise too.
_STOPS_ALL = {ExitCode.NO_CREDENTIALS, ExitCode.UNKNOWN_PLACE, ExitCode.ENGINE_NOT_RUNNING}


def run_checks(system: System) -> Iterator[Finding]:
    """Run all checks, one after the other."""
    for check in CHECKS:
        yield run_check(check, system)


def run_check(check: Check, system: System) -> Finding:
    """Run one check; a refused call becomes a finding of its own."""
    if check.not_on_twin and system.stack.target.engine == "twin":
        return Finding(check.name, State.NOT_CHECKED, check.not_on_twin)
    try:
        return finding_of(check.name, check.inspect(system))
    except ClientError as error:
        if aws_code_of(error) in _GONE:
            return finding_of(check.name, fault(message_of(error).rstrip("."), REDEPLOY))
        explained = explain(error)
        if "expired" in str(explained) or explained.exit_code in _STOPS_ALL:
            raise
        return Finding(check.name, State.NOT_CHECKED, str(explained).rstrip("."))

"""Checks of what the account and the region provide: concurrency, quotas, alarms and their subscribers."""

from __future__ import annotations

from typing import Any

from scorecast.ops.doctor.finding import Problem, Verdict, fault, hint
from scorecast.ops.doctor.system import REDEPLOY, System
from scorecast.ops.doctor.triggers import maximum_concurrency
from scorecast.runtime.batches import cut_batches

# One for FanoutLambda on one stream shard, one for a request to the API.
OTHER_INVOCATIONS = 2
# The quota's name in https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html.
PUT_EVENTS_QUOTA = "PutEvents throttle limit in transactions per second"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
ALARM_NAMES = 100


def check_concurrency(system: System) -> Verdict:
    """The account leaves the functions enough concurrency."""
    limit = system.client("lambda").get_account_settings()["AccountLimit"]
    left, wanted = limit["UnreservedConcurrentExecutions"], maximum_concurrency(system) + OTHER_INVOCATIONS
    if left < wanted:
        found = f"{left} invocations at once are left for all functions, and this stack may want {wanted}"
        remedy = "Ask for more `Concurrent executions` of Lambda in Service Quotas, or lower MaximumConcurrency."
        return fault(found, remedy) if left == 0 else hint(found, remedy)
    return Verdict(f"{left:,} invocations at once are left in the account, this stack may want {wanted}")


def check_put_events_quota(system: System) -> Verdict:
    """The region's quota of PutEvents calls, ten events each."""
    pages = system.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="events")
    quotas = [quota for page in pages for quota in page["Quotas"]]
    value = next((quota["Value"] for quota in quotas if quota["QuotaName"] == PUT_EVENTS_QUOTA), None)
    if value is None:
        return Verdict("Service Quotas does not list it")
    return Verdict(f"{value:,.0f} calls of PutEvents a second in this region, up to 10 changes each")


def check_alarms(system: System) -> Verdict:
    """The alarms exist and notify somebody."""
    if not system.alarms:
        return hint(
            "the stack has no alarms",
            "Deploy with the ARN of an SNS topic as AlarmTopicArn (docs/deploy-to-aws.md#alarms).",
        )
    alarms = _alarms(system)
    missing = len(system.alarms) - len(alarms)
    problems = []
    if missing:
        problems.append(Problem(f"{missing} of {len(system.alarms)} alarms are gone", REDEPLOY))
    silent = [alarm["AlarmName"] for alarm in alarms if not alarm.get("ActionsEnabled", True)]
    if silent:
        command = f"`aws cloudwatch enable-alarm-actions --alarm-names {' '.join(silent)}`"
        problems.append(Problem(f"{len(silent)} alarms have their actions disabled", f"Run {command}."))
    for topic in sorted({action for alarm in alarms for action in alarm.get("AlarmActions", [])}):
        if not _confirmed(system, topic):
            remedy = f"Run `aws sns subscribe --topic-arn {topic}`, and confirm the subscription."
            problems.append(Problem("the alarms' topic has no confirmed subscriber", remedy))
    ringing = [alarm["AlarmName"] for alarm in alarms if alarm.get("StateValue") == "ALARM"]
    if ringing:
        found = f"in alarm: {', '.join(ringing)}"
        problems.append(Problem(found, "docs/runbook.md#an-alarm says what to do.", is_hint=True))
    return Verdict(f"{len(alarms)} alarms, with confirmed subscribers", tuple(problems))


def _alarms(system: System) -> list[dict[str, Any]]:
    cloudwatch = system.client("cloudwatch")
    answers = [
        cloudwatch.describe_alarms(AlarmNames=names, MaxRecords=ALARM_NAMES)
        for names in cut_batches(list(system.alarms), ALARM_NAMES)
    ]
    return [alarm for answer in answers for alarm in answer["MetricAlarms"]]


def _confirmed(system: System, topic: str) -> int:
    pages = system.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    # Until it is confirmed, a subscription has a word such as `PendingConfirmation` in place of an ARN.
    return sum(one["SubscriptionArn"].startswith("arn:") for page in pages for one in page["Subscriptions"])

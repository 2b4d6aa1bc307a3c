"""Check of the path of a batch that the stream's trigger gives up: bucket, rule, dead-letter queue."""

from __future__ import annotations

from scorecast.ops.doctor.finding import Problem, Verdict, fault
from scorecast.ops.doctor.system import REDEPLOY, System


def check_given_up_rule(system: System) -> Verdict:
    """S3 tells EventBridge of a batch that Lambda put into the bucket, and the rule tells the dead-letter queue."""
    name = system.rule_name("GivenUpRule")
    if not name:
        return fault("the stack has no such rule", REDEPLOY)
    events, problems = system.client("events"), []
    rule = events.describe_rule(Name=name)
    if rule["State"] != "ENABLED":
        found = f"the rule is {rule['State'].lower()}, so batches that the trigger gives up go unnoticed"
        problems.append(Problem(found, f"Run `aws events enable-rule --name {name}`."))
    targets = [target["Arn"] for target in events.list_targets_by_rule(Rule=name)["Targets"]]
    if system.dead_letters not in targets:
        command = f"`aws events put-targets --rule {name} --targets Id=dead-letters,Arn={system.dead_letters}`"
        problems.append(Problem("the rule does not deliver to the dead-letter queue", f"Run {command}."))
    bucket = system.output("BackupBucketName")
    answer = system.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    if "EventBridgeConfiguration" not in answer:
        command = f"`aws s3api put-bucket-notification-configuration --bucket {bucket}"
        remedy = f"Run {command} --notification-configuration '{{\"EventBridgeConfiguration\": {{}}}}'`."
        problems.append(Problem("the backup bucket does not tell EventBridge of new objects", remedy))
    return Verdict("enabled; delivers to the dead-letter queue", tuple(problems))

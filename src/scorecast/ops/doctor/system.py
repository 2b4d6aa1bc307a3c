"""System: a deployed stack as the checks see it, with its clients, outputs and physical resource ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scorecast.ops.stack.arn import Arn, read_arn
from scorecast.ops.stack.stack import Stack

REDEPLOY = "Undo the change by hand, or delete the stack and deploy it again."


@dataclass(frozen=True, slots=True)
class System:
    """A stack, and its resources: logical id to physical id."""

    stack: Stack
    resources: Mapping[str, str]
    alarms: tuple[str, ...] = ()
    """The physical ids of the alarms."""

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        return self.stack.client(service)

    def output(self, key: str) -> str:
        """Return an output of the template."""
        return self.stack.output(key)

    @property
    def bus(self) -> Arn:
        """The bus."""
        return read_arn(self.output("BusArn"))

    @property
    def dead_letters(self) -> str:
        """The ARN of the dead-letter queue."""
        return self.output("FanoutDlqArn")

    @property
    def bucket_arn(self) -> str:
        """The ARN of the backup bucket."""
        return f"arn:{self.bus.partition}:s3:::{self.output('BackupBucketName')}"

    def resource(self, logical_id: str) -> str:
        """Return a physical id; empty if the stack has no such resource."""
        return self.resources.get(logical_id, "")

    def rule_name(self, logical_id: str) -> str:
        """Return a rule's name: CloudFormation's physical id of a rule on a bus is BUS|NAME."""
        return self.resource(logical_id).rpartition("|")[2]

    def rule_arn(self, logical_id: str) -> str:
        """Return a rule's ARN; the ARN of a rule on the account's default bus does not name the bus."""
        place = "" if logical_id == "GivenUpRule" else f"{self.bus.name}/"
        return str(replace(self.bus, resource=f"rule/{place}{self.rule_name(logical_id)}"))

    def function_name(self, logical_id: str) -> str:
        """Return a function's name."""
        outputs = {"FanoutLambda": "FanoutLambdaName", "ConsumerLambda": "ConsumerLambdaName"}
        return self.output(outputs[logical_id]) if logical_id in outputs else read_arn(self.output(logical_id)).name

    def queue_attributes(self, output: str) -> dict[str, str]:
        """Read all attributes of a queue; `output` is the output with its URL."""
        answer = self.client("sqs").get_queue_attributes(QueueUrl=self.output(output), AttributeNames=["All"])
        return dict(answer["Attributes"])


def system_of(stack: Stack) -> System:
    """Read the physical ids of a stack's resources."""
    pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.name)
    found = [resource for page in pages for resource in page["StackResourceSummaries"]]
    ids = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}
    alarms = [one["PhysicalResourceId"] for one in found if one["ResourceType"] == "AWS::CloudWatch::Alarm"]
    return System(stack, ids, tuple(alarms))

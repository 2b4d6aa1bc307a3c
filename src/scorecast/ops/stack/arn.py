"""Arn: the parts of an AWS resource name. Refuses text that is not an ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode

EXAMPLE = "arn:aws:sqs:us-east-1:123456789012:orders"


@dataclass(frozen=True, slots=True)
class Arn:
    """arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", self.partition, self.service, self.region, self.account, self.resource))

    @property
    def name(self) -> str:
        """The last part of the resource: the name of the rule, queue or function.

        >>> read_arn("arn:aws:events:us-east-1:123456789012:rule/fanoutBus/winners").name
        'winners'
        """
        return re.split("[:/]", self.resource)[-1]


def read_arn(text: str) -> Arn:
    """Read an ARN.

    >>> read_arn(EXAMPLE).service
    'sqs'
    """
    parts = text.strip().split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not all((parts[1], parts[2], parts[5])):
        raise UserError(f"{text!r} is not an ARN, such as {EXAMPLE}.", ExitCode.USAGE)
    return Arn(*parts[1:])

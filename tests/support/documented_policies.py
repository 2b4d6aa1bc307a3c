"""The IAM policies that docs/security.md writes out for people, with the names of a stack put in, and who has them."""

import json
import re
import uuid
from typing import Any

from tests.support.deployed import ROOT, Stack

Environment = dict[str, str]
ACCOUNT = "000000000000"


def documented_policy(section: str, stack: str, main_table: str = "main", bus: str = "fanoutBus") -> dict[str, Any]:
    """Return the policy of a section, for a stack of the twin's account."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition(f"## {section}\n")[2]
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found
    policy = found[1]
    names = {"REGION": "us-east-1", "ACCOUNT": ACCOUNT, "STACK": stack, "MAIN_TABLE": main_table, "BUS": bus}
    for name, value in names.items():
        policy = re.sub(rf"(?<![A-Z_]){name}(?![A-Z_])", value, policy)
    # Names of buckets are in lower case.
    document: dict[str, Any] = json.loads(policy.replace(f"arn:aws:s3:::{stack}-", f"arn:aws:s3:::{stack.lower()}-"))
    return document


def without(policy: dict[str, Any], sid: str) -> dict[str, Any]:
    """Return the policy without one of its statements."""
    kept = [one for one in policy["Statement"] if one["Sid"] != sid]
    assert len(kept) == len(policy["Statement"]) - 1
    return policy | {"Statement": kept}


def someone_with(stack: Stack, policy: dict[str, Any]) -> Environment:
    """The environment of somebody who has a policy and no other."""
    iam, name = stack.client("iam"), f"someone-{uuid.uuid4()}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="documented", PolicyDocument=json.dumps(policy))
    key = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_SESSION_TOKEN": key["SessionToken"],
        "AWS_REGION": "us-east-1",
    }

"""Each role allows what it needs and no more: every call of the table in permissions.py is made on the twin.

The twin enforces IAM as AWS does. The calls run under a double: a role with the same policies that a test may assume.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from scorecast.ops.stack.local_engine import REGION
from tests.support.deployed import Stack
from tests.support.own_function import create_function
from tests.support.permissions import MAY, MAY_NOT, YOURS, Call, Names

# A client by role and service.
ClientOf = Callable[[str, str], Any]
ACCOUNT = "000000000000"
REFUSED = ("AccessDenied", "AccessDeniedException", "AuthorizationError")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.fixture(scope="module")
def names(stack: Stack) -> Names:
    """The names that the calls of the table use."""
    listed = stack.client("cloudformation").describe_stack_resources(StackName=stack.twin.stack)["StackResources"]
    names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}
    table = stack.client("dynamodb").describe_table(TableName=names["MainTable"])["Table"]
    streams = stack.client("dynamodbstreams")
    at = {"StreamArn": table["LatestStreamArn"]}
    shard = streams.describe_stream(**at)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(**at, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    make_function(stack, names["FanoutRole"])
    stack_name = stack.twin.stack
    more = {"stack": stack_name, "account": ACCOUNT, "rule": f"{stack_name}-consumer-probe"}
    return names | more | {"stream": at["StreamArn"], "shard": shard, "iterator": iterator}


def make_function(stack: Stack, role: str) -> None:
    """Make the function whose permissions a manager of consumers adds and removes."""
    code = "def handle(event, context):\n    pass\n"
    create_function(stack.client("lambda"), YOURS, f"arn:aws:iam::{ACCOUNT}:role/{role}", code)


@pytest.fixture(scope="module")
def client(stack: Stack, names: Names) -> ClientOf:
    """Make (once) a client of a service under the double of a role of the template."""

    @cache
    def credentials(role: str) -> dict[str, str]:
        double = make_double(stack.client("iam"), names[role], f"double-{role}")
        key = stack.client("sts").assume_role(RoleArn=double, RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
            "aws_session_token": key["SessionToken"],
        }

    @cache
    def of(role: str, service: str) -> Any:
        once = Config(retries={"total_max_attempts": 1}, proxies={})
        return boto3.client(service, endpoint_url=stack.endpoint, region_name=REGION, config=once, **credentials(role))  # type: ignore[call-overload]

    return of


def make_double(iam: Any, role: str, name: str) -> str:
    """Make a role with the policies of another; return its ARN."""
    double = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.attach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    return str(double["Arn"])


def answer(client: ClientOf, call: Call, names: Names) -> str:
    """Make the call; return "done", or the code of the error."""
    service, operation = call.operation.split(".")
    try:
        getattr(client(call.role, service), operation)(**call.parameters(names))
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def _name(call: Call) -> str:
    return f"{call.role}: {call.action} on {call.on}"


@pytest.mark.parametrize("call", MAY, ids=_name)
def test_a_role_allows_what_it_is_for(client: ClientOf, names: Names, call: Call) -> None:
    assert answer(client, call, names) not in REFUSED


@pytest.mark.parametrize("call", MAY_NOT, ids=_name)
def test_a_role_refuses_what_it_is_not_for(client: ClientOf, names: Names, call: Call) -> None:
    assert answer(client, call, names) in REFUSED


def test_nobody_without_credentials_reads_the_backup(stack: Stack) -> None:
    status = stack.client("s3").get_public_access_block(Bucket=stack.outputs["BackupBucketName"])
    assert all(status["PublicAccessBlockConfiguration"].values())
    policy = json.loads(stack.client("s3").get_bucket_policy(Bucket=stack.outputs["BackupBucketName"])["Policy"])
    assert [statement["Effect"] for statement in policy["Statement"]] == ["Deny"]

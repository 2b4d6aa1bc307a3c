"""The deployers' policy of docs/security.md allows what AWS's schemas of the template's resources need, and no more."""

import json
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from tests.support.documented_policies import documented_policy
from tests.support.template import translated

POLICY = documented_policy("Deployers", "fanout")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS = 6144
# What `sam` calls itself, and CloudFormation's own calls for a stack.
OF_SAM = {"cloudformation:*", "s3:PutObject", "s3:DeleteObject"}
# Older names of these actions, in schemas; IAM knows them by the names in the policy, or not at all.
RENAMED = {"s3:ListTagsForResource", "s3:GetBucketAbac"}
# What the schemas ask for properties that the template does not have.
UNUSED = {
    "apigateway:UpdateRestApiPolicy": "the API has no resource policy",
    "cloudfront:*ConnectionGroup": "no tenants of a distribution",
    "cloudfront:CreateDistributionWithTags": "IAM asks for CreateDistribution and TagResource",
    "cloudfront:GetVpcOrigin": "no VPC",
    "cloudfront:UpdateDistributionWithStagingConfig": "no staging",
    "dynamodb:*Item": "no import, no replica",
    "dynamodb:*Replica": "no replica",
    "dynamodb:*KinesisStreamingDestination": "no Kinesis stream of a table",
    "dynamodb:DeleteResourcePolicy": "no policy of a table",
    "dynamodb:PutResourcePolicy": "no policy of a table",
    "dynamodb:ImportTable": "no import",
    "dynamodb:Query": "no replica",
    "dynamodb:Scan": "no replica",
    "dynamodb:UpdateContributorInsights": "off",
    "ec2:*": "no VPC",
    "elasticfilesystem:*": "no file system",
    "s3files:*": "no file system",
    "events:*Permission": "the bus has no policy",
    "iam:*PermissionsBoundary": "no boundary",
    "iam:*GroupPolicy": "the managed policy is given to a role only",
    "iam:*UserPolicy": "the managed policy is given to a role only",
    "iam:CreateServiceLinkedRole": "no replica",
    "kinesis:*": "no Kinesis stream",
    "kms:*": "AWS's own keys",
    "lambda:*Concurrency": "no reserved concurrency",
    "lambda:*CodeSigning*": "no signing",
    "lambda:*RecursionConfig": "the default",
    "lambda:*ScalingConfig": "the default",
    "lambda:*RuntimeManagementConfig": "the default",
    "lambda:GetLayerVersion": "no layer",
    "lambda:PassCapacityProvider": "no capacity provider",
    "lambda:PublishVersion": "no version",
    "logs:*DataProtectionPolicy": "none",
    "logs:*IndexPolic*": "none",
    "logs:*ResourcePolic*": "none",
    "logs:*KmsKey": "AWS's own key",
    "logs:CreateLogDelivery": "none",
    "logs:PutBearerTokenAuthentication": "none",
    "logs:PutLogGroupDeletionProtection": "none",
    "logs:PutLogEvents": "no import of a table",
    "s3:*Abac": "none",
    "s3:*Acl": "none",
    "s3:*Analytics*": "none",
    "s3:*BucketMetadata*": "none",
    "s3:*CORS": "none",
    "s3:*Cors": "none",
    "s3:*Inventory*": "none",
    "s3:*MetricsConfiguration": "none",
    "s3:*ObjectLock*": "none",
    "s3:*Replication*": "none",
    "s3:*Website": "none",
    "S3:*Website": "none",
    "s3:*AccelerateConfiguration": "none",
    "s3:*IntelligentTiering*": "none",
    "s3:*Logging": "none",
    "s3:DeleteBucketEncryption": "it stays encrypted",
    "s3:DeleteBucketLifecycle": "it keeps its rules",
    "s3:*TagResource": "general purpose buckets have PutBucketTagging",
    "s3:UntagResource": "the same",
    "s3:GetObjectMetadata": "no import",
    "s3:REST.PUT.OBJECT": "no delivery of logs",
    "s3tables:*": "none",
}


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def is_allowed(action: str) -> bool:
    actions = [one for statement in POLICY["Statement"] for one in listed(statement["Action"])]
    return any(fnmatchcase(action.lower(), one.lower()) for one in actions)


@cache
def asked_for() -> list[tuple[str, str]]:
    """The actions that CloudFormation needs to make, change and delete the template's resources, with their types."""
    # Imported late: every worker collects all tests, and one runs these.
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    asked = set()
    for kind in {one["Type"] for one in translated().values()}:
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("handlers", {})
        for handler in (handlers[call] for call in handlers.keys() - {"list"}):
            asked |= {(kind, action) for action in handler["permissions"]}
    return sorted(asked)


def is_unused(action: str) -> bool:
    return action in RENAMED or any(fnmatchcase(action, one) for one in UNUSED)


def test_the_deployers_policy_lacks_no_permission_of_a_resource() -> None:
    assert [(kind, one) for kind, one in asked_for() if not is_unused(one) and not is_allowed(one)] == []


def test_the_schemas_know_every_kind_of_resource() -> None:
    assert len({kind for kind, _ in asked_for()}) == len({one["Type"] for one in translated().values()})


def test_the_deployers_policy_has_no_action_that_nothing_asks_for() -> None:
    allowed = {one for statement in POLICY["Statement"] for one in listed(statement["Action"])}
    known = {action.lower() for _, action in asked_for()}
    of_sam = [one for one in allowed if any(fnmatchcase(one, pattern) for pattern in OF_SAM)]
    others = allowed.difference(of_sam)
    assert {one for one in others if not any(fnmatchcase(action, one.lower()) for action in known)} == set()


@pytest.mark.parametrize("section", ["Deployers", "Operators"])
def test_a_policy_fits_into_iam_and_names_what_it_is_for(section: str) -> None:
    policy = documented_policy(section, "fanout")
    assert len(json.dumps(policy, separators=(",", ":"))) <= MOST_CHARACTERS
    assert all("*" not in listed(one["Action"]) for one in policy["Statement"])

"""Checks of the backup: the Firehose stream and the bucket."""

from __future__ import annotations

from scorecast.ops.doctor.finding import Problem, Verdict, fault
from scorecast.ops.doctor.system import REDEPLOY, System

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def check_backup_stream(system: System) -> Verdict:
    """The Firehose stream is active and writes to the backup bucket."""
    name = system.output("BackupStreamName")
    answer = system.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
    description = answer["DeliveryStreamDescription"]
    status = description["DeliveryStreamStatus"]
    if status != "ACTIVE":
        return fault(f"the Firehose stream is {status}", "Wait until it is ACTIVE; if it fails, deploy again.")
    destinations = description.get("Destinations", [])
    buckets = [one.get("ExtendedS3DestinationDescription", {}).get("BucketARN") for one in destinations]
    if system.bucket_arn not in buckets:
        return fault("the Firehose stream writes to another bucket", REDEPLOY)
    return Verdict("active")


def check_bucket(system: System) -> Verdict:
    """The bucket keeps versions and is not public."""
    s3, bucket = system.client("s3"), system.output("BackupBucketName")
    problems = []
    versioning = s3.get_bucket_versioning(Bucket=bucket).get("Status", "off")
    if versioning != "Enabled":
        command = f"`aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled`"
        problems.append(Problem(f"versioning is {versioning.lower()}", f"Run {command}."))
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    missing = [name for name in _BLOCKS if not block.get(name)]
    if missing:
        wanted = ",".join(f"{name}=true" for name in _BLOCKS)
        command = f"`aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration {wanted}`"
        problems.append(Problem(f"{', '.join(missing)} is off", f"Run {command}."))
    return Verdict("keeps versions; no public access", tuple(problems))

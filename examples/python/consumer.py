"""A consumer of the bus: keeps a copy of the main table, with each change once and none after a newer one.

template.yaml has its queue, its function and its two tables.
"""

import os
from collections.abc import Mapping
from typing import Any

import boto3

from scorecast.consumer import DynamoStore, newest, read_change

s3 = boto3.client("s3")
store = DynamoStore(boto3.client("dynamodb"), os.environ["STORE_TABLE"])
copy = boto3.resource("dynamodb").Table(os.environ["COPY_TABLE"])


def take(delivery: Mapping[str, Any]) -> None:
    """Bring the copy up to date with one change; an error makes the queue deliver it again."""
    change = read_change(delivery, s3)
    with newest(store, change) as is_newer:
        if not is_newer:
            return
        if change.new is None:
            copy.delete_item(Key=change.keys)
        else:
            copy.put_item(Item=change.new)


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Take a batch; what fails comes again, and the rest does not."""
    failed = []
    for record in event["Records"]:
        try:
            take(record)
        except Exception as error:
            print(f"{record['messageId']} comes again: {error}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}

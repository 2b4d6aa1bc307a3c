"""FanoutFunction, by the book: a record of the stream becomes an event; ten a PutEvents call, one call at a time."""

import json
import os
import time

import boto3

BATCH = 10
ATTEMPTS = 4

# Created outside the handler, as the best practices say, so that warm invocations reuse its connection.
events = boto3.client("events")


def handle(event, context):
    """Publish a batch of the stream; if this raises, the trigger redelivers the batch."""
    entries = [entry_of(record) for record in event["Records"]]
    for at in range(0, len(entries), BATCH):
        put(entries[at : at + BATCH])
    return {"published": len(entries)}


def entry_of(record):
    """The entry of a record; images stay DynamoDB's typed JSON."""
    return {
        "Source": "update.aws.dynamodb",
        "DetailType": record["eventName"],
        "Detail": json.dumps(record["dynamodb"]),
        "Resources": [record["eventSourceARN"]],
        "EventBusName": os.environ["EVENT_BUS_NAME"],
    }


def put(entries):
    """Send up to ten entries; send failed ones again after a pause."""
    for attempt in range(ATTEMPTS):
        results = events.put_events(Entries=entries)["Entries"]
        entries = [entry for entry, result in zip(entries, results, strict=True) if "ErrorCode" in result]
        if not entries:
            return
        time.sleep(0.1 * 2**attempt)
    raise RuntimeError(f"{len(entries)} events could not be published")

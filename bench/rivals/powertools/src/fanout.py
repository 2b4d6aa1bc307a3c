"""FanoutFunction with Powertools: its batch processor calls `publish` for one record at a time."""

import json
import os

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

# Created outside the handler, as the best practices say, so that warm invocations reuse its connection.
events = boto3.client("events")
processor = BatchProcessor(event_type=EventType.DynamoDBStreams)


def handle(event, context):
    """Publish a batch of the stream; report failures, so that the trigger redelivers from the first one on."""
    return process_partial_response(event=event, record_handler=publish, processor=processor, context=context)


def publish(record):
    """Publish one record; images stay DynamoDB's typed JSON."""
    raw = record.raw_event
    entry = {
        "Source": "update.aws.dynamodb",
        "DetailType": raw["eventName"],
        "Detail": json.dumps(raw["dynamodb"]),
        "Resources": [raw["eventSourceARN"]],
        "EventBusName": os.environ["EVENT_BUS_NAME"],
    }
    if events.put_events(Entries=[entry])["FailedEntryCount"]:
        raise RuntimeError("the event could not be published")

"""ConsumerFunction, by the book: invoked once an event, it writes one item."""

import os

import boto3

dynamodb = boto3.client("dynamodb")


def handle(event, context):
    """Write the entry of a changed item, or delete it."""
    change = event["detail"]
    image = change.get("NewImage")
    if image is None:
        dynamodb.delete_item(TableName=os.environ["TABLE"], Key=change["Keys"])
    elif "projectScore" in image:
        dynamodb.put_item(TableName=os.environ["TABLE"], Item=entry_of(image))


def entry_of(image):
    """The leaderboard's entry: the board is the item's metadata unless it names one."""
    board = image.get("hackathonName", image["metadata"])
    names = ("id", "metadata", "projectScore", "userName")
    return {name: image[name] for name in names if name in image} | {"hackathonName": board}

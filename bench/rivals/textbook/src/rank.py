"""RankFunction, by the book: a rank is one more than the COUNT of the entries that score higher."""

import json
import os

import boto3

dynamodb = boto3.client("dynamodb")


def handle(event, context):
    """Answer with a participant's rank on a board."""
    wanted = event["pathParameters"]
    key = {"id": {"S": wanted["id"]}, "metadata": {"S": wanted["board"]}}
    entry = dynamodb.get_item(TableName=os.environ["TABLE"], Key=key).get("Item")
    if entry is None:
        return {"statusCode": 404, "body": json.dumps({"message": "not found"})}
    rank = 1 + count_above(entry["hackathonName"], entry["projectScore"])
    return {"statusCode": 200, "body": json.dumps({"rank": rank, "projectScore": entry["projectScore"]["N"]})}


def count_above(board, score):
    """Count the entries that score higher; each page reads a megabyte of the index."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=os.environ["TABLE"],
        IndexName=os.environ["INDEX"],
        Select="COUNT",
        KeyConditionExpression="hackathonName = :board AND projectScore > :score",
        ExpressionAttributeValues={":board": board, ":score": score},
    )
    return sum(page["Count"] for page in pages)

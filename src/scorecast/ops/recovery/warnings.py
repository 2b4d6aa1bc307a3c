"""Warnings: causes that keep changes from reaching the leaderboard although every function works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.recovery.consumer_mapping import consumer_mapping_of
from scorecast.ops.stack.aws_errors import explain
from scorecast.ops.stack.stack import Stack

# Only the old image of a removed item names the entry to remove.
VIEW_TYPE = "NEW_AND_OLD_IMAGES"


def warnings_of(stack: Stack) -> list[str]:
    """Return a sentence for each cause that is found, with its remedy, and for each that cannot be checked."""
    found = []
    for look in (_of_mapping, _of_stream):
        try:
            found += list(look(stack))
        except ClientError as error:
            found.append(str(explain(error)))
        except UserError as error:
            found.append(str(error))
    return found


def _of_mapping(stack: Stack) -> Iterator[str]:
    if (state := consumer_mapping_of(stack).read()).is_paused:
        yield str(state)


def _of_stream(stack: Stack) -> Iterator[str]:
    table = stack.output("MainTableName")
    description = stack.client("dynamodb").describe_table(TableName=table)["Table"]
    if warning := stream_warning(table, description):
        yield warning


def stream_warning(table: str, description: dict[str, Any]) -> str | None:
    """Return a sentence if the table's stream does not carry every change; `description` is DescribeTable's.

    "You receive a ValidationException if you try to enable a stream on a table that already has a stream."
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
    """
    specification = description.get("StreamSpecification", {})
    update = f"aws dynamodb update-table --table-name {table} --stream-specification"
    enable = f"`{update} StreamEnabled=true,StreamViewType={VIEW_TYPE}`"
    deploy = "and deploy the stack with the new stream's ARN (DynamoDBStreamArn)"
    if not specification.get("StreamEnabled"):
        return f"The table {table} has no stream, so no change reaches the leaderboard: run {enable} {deploy}."
    if (kind := specification.get("StreamViewType")) != VIEW_TYPE:
        return (
            f"The stream of the table {table} has the view type {kind}, not {VIEW_TYPE}, so removals never reach the "
            f"leaderboard. The type of a stream cannot change: run `{update} StreamEnabled=false`, then {enable}, "
            f"{deploy}."
        )
    return None

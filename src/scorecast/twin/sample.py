"""The sample data of a first run. It is written to the main table, so it travels like any change."""

from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.stack.polling import poll_until
from scorecast.twin.instance import Twin, get_json

# id, metadata (the board), projectScore, userName
ITEMS = (
    ("1", "StarWar", 60, "userA"),
    ("2", "StarWar", 90, "userB"),
    ("3", "StarWar", 70, "userC"),
    ("4", "WarCraft", 100, "userD"),
)
# Marks a table to which the sample was written, so that items that the user deletes stay deleted.
WRITTEN_TAG = "scorecast:sample"
ARRIVAL_DEADLINE_S = 30.0


def write(twin: Twin, table: str) -> bool:
    """Write the sample to a table that never had it, without replacing items; return False if the table has had it."""
    dynamodb = twin.client("dynamodb")
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    tags = {tag["Key"] for tag in dynamodb.list_tags_of_resource(ResourceArn=arn).get("Tags", [])}
    if WRITTEN_TAG in tags:
        return False
    for item in ITEMS:
        _put_if_absent(dynamodb, table, item)
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": WRITTEN_TAG, "Value": "written"}])
    return True


def _put_if_absent(dynamodb: Any, table: str, item: tuple[str, str, int, str]) -> None:
    participant, board, score, name = item
    try:
        dynamodb.put_item(
            TableName=table,
            Item={
                "id": {"S": participant},
                "metadata": {"S": board},
                "projectScore": {"N": str(score)},
                "userName": {"S": name},
            },
            ConditionExpression="attribute_not_exists(id)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def await_arrival(twin: Twin, api: str) -> None:
    """Wait until the leaderboard shows every participant of the sample."""
    missing = list(ITEMS)
    for _ in poll_until(ARRIVAL_DEADLINE_S, pause_s=0.1, longest_pause_s=0.1):
        missing = [item for item in missing if not _is_shown(api, item)]
        if not missing:
            return
    raise UserError(
        f"The leaderboard does not show the sample data after {ARRIVAL_DEADLINE_S:.0f} s: "
        f"see {twin.log_file} and `scorecast status`."
    )


def _is_shown(api: str, item: tuple[str, str, int, str]) -> bool:
    participant, board, _, _ = item
    return get_json(f"{api}{quote(board)}/participants/{quote(participant)}") is not None

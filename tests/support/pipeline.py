"""The deployed pipeline as tests see it: writes to the main table, and reads of boards, backup and dead letters."""

import json
import uuid
from typing import Any

from tests.support.command import Scorecast
from tests.support.deployed import Stack, events_in_backup
from tests.support.waiting import eventually

Json = dict[str, Any]


class MainTable:
    """The main table as an application writes to it, on a board that only this test uses."""

    def __init__(self, stack: Stack) -> None:
        self.table, self.name = stack.client("dynamodb"), stack.outputs["MainTableName"]
        self.board = f"board-{uuid.uuid4()}"

    def put(self, participant: str, score: Json | None, **more: Json) -> None:
        item = {"id": {"S": participant}, "metadata": {"S": self.board}, "userName": {"S": f"user {participant}"}}
        scored = item | ({"projectScore": score} if score else {})
        self.table.put_item(TableName=self.name, Item=scored | more)

    def update(self, participant: str, expression: str, **values: Json) -> None:
        self.table.update_item(
            TableName=self.name,
            Key={"id": {"S": participant}, "metadata": {"S": self.board}},
            UpdateExpression=expression,
            **({"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}),
        )

    def delete(self, participant: str) -> None:
        self.table.delete_item(TableName=self.name, Key={"id": {"S": participant}, "metadata": {"S": self.board}})


def put(stack: Stack, *items: Json) -> None:
    """Write items to the main table."""
    for one in items:
        stack.client("dynamodb").put_item(TableName=stack.outputs["MainTableName"], Item=one)


def board(stack: Stack, name: str) -> list[tuple[int, str, str]] | None:
    """The board's rows as (rank, id, score), or None where the API knows no such board."""
    status, body = stack.get("leaderBoard/", hackathonName=name, limit="100")
    if status == 404:
        return None
    assert status == 200, body
    return [(entry["rank"], entry["id"], str(entry["projectScore"])) for entry in body["entries"]]


def shows(stack: Stack, name: str, rows: list[tuple[int, str, str]] | None) -> None:
    assert board(stack, name) == rows


def shows_total(stack: Stack, name: str, total: int) -> None:
    _, body = stack.get("leaderBoard/", hackathonName=name, limit="1")
    assert body.get("total") == total


def only(found: list[Json]) -> Json:
    """Return the only one that was found; fail, and so be called again, while there is none."""
    assert len(found) == 1
    return found[0]


def parked(stack: Stack, board_name: str) -> list[Json]:
    """The dead letters about the board, left where they are."""
    queue = stack.client("sqs")
    found: dict[str, Json] = {}
    for _ in range(20):
        answer = queue.receive_message(
            QueueUrl=stack.outputs["FanoutDlqUrl"], MaxNumberOfMessages=10, VisibilityTimeout=2
        )
        messages = answer.get("Messages", [])
        found |= {
            message["MessageId"]: json.loads(message["Body"]) for message in messages if board_name in message["Body"]
        }
        if not messages:
            break
    return list(found.values())


def backed_up(stack: Stack, board_name: str) -> list[Json]:
    """The events in the backup that are about the board."""
    return [event for event in events_in_backup(stack) if event["detail"]["keys"].get("metadata") == board_name]


def judge(stack: Stack, *events: Json) -> None:
    """Hand events to ConsumerLambda: nothing else tells when it has seen one that changes no board."""
    for event in events:
        answer = stack.client("lambda").invoke(
            FunctionName=stack.outputs["ConsumerLambdaName"], Payload=json.dumps(event)
        )
        said = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, said


def verified(scorecast: Scorecast, settle_s: str = "0") -> Json:
    """What `verify` says, with all faults."""
    done = scorecast.run("verify", "--json", "--settle", settle_s, "--limit", "100000")
    assert done.returncode in (0, 9), done.stderr
    answer: Json = json.loads(done.stdout)
    return answer


def faults_on(board_name: str, answer: Json) -> list[Any]:
    """What `verify` finds on a board."""
    return [one for one in answer["examples"] if board_name in json.dumps(one)]


def letter(scorecast: Scorecast, *filters: str) -> Json:
    """Wait for the only letter that the filters find."""
    return eventually(lambda: only(scorecast.json("dlq", "show", *filters)["letters"]), 120)

"""Proving the leaderboard right, and making it right again, on the twin."""

import json
import uuid
from typing import Any

import pytest

from tests.conftest import eventually
from tests.fakes import item
from tests.twin.command import Scorecast
from tests.twin.test_pipeline import board


@pytest.fixture(scope="module")
def scorecast(stack) -> Scorecast:
    return Scorecast(stack.twin.port)


@pytest.fixture
def name() -> str:
    """A board of the test's own."""
    return f"board-{uuid.uuid4()}"


def put(stack: Any, *items: dict) -> None:
    for one in items:
        stack.client("dynamodb").put_item(TableName=stack.outputs["MainTableName"], Item=one)


def shows(stack: Any, name: str, rows: list[tuple[str, str]]) -> None:
    assert [row[1:] for row in board(stack, name) or []] == rows


def faults(scorecast: Scorecast, name: str) -> list[tuple[str, str]]:
    """The kind of each fault on a board, and the participant; what other tests do on theirs does not count."""
    done = scorecast.run("verify", "--json", "--settle", "0", "--limit", "100000")
    assert done.returncode in (0, 9), done.stderr
    examples = json.loads(done.stdout)["examples"]
    mine = [one for one in examples if isinstance(one, dict) and one["hackathonName"] == name]
    return sorted((one["kind"], one["id"]) for one in mine)


def forget(stack: Any, name: str, participant: str) -> dict:
    """Remove an entry behind everybody's back, as if its changes had been lost; return what it was."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["LeaderboardTableName"]
    key = {"id": {"S": participant}, "metadata": {"S": name}}
    return dynamodb.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")["Attributes"]


def test_verify_names_what_is_wrong_and_ends_with_9(stack, scorecast: Scorecast, name: str) -> None:
    put(stack, item("1", name, "10"), item("2", name, "20"))
    eventually(lambda: shows(stack, name, [("2", "20"), ("1", "10")]))
    assert faults(scorecast, name) == []
    entry = forget(stack, name, "1")
    dynamodb, table = stack.client("dynamodb"), stack.outputs["LeaderboardTableName"]
    dynamodb.put_item(TableName=table, Item=entry | {"id": {"S": "3"}})
    dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": "2"}, "metadata": {"S": name}},
        UpdateExpression="SET projectScore = :score",
        ExpressionAttributeValues={":score": {"N": "21"}},
    )
    assert faults(scorecast, name) == [("extra", "3"), ("missing", "1"), ("stale", "2")]
    done = scorecast.run("verify", "--settle", "0")
    assert done.returncode == 9
    assert f"{name}/1 has no entry, the main table says 10" in done.stdout
    assert f"{name}: slot" in done.stdout  # entries were changed without their counters
    assert done.stderr.count("\n") == 1
    mend(stack, name)


def mend(stack: Any, name: str) -> None:
    """Put the board back to what its counters count, so that a later verification finds nothing."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["LeaderboardTableName"]
    entry = forget(stack, name, "3")
    dynamodb.put_item(TableName=table, Item=entry | {"id": {"S": "1"}})
    dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": "2"}, "metadata": {"S": name}},
        UpdateExpression="SET projectScore = :score",
        ExpressionAttributeValues={":score": {"N": "20"}},
    )
    eventually(lambda: shows(stack, name, [("2", "20"), ("1", "10")]))

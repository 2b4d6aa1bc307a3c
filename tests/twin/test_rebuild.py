"""The counters are rebuilt from the entries while the main table keeps changing."""

import threading
import uuid

from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.pipeline import shows_total
from tests.support.waiting import eventually


def put(stack: Stack, board: str, participant: str, score: int) -> None:
    item = {"id": {"S": participant}, "metadata": {"S": board}, "projectScore": {"N": str(score)}}
    stack.client("dynamodb").put_item(TableName=stack.outputs["MainTableName"], Item=item)


def test_a_rebuild_corrects_the_counters_and_loses_no_change(stack: Stack) -> None:
    dynamodb, board = stack.client("dynamodb"), f"board-{uuid.uuid4()}"
    for at in range(30):
        put(stack, board, f"p{at}", at)
    eventually(lambda: shows_total(stack, board, 30))
    gone = [{"id": {"S": f"p{at}"}, "metadata": {"S": board}} for at in range(10)]
    for key in gone:  # directly, so the counters do not change
        dynamodb.delete_item(TableName=stack.outputs["LeaderboardTableName"], Key=key)
    shows_total(stack, board, 30)

    def write() -> None:
        for at in range(40):
            put(stack, board, f"q{at}", 100 + at)

    writer = threading.Thread(target=write)
    writer.start()
    answer = Scorecast(stack.twin.port).json("rebuild")
    writer.join()
    assert answer["boards"] >= 1
    eventually(lambda: shows_total(stack, board, 60))
    _, entry = stack.get(f"leaderBoard/{board}/participants/p29")
    assert (entry["rank"], entry["total"]) == (41, 60)
    for key in gone:  # so that other tests find main table and leaderboard equal
        dynamodb.delete_item(TableName=stack.outputs["MainTableName"], Key=key)

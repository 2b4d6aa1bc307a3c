"""After ten thousand changes, every entry of the leaderboard equals the main table."""

from decimal import Decimal
from typing import Any

import pytest

from scorecast.ops.load.plan import LoadPlan, plan
from tests.support.command import Scorecast
from tests.support.deployed import Stack

pytestmark = pytest.mark.slow
WANTED = LoadPlan(changes=10_000, participants=500, boards=3, seed=1)
Entries = dict[tuple[str, str], tuple[Decimal, str]]


@pytest.fixture(scope="module")
def loaded(stack: Stack) -> dict[str, Any]:
    """The answer of `scorecast load`."""
    named = {
        "changes": WANTED.changes,
        "participants": WANTED.participants,
        "boards": WANTED.boards,
        "seed": WANTED.seed,
    }
    options = [text for name, value in named.items() for text in (f"--{name}", str(value))]
    answer: dict[str, Any] = Scorecast(stack.twin.port).json("load", "--timeout", "240", *options)
    return answer


def entries_in(stack: Stack, output: str) -> Entries:
    """Every entry of the load's boards in a table."""
    pages = (
        stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs[output], ConsistentRead=True)
    )
    items = [item for page in pages for item in page["Items"] if "projectScore" in item]
    return {
        (item["id"]["S"], item["metadata"]["S"]): (Decimal(item["projectScore"]["N"]), item["userName"]["S"])
        for item in items
        if item["metadata"]["S"] in WANTED.board_names()
    }


def test_all_changes_are_written_and_arrive(loaded: dict[str, Any]) -> None:
    assert (loaded["written"], loaded["differing"]) == (WANTED.changes, 0)
    assert 0 < loaded["secondsUntilArrived"] < loaded["secondsUntilEqual"]


def test_the_main_table_is_as_the_last_change_of_each_item_left_it(stack: Stack, loaded: dict[str, Any]) -> None:
    last = {write.key: write for write in plan(WANTED)}
    expected = {key: (Decimal(write.score), write.name) for key, write in last.items() if write.score is not None}
    assert entries_in(stack, "MainTableName") == expected


def test_every_entry_of_the_leaderboard_equals_the_main_table(stack: Stack, loaded: dict[str, Any]) -> None:
    main, leaderboard = entries_in(stack, "MainTableName"), entries_in(stack, "LeaderboardTableName")
    assert leaderboard == main
    assert len(main) == loaded["entries"]


def test_the_api_ranks_every_entry_by_its_score(stack: Stack, loaded: dict[str, Any]) -> None:
    scorecast, main = Scorecast(stack.twin.port), entries_in(stack, "MainTableName")
    for board in WANTED.board_names():
        scores = sorted((score for (_, name), (score, _) in main.items() if name == board), reverse=True)
        entries = scorecast.json("top", board, "--limit", str(len(scores) + 1))["entries"]
        assert [entry["projectScore"] for entry in entries] == scores
        assert [entry["rank"] for entry in entries] == [1 + scores.index(score) for score in scores]

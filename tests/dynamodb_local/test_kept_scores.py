"""Boards that keep the best or the first score, on an engine that enforces conditions."""

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from bench.rig.tables import BOARDS, LEADERBOARD
from scorecast.changes.change import Change, from_record, to_detail
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order, policy_item
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.settings import AttributeNames, ConsumerSettings
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.store import Leaderboard
from tests.support.fakes import STREAM_ARN, FakeObjects, FakeSqs, Item, item, record
from tests.support.standings_oracle import replay

CHANGES = 400
PARTICIPANTS = 20
# So few later changes of an entry overtake a change that the entry remembers them all.
LATE = 3 * PARTICIPANTS


def draw_changes(board: str, draw: random.Random) -> list[Change]:
    """Draw changes of scores; a participant leaves now and then, and returns."""
    items: dict[str, Item] = {}
    changes = []
    for sequence in range(1, CHANGES + 1):
        participant = f"p{draw.randrange(PARTICIPANTS)}"
        old = items.pop(participant, None)
        if old is None or draw.random() > 0.1:
            items[participant] = item(participant, board, str(draw.randrange(100)), f"user {sequence}")
        changes.append(from_record(record(items.get(participant), old, sequence)))
    return changes


def entries(dynamodb: Any, board: str) -> dict[tuple[str, str], tuple[Decimal, str]]:
    items = dynamodb.scan(TableName=LEADERBOARD, ConsistentRead=True)["Items"]
    standing = [one for one in items if one["metadata"]["S"] == board and "projectScore" in one]
    return {(one["id"]["S"], board): (Decimal(one["projectScore"]["N"]), one["userName"]["S"]) for one in standing}


@pytest.mark.parametrize("keep", Keep)
@pytest.mark.parametrize("order", Order)
def test_late_and_repeated_changes_end_as_the_policy_says(engine: Any, keep: Keep, order: Order) -> None:
    board, policy, draw = f"{keep} {order}", BoardPolicy(order=order, keep=keep), random.Random(1)
    engine.dynamodb.put_item(TableName=BOARDS, Item=policy_item(board, policy))
    changes = draw_changes(board, draw)
    came = sorted([*changes, *draw.sample(changes, 40)], key=lambda one: int(one.sequence) + draw.randrange(LATE))
    consumer = BatchProcessor(
        ConsumerSettings(LEADERBOARD, BOARDS, "queue", "consumer", AttributeNames()),
        Leaderboard(engine.dynamodb, LEADERBOARD, BOARDS),
        DeadLetterQueue(FakeSqs(), "queue"),
        ClaimStore(FakeObjects),
        PolicyTable(engine.dynamodb, BOARDS),
    )
    for at in range(0, len(came), 25):
        events = [{"resources": [STREAM_ARN], "detail": to_detail(one)} for one in came[at : at + 25]]
        outcome = consumer.process([Delivery(str(number), json.dumps(one)) for number, one in enumerate(events)])
        assert outcome.retry_ids == []
    assert entries(engine.dynamodb, board) == replay(changes, {board: policy})

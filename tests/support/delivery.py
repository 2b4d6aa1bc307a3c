"""Changes on their way to a consumer: shuffled, repeated, and cut into batches."""

import json
from typing import Any

from hypothesis import strategies as st

from scorecast.changes.change import Change, to_detail
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.settings import AttributeNames, ConsumerSettings
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.store import Leaderboard
from tests.support.fakes import FakeDynamoDb, FakeObjects, FakeSqs


def deliver(table: FakeDynamoDb, changes: list[Change], data: Any, *, shuffled: bool = True) -> None:
    """Have a consumer process all changes, some of them twice, in any order and in batches of any size."""
    repeats = data.draw(st.lists(st.sampled_from(changes), max_size=10)) if changes and shuffled else []
    in_order = data.draw(st.permutations(changes + repeats)) if shuffled else changes
    size = data.draw(st.integers(1, 8))
    names = AttributeNames(shown=("team", "tags"))
    settings = ConsumerSettings("leaderboard", "boards", "queue", "consumer", names)
    queue, leaderboard = FakeSqs(), Leaderboard(table, "leaderboard", "boards", lambda _: None)
    dead_letters, policies = DeadLetterQueue(queue, "queue"), PolicyTable(table, "boards")
    consumer = BatchProcessor(settings, leaderboard, dead_letters, ClaimStore(FakeObjects), policies)
    events = [json.dumps({"resources": [change.stream_arn], "detail": to_detail(change)}) for change in in_order]
    for at in range(0, len(events), size):
        batch = [Delivery(str(number), event) for number, event in enumerate(events[at : at + size])]
        assert consumer.process(batch).retry_ids == []
    assert queue.messages == []

"""However changes are shuffled, repeated and cut into batches, the leaderboard ends equal to the main table."""

import json

from hypothesis import given
from hypothesis import strategies as st

from scorecast.change import from_record, to_detail
from scorecast.claim_store import ClaimStore
from scorecast.dead_letter_queue import DeadLetterQueue
from scorecast.settings import AttributeNames, ConsumerSettings
from scorecast.standings.handler import Consumer, Delivery
from scorecast.standings.store import Leaderboard
from tests.fakes import STREAM_ARN, FakeDynamoDb, FakeObjects, FakeSqs, item, record

# A step sets an item of the main table to (participant, board, score), or removes it.
steps = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.one_of(
            st.none(), st.tuples(st.sampled_from(["StarWar", "WarCraft"]), st.one_of(st.none(), st.integers(-2, 9)))
        ),
    ),
    min_size=1,
    max_size=20,
)


def _image(participant: str, state: tuple[str, int | None]) -> dict:
    board, score = state
    image = item(participant, board, None if score is None else str(score))
    return image | {"metadata": {"S": "entry"}}  # one item a participant: a new board is a rename


def _run_main_table(made: list) -> tuple[list[str], dict[tuple[str, str], str]]:
    """Return the events of the steps, in order, and the standings that the table ends with."""
    items: dict[str, dict] = {}
    events = []
    for sequence, (participant, state) in enumerate(made, start=1):
        old = items.pop(participant, None)
        new = _image(participant, state) if state else None
        if new:
            items[participant] = new
        if new != old:
            change = from_record(record(new, old, sequence))
            events.append(json.dumps({"resources": [STREAM_ARN], "detail": to_detail(change)}))
    scored = [one for one in items.values() if "projectScore" in one]
    return events, {(one["id"]["S"], one["hackathonName"]["S"]): one["projectScore"]["N"] for one in scored}


@given(steps, st.data())
def test_any_order_and_any_repeats_end_in_the_state_of_the_main_table(made: list, data: st.DataObject) -> None:
    events, standings = _run_main_table(made)
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=10)) if events else []
    shuffled = data.draw(st.permutations(events + repeats))
    size = data.draw(st.integers(1, 8))
    table = FakeDynamoDb()
    settings = ConsumerSettings("leaderboard", "boards", "queue", AttributeNames())
    queue = FakeSqs()
    leaderboard = Leaderboard(table, "leaderboard", "boards", lambda _: None)
    consumer = Consumer(settings, leaderboard, DeadLetterQueue(queue, "queue"), ClaimStore(FakeObjects))
    for at in range(0, len(shuffled), size):
        batch = [Delivery(str(number), event) for number, event in enumerate(shuffled[at : at + size])]
        assert consumer.take(batch).again == []
    assert table.standings == standings
    assert queue.messages == []
    table.check()

"""A message with any value in any one place is processed or parked, and its neighbours are processed."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.fanout.handler import Fanout
from scorecast.fanout.publish import Publisher
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.settings import AttributeNames, ConsumerSettings, FanoutSettings
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.store import Leaderboard
from tests.support.fakes import BUS, STREAM_ARN, FakeDynamoDb, FakeEvents, FakeObjects, FakeSqs, Item, item, record
from tests.support.mutations import Path, exchanged, paths_of
from tests.support.standings_fakes import announcements_of

TAGGED = item(score="1.50") | {"tags": {"SS": ["a"]}, "nums": {"NS": ["1"]}, "photo": {"B": "aGVsbG8="}}
RECORD = record(TAGGED, item(score="5"))
NEIGHBOUR = record(item("neighbour"), sequence=2)

words = st.sampled_from(["", "N", "S", "NS", "SS", "M", "L", "B", "BOOL", "NULL", "1", "-0", "1e400", "NaN", "/new/id"])
keys = st.sampled_from(["N", "S", "NS", "M", "L", "id", "projectScore", "/new/projectScore", "/new/id", "/new/tags"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


def event_of(one: Item) -> Item:
    detail = to_detail(from_record(one))
    return {"source": "update.aws.dynamodb", "resources": [STREAM_ARN], "detail": detail}


EVENT = event_of(RECORD)
# A consumer needs the attribute that it names, and the object does not exist.
CLAIM = {"bucket": "backup", "key": "images/a", "sha256": "0" * 64, "bytes": 1, "leftOut": ["/new/userName"]}
LARGE_EVENT = EVENT | {"detail": EVENT["detail"] | {"images": CLAIM}}


@settings(max_examples=400)
@given(st.sampled_from(list(paths_of(RECORD))), values)
@example(("dynamodb", "NewImage"), ["a list"])
@example(("dynamodb", "NewImage", "nums", "NS"), [5])
def test_no_record_delays_its_neighbour(path: Path, value: Any) -> None:
    bus, queue = FakeEvents(), FakeSqs()
    with ThreadPoolExecutor(1) as executor:
        fanout = Fanout(
            FanoutSettings(BUS, "queue", 1),
            Publisher(bus, ClaimStore(FakeObjects), executor, 1),
            DeadLetterQueue(queue, ""),
        )
        counts = fanout.run([exchanged(RECORD, path, value), NEIGHBOUR], lambda: 60.0)
    assert counts["published"] + counts["parked"] == 2
    assert "event-2" in [detail["id"] for detail in bus.details]
    assert len(queue.messages) == counts["parked"]


@settings(max_examples=400)
@given(st.sampled_from(list(paths_of(EVENT))), values)
@example(("detail", "types"), {"/new/projectScore": {"N": "no number"}})
@example(("detail", "types", "/new/projectScore", "N"), "1e400")
@example(("detail", "types"), {"/new/id": {"M": {"a": "no value"}}})
@example(("detail", "at"), "no time")
@example(("detail", "new", "projectScore"), float("nan"))
@example(("detail", "new", "projectScore"), float("inf"))
def test_no_event_delays_its_neighbour(path: Path, value: Any) -> None:
    check_event(exchanged(EVENT, path, value))


@settings(max_examples=200)
@given(st.sampled_from(list(paths_of(LARGE_EVENT))), values)
def test_no_event_with_a_claim_delays_its_neighbour(path: Path, value: Any) -> None:
    check_event(exchanged(LARGE_EVENT, path, value))


def check_event(event: Any) -> None:
    table, queue = FakeDynamoDb(), FakeSqs()
    consumer = BatchProcessor(
        ConsumerSettings("leaderboard", "boards", "queue", "consumer", AttributeNames()),
        Leaderboard(table, "leaderboard", "boards", lambda _: None),
        DeadLetterQueue(queue, ""),
        ClaimStore(FakeObjects),
        PolicyTable(table, "boards"),
        announcements_of(table, FakeEvents(), 1),
    )
    events = [event, event_of(NEIGHBOUR)]
    outcome = consumer.process([Delivery(str(at), json.dumps(one)) for at, one in enumerate(events)])
    assert outcome.retry_ids == []
    assert ("neighbour", "StarWar") in table.scores
    assert len(queue.messages) == outcome.counts["parked"] <= 1
    table.check()

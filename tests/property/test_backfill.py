"""A backfill or a repair never undoes anything newer and restores what was lost, in any interleaving with the rest.

A main table, its stream, a consumer and a backfill take steps in an order that Hypothesis chooses. Each step is one
call of an engine, so writes and deliveries happen between any two reads of the backfill.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.changes.change import Change, from_event, from_record, to_detail
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.leaderboard.columns import shown_values, values_in, values_of
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Keep, Order
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.ops.recovery.comparison import Agreement, Difference, ScoreAndName
from scorecast.ops.recovery.read_change import ItemReader
from scorecast.ops.recovery.repair import Repair
from scorecast.ops.recovery.verification import Verifier
from scorecast.ops.stack.main_table import MainTable
from scorecast.runtime.settings import AttributeNames, ConsumerSettings
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.score_history import KEPT_VERSIONS
from scorecast.standings.store import Leaderboard
from tests.support.fakes import STREAM_ARN, FakeDynamoDb, FakeObjects, FakeSqs, Item, item, record
from tests.support.standings_oracle import replay, replay_columns

Happening = tuple[str, Any, Any]

PARTICIPANTS = "ab"
# Few different scores, so that an entry remembers all that may count, however late a removal arrives.
scores = st.one_of(st.none(), st.integers(0, KEPT_VERSIONS - 1))
columns = st.sampled_from(["", "penalty:ascending", "penalty:descending"])
policies = st.builds(BoardPolicy, order=st.sampled_from(Order), keep=st.sampled_from(Keep), then_by=columns)
# What happens between two calls: a write of the main table, a delivery or a loss of a waiting change, or nothing.
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(PARTICIPANTS), scores),
        st.tuples(st.just("deliver"), st.integers(0, 5), st.booleans()),
        st.tuples(st.just("lose"), st.integers(0, 5), st.just(None)),
    ),
    max_size=4,
)


def without_losses(some: list[Happening]) -> list[Happening]:
    return [one for one in some if one[0] != "lose"]


class World:
    """The main table, the changes that wait for delivery, the leaderboard; `steps` says what happens at each call."""

    def __init__(self, steps: Iterator[list[Happening]], policy: BoardPolicy = DEFAULT) -> None:
        self.policy = policy
        self.changes: list[Change] = []
        self.main: dict[str, Item] = {}
        self.waiting: list[Change] = []
        self.steps, self.sequence, self.seconds = steps, 0, 0
        self.table = FakeDynamoDb()
        self.table.declare("StarWar", policy)
        leaderboard = Leaderboard(self.table, "leaderboard", "boards", lambda _: None)
        settings_ = ConsumerSettings("leaderboard", "boards", "queue", "consumer", AttributeNames())
        dead_letters, policies = DeadLetterQueue(FakeSqs(), "queue"), PolicyTable(self.table, "boards")
        self.consumer = BatchProcessor(settings_, leaderboard, dead_letters, ClaimStore(FakeObjects), policies)

    def now(self) -> str:
        self.seconds += 1
        return f"2026-01-01T00:{self.seconds // 60:02}:{self.seconds % 60:02}.000Z"

    def happen(self) -> None:
        for kind, first, second in next(self.steps, []):
            match kind:
                case "write":
                    self.write(first, second)
                case "deliver" if self.waiting:
                    self.deliver(first % len(self.waiting), again=second)
                case "lose" if self.waiting:
                    del self.waiting[first % len(self.waiting)]

    def write(self, participant: str, score: int | None) -> None:
        old = self.main.pop(participant, None)
        new = None if score is None else item(participant, score=str(score), name=f"user {self.sequence}")
        if new:
            # Its penalty is that of the score, so that there are as few different ones.
            new |= {"penalty": {"N": str(int(score or 0) % 3)}} if score and score % 3 else {}
            self.main[participant] = new
        if new == old:
            return
        self.sequence += 1
        # All changes have the same time, as within a second: their order must not depend on clocks.
        self.changes.append(from_record(record(new, old, self.sequence)))
        self.waiting.append(self.changes[-1])

    def deliver(self, number: int, *, again: bool = False) -> None:
        """Deliver one of the waiting changes; with `again`, it stays to be delivered once more."""
        change = self.waiting[number] if again else self.waiting.pop(number)
        event = json.dumps({"resources": [STREAM_ARN], "detail": to_detail(change)})
        assert self.consumer.process([Delivery("1", event)]).retry_ids == []
        self.table.check()

    # The calls of a backfill; each is a step.

    def batch_get_item(self, *, RequestItems: Item) -> Item:
        self.happen()
        [(table, request)] = RequestItems.items()
        if table == "leaderboard":
            answer = self.table.batch_get_item(RequestItems=RequestItems)
        else:
            found = [self.main.get(key["id"]["S"]) for key in request["Keys"]]
            answer = {"Responses": {table: [dict(one) for one in found if one]}}
        self.happen()
        return answer

    def backfill(self) -> None:
        found = [dict(one) for one in self.main.values()]
        self.happen()
        self.waiting += self.reader().read(found)

    def reader(self) -> ItemReader:
        return ItemReader(self, "main", STREAM_ARN, ("id", "metadata"), "leaderboard", AttributeNames(), self.now)

    def query(self, *, ExpressionAttributeValues: Item, **_: Any) -> Item:
        self.happen()
        [participant] = [value["S"] for value in ExpressionAttributeValues.values()]
        found = [dict(self.main[participant])] if participant in self.main else []
        self.happen()
        return {"Items": found}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        self.waiting.append(from_event(json.loads(MessageBody)))

    def repair(self) -> None:
        """Repair every entry that exists or should, as if verification had found all of them wrong."""
        client: Any = self  # it has the calls that a repair makes
        table = MainTable(client, "main", AttributeNames(), {"id": "S", "metadata": "S"})
        verifier = Verifier(table, self, "leaderboard", agreement=Agreement({"StarWar": self.policy}))
        repairer = Repair(verifier, self.reader(), self, "queue")
        for participant in PARTICIPANTS:
            repairer.send(Difference(participant, "StarWar", None, None))

    @property
    def shown(self) -> dict[str, str]:
        return {participant: score for (participant, _), score in self.table.scores.items()}

    @property
    def expected(self) -> dict[str, str]:
        return {participant: one["projectScore"]["N"] for participant, one in self.main.items()}

    @property
    def replayed(self) -> dict[tuple[str, str], tuple[Decimal, str]]:
        """What the board must show if nothing was lost."""
        return replay(self.changes, {"StarWar": self.policy})

    @property
    def columns(self) -> dict[tuple[str, str], Any]:
        """The columns of every entry, by name."""
        entries = self.table.entries if self.policy.then_by else {}
        return {key: shown_values(values_in(one.tie_order, self.policy), self.policy) for key, one in entries.items()}


def settle(world: World, data: Any) -> None:
    while world.waiting:
        world.deliver(data.draw(st.integers(0, len(world.waiting) - 1)), again=False)


@settings(max_examples=200, deadline=None)
@given(st.lists(happenings.map(without_losses), min_size=6, max_size=12), policies, st.data())
def test_if_nothing_was_lost_backfills_change_nothing_in_the_end(
    steps: list[list[Happening]], policy: BoardPolicy, data: st.DataObject
) -> None:
    world = World(iter(steps), policy)
    world.write("a", 0)
    for _ in range(data.draw(st.integers(1, 2))):
        world.happen()
        repair(world, data)  # a later one would repair what an earlier one did
    settle(world, data)
    assert world.table.shown == world.replayed
    assert world.columns == replay_columns(world.changes, {"StarWar": policy})
    assert policy.keep != Keep.LATEST or world.shown == world.expected
    world.table.check()


def repair(world: World, data: Any) -> None:
    data.draw(st.sampled_from([world.backfill, world.repair]))()


@settings(max_examples=200, deadline=None)
@given(st.lists(happenings), st.data())
def test_a_repair_restores_what_was_lost(steps: list[list[Happening]], data: st.DataObject) -> None:
    world = World(iter(steps))
    for some in steps:
        world.steps = iter([some])
        world.happen()
    settle(world, data)
    world.repair()
    settle(world, data)
    assert world.shown == world.expected
    world.table.check()


@settings(max_examples=200, deadline=None)
@given(st.lists(happenings), policies, st.data())
def test_a_repaired_entry_agrees_with_its_item_and_policy(
    steps: list[list[Happening]], policy: BoardPolicy, data: st.DataObject
) -> None:
    world = World(iter(steps), policy)
    for some in steps:
        world.steps = iter([some])
        world.happen()
    settle(world, data)
    world.repair()
    settle(world, data)
    assert world.shown.keys() == world.main.keys()
    agreement = Agreement({"StarWar": policy})
    for participant, one in world.main.items():
        columns = values_in(world.table.entries[participant, "StarWar"].tie_order, policy)
        standing = ScoreAndName(*world.table.shown[participant, "StarWar"], columns=columns)
        score, name = Decimal(one["projectScore"]["N"]), one["userName"]["S"]
        assert agreement.holds("StarWar", ScoreAndName(score, name, columns=values_of(one, policy)), standing)
    world.table.check()


@settings(max_examples=200, deadline=None)
@given(st.lists(happenings), st.data())
def test_a_backfill_restores_what_was_missing_or_stale(steps: list[list[Happening]], data: st.DataObject) -> None:
    world = World(iter(steps))
    world.happen()
    world.backfill()
    for some in steps:
        world.steps = iter([some])
        world.happen()
    settle(world, data)
    world.steps = iter([])
    world.backfill()
    settle(world, data)
    # A lost removal leaves an entry without an item. A backfill reads items, so it cannot find that entry.
    assert {key: score for key, score in world.shown.items() if key in world.main} == world.expected
    world.table.check()


@settings(max_examples=200, deadline=None)
@given(st.lists(happenings, min_size=1), st.data())
def test_a_read_that_arrives_makes_no_entry_older(steps: list[list[Happening]], data: st.DataObject) -> None:
    world = World(iter(steps))
    for _ in range(3):
        world.happen()
        world.backfill()
        reads = [number for number, change in enumerate(world.waiting) if change.operation == "READ"]
        if not reads:
            continue
        before = dict(world.table.items)
        change = world.waiting[data.draw(st.sampled_from(reads))]
        world.deliver(world.waiting.index(change))
        for key, standing in before.items():
            assert world.table.items[key]["sequence"]["S"] >= standing["sequence"]["S"]
            if standing["sequence"]["S"] > change.sequence:
                assert world.table.items[key] == standing

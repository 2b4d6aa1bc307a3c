"""The counting index while it is cut, against its entries and a sorted list.

Several processes write to one board and look after its index, each with shapes that it read some time ago. Any call may
kill its process, before or after it is done. The indexes by score and by ties show an older state of the entries.
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.leaderboard.index import shape
from scorecast.leaderboard.index.entries import entry_index
from scorecast.leaderboard.index.lookup import Board, RankIndex
from scorecast.leaderboard.index.table import MIXED, ROOT, IndexTable
from scorecast.leaderboard.item import StoredEntry, read_item
from scorecast.leaderboard.order_key import score_order
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties
from scorecast.ops.boards.policies import Policies
from scorecast.ops.recovery.counters import find_faults, read_index, tally_entries
from scorecast.standings import upkeep
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from scorecast.standings.upkeep import Upkeep
from tests.support.fakes import FakeDynamoDb
from tests.support.index_oracle import check_index, key_of, read_node

BOARD = "StarWar"
SMALL = {"RANGE_ENTRIES": 6, "PART_ENTRIES": 2, "MERGED_ENTRIES": 3, "MERGED_RANGES": 3}
PROCESSES = 3


class Killed(BaseException):
    """The process ended."""


@dataclass
class Process:
    """A process that is killed at one of its next calls, if it is told to."""

    table: FakeDynamoDb
    calls_left: int = -1
    kills_after: bool = False
    leaderboard: Leaderboard = field(init=False)
    upkeep: Upkeep = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin without knowledge of any shape."""
        self.leaderboard = Leaderboard(self, "leaderboard", "boards", lambda _: None)
        index = IndexTable(self, "boards")
        self.upkeep = Upkeep(self, "leaderboard", "index", "ties", index)

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls_left -= 1
            if self.calls_left == -1 and not self.kills_after:
                raise Killed
            answer = getattr(self.table, operation)(**request)
            if self.calls_left == -1:
                raise Killed
            return answer

        return call


@pytest.fixture(autouse=True, scope="module")
def small_ranges() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(shape, name, value)
        patch.setattr(upkeep, "PAGE_RANGES", 4)
        yield


class World:
    """One board, its processes, and the state of the indexes."""

    def __init__(self, policy: BoardPolicy) -> None:
        self.table, self.policy, self.sequence, self.is_changed = FakeDynamoDb(), policy, 0, False
        self.table.declare(BOARD, policy)
        self.processes = [Process(self.table) for _ in range(PROCESSES)]

    def write(self, process: Process, writes: list[tuple[int, int | None]]) -> None:
        entries = []
        for participant, score in dict(writes).items():
            self.sequence += 1
            text, at = None if score is None else str(score), f"2026-01-01T00:00:{self.sequence % 60:02}Z"
            entry = Entry(f"p{participant}", BOARD, f"{self.sequence:040}", at, text, score_changed=True)
            entries.append(replace(entry, columns=self.columns_at(self.sequence)))
        process.leaderboard.write(entries, {BOARD: self.policy})

    def columns_at(self, sequence: int) -> tuple[str, ...]:
        """The columns that an entry has as a change leaves it: few different ones, some of them missing."""
        return tuple(str(one) if (one := sequence % prime) else "" for prime in (3, 5)[: len(self.policy.columns)])

    def change(self, policy: BoardPolicy) -> None:
        """Change the policy; what is written is not written again, so positions need a backfill."""
        self.policy, self.is_changed = policy, True
        Policies(self.table, "boards").set(BOARD, policy)

    def look(self, process: Process, participant: int) -> None:
        item = self.table.items.get((f"p{participant}", BOARD))
        if item and "projectScore" in item:
            process.upkeep.look_at(read_item(item), self.policy, inf)

    def lag(self) -> None:
        self.table.indexed = {key: dict(item) for key, item in self.table.items.items()}

    def board(self) -> Board:
        by_score, by_tie = (
            entry_index(self.table.query, "leaderboard", "index", "ties", ties=ties) for ties in (False, True)
        )
        index = RankIndex(IndexTable(self.table, "boards"), by_score, by_tie, lambda calls: [call() for call in calls])
        return index.open([BOARD])[BOARD]

    def check(self, scores: list[int]) -> None:
        """Compare every answer with a sorted list; the indexes do not lag meanwhile."""
        check_index(self.table, BOARD)
        indexed, self.table.indexed = self.table.indexed, None
        board = self.board()
        ordered = sorted(Decimal(score) for (_, _), score in self.table.scores.items())
        assert board.total == len(ordered)
        found = board.find_many([Decimal(score) for score in scores])
        for score, standing in zip(scores, found, strict=True):
            below, to = bisect_left(ordered, score), bisect_right(ordered, score)
            assert standing.above == (below if self.policy.order is Order.ASCENDING else len(ordered) - to)
        if not self.is_changed:
            self.check_positions(board)
        if ordered:
            bars = board.histogram(ordered[0], ordered[-1])
            assert sum(bar.count for bar in bars) == len(ordered)
            assert all(bar.count == sum(bar.low <= one < bar.high for one in ordered) for bar in bars)
        self.table.indexed = indexed

    def check_positions(self, board: Board) -> None:
        entries = [read_item(item) for item in self.table.items.values() if "projectScore" in item]
        # Until a board is cut, it has one range, whatever the keys.
        ties = board.root.ties or (self.policy.key_order if board.has_positions else "")
        descending = not ties and self.policy.order is Order.DESCENDING
        entries.sort(key=lambda entry: key_of(entry, ties=ties), reverse=descending)
        standings = board.find_entries(entries)
        ranks = [self.rank_of(entry) for entry in entries]
        assert [one.above for one in standings] == [sum(other < mine for other in ranks) for mine in ranks]
        positions = [standing.position for standing in standings]
        assert positions == (list(range(1, len(entries) + 1)) if board.has_positions else [None] * len(entries))
        for position, entry in enumerate(entries, 1):
            found = board.block_at(position)
            assert found is not None
            assert found.block.low <= key_of(entry, ties=ties) < found.block.high
            assert found.better < position
        assert board.block_at(len(entries) + 1) is None

    def rank_of(self, entry: StoredEntry) -> list[tuple[bool, Decimal]]:
        """What ranks an entry, smaller for a better one: the score, and the columns of its change."""
        columns = self.columns_at(int(entry.sequence))
        pairs = zip(columns, self.policy.columns, strict=True)
        return [
            (False, self.policy.order.sort_key(entry.number)),
            *((not value, column.order.sort_key(Decimal(value or 0))) for value, column in pairs),
        ]


participants = st.integers(0, 60)
scores = st.one_of(st.none(), st.integers(-3, 3), st.integers(-40, 40))
writes = st.tuples(st.just("write"), st.lists(st.tuples(participants, scores), min_size=1, max_size=12))
looks = st.tuples(st.just("look"), participants)
lags = st.tuples(st.just("lag"), st.none())
columns = st.sampled_from(["", "", "a:ascending", "a:descending,b:ascending"])
policies = st.builds(BoardPolicy, order=st.sampled_from(Order), ties=st.sampled_from(Ties), then_by=columns)
changes = st.tuples(st.just("change"), policies)


def steps_of(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Steps: which process does what, after how many calls it is killed, and whether the last one is done first."""
    one = st.tuples(st.integers(0, PROCESSES - 1), st.one_of(*kinds), st.integers(0, 40), st.booleans())
    return st.lists(one, min_size=10, max_size=60)


def run(policy: BoardPolicy, chosen: list[Any], seed: int) -> None:
    """Take the steps; after each the counts equal the entries, and after some every answer is that of a sorted list."""
    random.seed(seed)
    world = World(policy)
    for number, (kind, argument), calls, kills_after in chosen:
        process = world.processes[number]
        process.calls_left, process.kills_after = calls, kills_after
        try:
            if kind == "write":
                world.write(process, argument)
            elif kind == "look":
                world.look(process, argument)
            elif kind == "change":
                world.change(argument)
            else:
                world.lag()
        except Killed:
            process.start()
        check_index(world.table, BOARD)
        if calls % 4 == 0:
            world.check([-41, -3, 0, 2, 17])
    world.table.indexed = None
    for process in world.processes:
        process.calls_left = -1
        for participant in range(61):
            world.look(process, participant)
    world.check(list(range(-41, 42, 3)))


@settings(max_examples=100, deadline=None)
@given(policies, steps_of(writes, looks, looks, lags), st.integers(0, 2**32))
def test_every_answer_is_exact_in_every_state(policy: BoardPolicy, chosen: list[Any], seed: int) -> None:
    run(policy, chosen, seed)


@settings(max_examples=50, deadline=None)
@given(policies, steps_of(writes, writes, looks, looks, changes), st.integers(0, 2**32))
def test_ranks_are_exact_whatever_becomes_of_the_policy(policy: BoardPolicy, chosen: list[Any], seed: int) -> None:
    run(policy, chosen, seed)


def begin_first_cut(world: World) -> Process:
    """Let a process begin to cut a board by ties, and die before it fences anyone; return one that knows no cut."""
    writer, cutter = world.processes[:2]
    world.write(writer, [(participant, 0) for participant in range(7)])
    cutter.calls_left = 6
    with pytest.raises(Killed):
        world.look(cutter, 0)
    root = read_node(world.table, BOARD, ROOT)
    assert root.shape.move
    assert all(shard.fence < root.shape.version for shard in root.shards)
    for process in world.processes[1:]:
        process.start()
        process.calls_left = -1
    return writer


@pytest.mark.parametrize(("columns", "ties_after"), [("", "descending"), ("a:ascending", MIXED)])
def test_an_entry_that_arrives_without_a_place_among_ties_during_the_first_cut_is_counted(
    columns: str, ties_after: str
) -> None:
    """Its writer knows neither of the cut nor of the policy by which the board is cut."""
    ordered = BoardPolicy(ties=Ties.EARLIEST, then_by=columns)
    world = World(ordered)
    writer = begin_first_cut(world)
    world.policy, world.is_changed = BoardPolicy(), True
    world.write(writer, [(7, 0)])
    world.change(ordered)
    world.check([-1, 0, 1])
    assert not faults_of(world)
    for process in world.processes[1:]:
        world.look(process, 0)
    root = read_node(world.table, BOARD, ROOT)
    assert (root.ties, root.shape.move) == (ties_after, None)
    placed = read_item(world.table.items["p7", BOARD])
    assert placed.tie_order
    assert placed.follows(ordered.key_order) == (not columns)
    world.check([-1, 0, 1])
    assert not faults_of(world)


def faults_of(world: World) -> list[str]:
    """What `scorecast verify` says of the index."""
    index = read_index(world.table, "boards")
    entries = [read_item(item) for item in world.table.items.values()]
    return [str(fault) for fault in find_faults(index, tally_entries([entries], index, lambda _: None))]


def test_a_writer_that_learns_of_a_cut_from_an_entry_gives_it_a_place_among_ties() -> None:
    world = World(BoardPolicy(ties=Ties.EARLIEST))
    writer = begin_first_cut(world)
    world.policy, world.is_changed = BoardPolicy(), True
    world.write(world.processes[1], [(7, 0)])
    world.write(writer, [(7, 0)])
    assert read_item(world.table.items["p7", BOARD]).tie_order
    world.check([-1, 0, 1])


@pytest.mark.parametrize(
    "policy",
    [BoardPolicy(), BoardPolicy(order=Order.ASCENDING, ties=Ties.EARLIEST), BoardPolicy(then_by="a:ascending")],
)
def test_a_board_grows_to_pages_and_shrinks_again(policy: BoardPolicy) -> None:
    """What random steps reach seldom is all reached here: pages that are cut and joined."""
    world, draw = World(policy), random.Random(1)
    process = world.processes[0]
    for at in range(0, 240, 4):
        world.write(process, [(participant, draw.randrange(1000)) for participant in range(at, at + 4)])
        for participant in range(at, at + 4):
            world.look(process, participant)
        check_index(world.table, BOARD)
    world.check([0, 500, 999])
    full = read_node(world.table, BOARD, ROOT).shape
    assert full.is_inner
    assert len(full.ids) > 4
    for at in range(0, 232, 4):
        for participant in range(at, at + 4):
            item = read_item(world.table.items[f"p{participant}", BOARD])
            world.write(process, [(participant, None)])
            process.upkeep.look_at(item, policy, inf)
        check_index(world.table, BOARD)
    world.check([0, 500, 999])
    assert len(read_node(world.table, BOARD, ROOT).shape.ids) * 2 < len(full.ids)


def test_a_score_of_many_has_a_range_of_its_own() -> None:
    world = World(BoardPolicy())
    for participant in range(40):
        world.write(world.processes[0], [(participant, 7 if participant % 4 else participant)])
        world.look(world.processes[0], participant)
        world.check([6, 7, 8])
    seven = score_order(Decimal(7))
    _, holding = world.processes[0].leaderboard.shapes.of(BOARD, []).node_at(seven)
    assert [block.low for block in holding.blocks if block.is_single] == [seven]

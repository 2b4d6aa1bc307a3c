"""However the leaderboard's tables were edited by hand, one `verify --repair`, or `rebuild`, makes everything right.

Hypothesis chooses the edits, the policies, and what other writers do between two pages of a scan.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from math import inf
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.cli import app, verify
from scorecast.leaderboard.index import shape
from scorecast.leaderboard.index.entries import entry_index
from scorecast.leaderboard.index.lookup import RankIndex
from scorecast.leaderboard.index.table import IndexTable
from scorecast.leaderboard.order_key import score_order
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order, Ties
from scorecast.ops.recovery.rebuild import correct, rebuild
from scorecast.ops.stack.polling import Clock
from scorecast.standings import upkeep
from tests.support.fakes import item
from tests.support.ops_fakes import FakeClock
from tests.support.repair_system import RepairSystem

Write = tuple[tuple[str, str], str | None]
Writes = list[Write]
Edits = list[Callable[[RepairSystem, Any], None]]

PARTICIPANTS, BOARDS = "abcdefgh", ("StarWar", "WarCraft")
KINDS = ("missing", "extra", "stale", "miscounts", "misplaced", "broken", "unlisted")
LOOKED_UP = (-1, 0, 7, 30, 60, 99)
SMALL = {"RANGE_ENTRIES": 2, "PART_ENTRIES": 1, "MERGED_ENTRIES": 1, "MERGED_RANGES": 2, "PAGE_RANGES": 2}
keys = st.tuples(st.sampled_from(PARTICIPANTS), st.sampled_from(BOARDS))
scores = st.one_of(st.none(), st.sampled_from(["0", "-0.5", "7", "60", "1234567"]))
writes = st.tuples(keys, scores)
integers = st.integers(-3, 9).map(lambda number: {"N": str(number)})
texts = st.sampled_from(["", "1", "1 2", " 2", " 2131 21316", "0 5", "~", "high", "b c"]).map(lambda text: {"S": text})
ticks = st.sampled_from([2, 3, 4, inf])
orders = st.sampled_from(["descending", "ascending", "mixed", "x"]).map(lambda text: {"S": text})
columns = st.sampled_from(["", "", "penalty:ascending", "penalty:descending,solvedAt:ascending"])
policies = st.builds(
    BoardPolicy, order=st.sampled_from(Order), keep=st.sampled_from(Keep), ties=st.sampled_from(Ties), then_by=columns
)


def remove(system: RepairSystem, draw: Any) -> None:
    """Delete an entry or a tombstone."""
    if system.table.items:
        del system.table.items[draw(st.sampled_from(sorted(system.table.items)))]


def change_score(system: RepairSystem, draw: Any) -> None:
    if system.table.scores:
        key = draw(st.sampled_from(sorted(system.table.scores)))
        system.table.items[key] = system.table.items[key] | {"projectScore": {"N": draw(st.sampled_from(["1", "99"]))}}


def change_name(system: RepairSystem, draw: Any) -> None:
    if system.table.scores:
        key = draw(st.sampled_from(sorted(system.table.scores)))
        system.table.items[key] = system.table.items[key] | {"userName": {"S": "Eve"}}


def copy_to_another(system: RepairSystem, draw: Any) -> None:
    """Add an entry, as a copy of another one."""
    if system.table.scores:
        key, (participant, board) = draw(st.sampled_from(sorted(system.table.scores))), draw(keys)
        moved = {"id": {"S": participant}, "metadata": {"S": board}, "hackathonName": {"S": board}}
        moved |= {"tieBoard": {"S": board}} if "tieBoard" in system.table.items[key] else {}
        system.table.items[participant, board] = system.table.items[key] | moved


def add_by_hand(system: RepairSystem, draw: Any) -> None:
    """Put an entry as somebody would in the console: without the version that ConsumerLambda writes."""
    participant, board = draw(keys)
    bare = {"hackathonName": {"S": board}, "projectScore": {"N": draw(st.sampled_from(["1", "99"]))}}
    system.table.items[participant, board] = {"id": {"S": participant}, "metadata": {"S": board}} | bare


def change_range(system: RepairSystem, draw: Any) -> None:
    """Let an entry name another range, or none."""
    if system.table.scores:
        key = draw(st.sampled_from(sorted(system.table.scores)))
        named = draw(st.sampled_from(["", "0", "1", "2", "5", "ZZ", "none such"]))
        item = {name: value for name, value in system.table.items[key].items() if name != "range"}
        system.table.items[key] = item | ({"range": {"S": named}} if named else {})


def change_place_among_ties(system: RepairSystem, draw: Any) -> None:
    """Give an entry another place among ties, or none."""
    if tied := [key for key in sorted(system.table.scores) if "tieOrder" in system.table.items[key]]:
        key = draw(st.sampled_from(tied))
        item = {name: value for name, value in system.table.items[key].items() if not name.startswith("tie")}
        place = draw(st.sampled_from(["", score_order(Decimal(7)) + "/2020-01-01T00:00:00.000000/1"]))
        system.table.items[key] = item | ({"tieBoard": {"S": key[1]}, "tieOrder": {"S": place}} if place else {})


def change_counter(system: RepairSystem, draw: Any) -> None:
    if counters := index_items(system, "counters/"):
        key = draw(st.sampled_from(counters))
        changes = {"0": integers, "1": integers, "3": integers, "f": integers, "n": integers, "at": texts, "B7": texts}
        name = draw(st.sampled_from(sorted(changes)))
        system.table.board_items[key] = system.table.board_items[key] | {name: draw(changes[name])}


def change_shape(system: RepairSystem, draw: Any) -> None:
    if shapes := index_items(system, "shape/"):
        key = draw(st.sampled_from(shapes))
        changes = {"version": integers, "starts": texts, "ids": texts, "high": texts, "next": integers, "ties": orders}
        name = draw(st.sampled_from([*changes, "move", "pages"]))
        shape = {one: value for one, value in system.table.board_items[key].items() if one != name}
        system.table.board_items[key] = shape | (
            {name: draw(changes[name])} if name in changes and draw(st.booleans()) else {}
        )


def copy_a_shape(system: RepairSystem, draw: Any) -> None:
    """Put the shape of a node in the place of another one's: it is valid, but does not fit."""
    if shapes := index_items(system, "shape/"):
        one, (collection, board) = draw(st.sampled_from(shapes)), draw(st.sampled_from(shapes))
        key = {"collection": {"S": collection}, "name": {"S": board}}
        system.table.board_items[collection, board] = system.table.board_items[one] | key


def delete_from_the_board_table(system: RepairSystem, draw: Any) -> None:
    """Delete a shape, a shard, or a board from the list."""
    deletable = [key for key in sorted(system.table.board_items) if not key[0].startswith("polic")]
    if deletable:
        del system.table.board_items[draw(st.sampled_from(deletable))]


def delete_an_index(system: RepairSystem, draw: Any) -> None:
    """Delete all that the board table holds of the index of a board."""
    board = draw(st.sampled_from(BOARDS))
    for key in [*index_items(system, "counters/"), *index_items(system, "shape/")]:
        if key[1] == board:
            del system.table.board_items[key]


def leave_a_node(system: RepairSystem, draw: Any) -> None:
    """Add items that belong to no node, as version 0.1 wrote them too."""
    collection = draw(st.sampled_from(["counters/3/132.99/StarWar", "counters/0/132/StarWar", "shape/QQ/StarWar"]))
    counts = {"node": {"S": "132"}, "b7": {"N": "3"}, "at": {"S": "2026"}}
    system.table.board_items[collection, "StarWar"] = {
        "collection": {"S": collection},
        "name": {"S": "StarWar"},
    } | counts


def change_policy(system: RepairSystem, draw: Any) -> None:
    """Change the order of a board; what counts stays, since a policy recomputes no entry."""
    board, other = draw(st.sampled_from(BOARDS)), draw(policies)
    policy = system.table.policy_of(board)
    order = other.order if policy.keep is Keep.LATEST else policy.order
    system.table.declare(board, replace(policy, order=order, ties=other.ties, then_by=other.then_by))


def index_items(system: RepairSystem, prefix: str) -> list[tuple[str, str]]:
    return sorted(key for key in system.table.board_items if key[0].startswith(prefix))


def list_another_board(system: RepairSystem, draw: Any) -> None:
    name = draw(st.sampled_from([*BOARDS, "Ghost"]))
    system.table.board_items["boards", name] = {"collection": {"S": "boards"}, "name": {"S": name}}


edits = st.lists(
    st.sampled_from(
        [
            remove,
            change_score,
            change_name,
            copy_to_another,
            add_by_hand,
            change_range,
            change_place_among_ties,
            change_counter,
            change_shape,
            copy_a_shape,
            delete_an_index,
            leave_a_node,
            change_policy,
            delete_from_the_board_table,
            list_another_board,
        ]
    ),
    min_size=1,
    max_size=6,
)


def run(system: RepairSystem, *options: str) -> Result:
    fake = FakeClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "open_stack", lambda _: system.stack)
        patch.setattr(verify, "correct", partial(correct, clock=Clock(fake.now, fake.sleep)))
        return CliRunner(mix_stderr=False).invoke(app, ["verify", "--settle", "0", "--json", *options])


def put(system: RepairSystem, write: Write) -> None:
    (participant, board), score = write
    penalty = {"penalty": {"N": str(system.sequence % 3)}} if system.sequence % 3 else {}
    system.write(None if score is None else item(participant, board, score) | penalty, participant, board)


@pytest.fixture(autouse=True, scope="module")
def small_ranges() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(shape, name, value)
        patch.setattr(upkeep, "PAGE_RANGES", SMALL["PAGE_RANGES"])
        yield


def prepared(before: Writes, made: Edits, policy: BoardPolicy, data: st.DataObject) -> RepairSystem:
    """A system whose boards were cut, and then edited."""
    system = RepairSystem()
    system.table.declare("StarWar", policy)
    for number, write in enumerate(before):
        put(system, write)
        if number % 3 == 0:
            system.look_after(write[0][1], data.draw(ticks))
    for edit in made:
        edit(system, data.draw)
    if any(is_forgotten(system, board) for board in BOARDS):
        # Only a process that has not listed such a board before lists it.
        system.start_processes()
    return system


def is_forgotten(system: RepairSystem, board: str) -> bool:
    """Whether a board is neither listed nor has entries, so that there may be no trace of it."""
    return ("boards", board) not in system.table.board_items and board not in {name for _, name in system.table.scores}


def check(system: RepairSystem) -> None:
    """Compare the index with the entries, and ranks with those of a sorted list."""
    system.table.check()
    by_score, by_tie = (
        entry_index(system.table.query, "leaderboard", "index", "ties", ties=ties) for ties in (False, True)
    )
    client: Any = system.table
    index = RankIndex(IndexTable(client, "boards"), by_score, by_tie, lambda calls: [call() for call in calls])
    for name, board in index.open(BOARDS).items():
        scores = [Decimal(score) for (_, other), score in system.table.scores.items() if other == name]
        assert board.total == len(scores)
        found = board.find_many([Decimal(score) for score in LOOKED_UP])
        is_better = board.policy.order.is_better
        assert [one.above for one in found] == [sum(is_better(one, Decimal(at)) for one in scores) for at in LOOKED_UP]


others = st.lists(st.lists(writes, max_size=2), max_size=12)


def go_on(system: RepairSystem, meanwhile: list[Writes]) -> Iterator[Writes]:
    """Have others write before each page of a scan; return what they have not written yet."""
    coming = iter(meanwhile)

    def write_some() -> None:
        for write in next(coming, []):
            put(system, write)

    system.before_scan = write_some
    return coming


@settings(max_examples=200, deadline=None)
@given(st.lists(writes, min_size=5, max_size=30), edits, policies, others, st.data())
def test_one_repair_makes_everything_right(
    before: Writes, made: Edits, policy: BoardPolicy, meanwhile: list[Writes], data: st.DataObject
) -> None:
    system = prepared(before, made, policy, data)
    coming = go_on(system, meanwhile)
    repaired = run(system, "--repair")
    assert repaired.exit_code == 0, repaired.exception
    system.before_scan = lambda: None
    for write in (write for some in coming for write in some):
        put(system, write)
    again = run(system)
    assert again.exit_code == 0, (repaired.stdout, again.stdout)
    answer = json.loads(again.stdout)
    found = {name: answer[name] for name in KINDS}
    assert not any(found.values()), found
    assert (system.mapping.state, system.waiting, system.parked.messages) == ("Enabled", [], [])
    check(system)


@settings(max_examples=200, deadline=None)
@given(st.lists(writes, min_size=5, max_size=30), edits, policies, others, st.data())
def test_one_rebuild_makes_the_index_right(
    before: Writes, made: Edits, policy: BoardPolicy, meanwhile: list[Writes], data: st.DataObject
) -> None:
    """Warm processes know the shapes from before the edits, and go on."""
    system = prepared(before, made, policy, data)
    coming = go_on(system, meanwhile)
    fake = FakeClock()
    rebuild(system.stack, lambda _: None, lambda _: None, Clock(fake.now, fake.sleep))
    assert (system.mapping.state, system.waiting, system.parked.messages) == ("Enabled", [], [])
    check(system)
    system.before_scan = lambda: None
    for write in (write for some in coming for write in some):
        put(system, write)
        system.look_after(write[0][1])
    assert system.waiting == []
    check(system)
    rebuild(system.stack, lambda _: None, lambda _: None, Clock(fake.now, fake.sleep))
    again = rebuild(system.stack, lambda _: None, lambda _: None, Clock(fake.now, fake.sleep))
    assert (again.replaced, again.moved) == ([], 0)


def test_a_deleted_counter_that_counted_nothing_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its fence, it would take the update of a process that knows the board from before it was cut."""
    system = RepairSystem()
    for consumer in system.consumers:
        consumer.leaderboard._shard = 1
    # The entries are moved in another shard, so those that were added in the first are removed there.
    monkeypatch.setattr(random, "randrange", lambda _: 0)
    for participant in "debc":
        put(system, ((participant, "WarCraft"), "0"))
    for _ in range(3):
        system.look_after("WarCraft")
    deleted = system.table.board_items.pop(("counters/1//WarCraft", "WarCraft"))
    assert [count["N"] for name, count in deleted.items() if name.isdigit()] == ["0", "0"]
    go_on(system, [[(("a", "WarCraft"), "0")]])
    fake = FakeClock()
    rebuild(system.stack, lambda _: None, lambda _: None, Clock(fake.now, fake.sleep))
    check(system)

"""However the leaderboard's tables were edited by hand, one `verify --repair` makes everything right.

Hypothesis chooses the edits, the policies, and what other writers do between two pages of a scan.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.cli import app, verify
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order, Ties
from scorecast.ops.recovery.rebuild import correct
from scorecast.ops.stack.polling import Clock
from tests.support.fakes import item
from tests.support.ops_fakes import FakeClock
from tests.support.repair_system import RepairSystem

Write = tuple[tuple[str, str], str | None]
Writes = list[Write]
Edits = list[Callable[[RepairSystem, Any], None]]

PARTICIPANTS, BOARDS = "abc", ("StarWar", "WarCraft")
keys = st.tuples(st.sampled_from(PARTICIPANTS), st.sampled_from(BOARDS))
scores = st.one_of(st.none(), st.sampled_from(["0", "-0.5", "7", "60", "1234567"]))
writes = st.tuples(keys, scores)
policies = st.builds(BoardPolicy, order=st.sampled_from(Order), keep=st.sampled_from(Keep), ties=st.sampled_from(Ties))


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
        system.table.items[participant, board] = system.table.items[key] | moved


def add_by_hand(system: RepairSystem, draw: Any) -> None:
    """Put an entry as somebody would in the console: without the version that ConsumerLambda writes."""
    participant, board = draw(keys)
    bare = {"hackathonName": {"S": board}, "projectScore": {"N": draw(st.sampled_from(["1", "99"]))}}
    system.table.items[participant, board] = {"id": {"S": participant}, "metadata": {"S": board}} | bare


def change_counter(system: RepairSystem, draw: Any) -> None:
    if counters := [key for key in sorted(system.table.board_items) if key[0].startswith("counters/")]:
        key = draw(st.sampled_from(counters))
        bucket = draw(st.sampled_from(["b0", "b131", "b-7"]))
        system.table.board_items[key] = system.table.board_items[key] | {bucket: {"N": str(draw(st.integers(-3, 3)))}}


def delete_from_the_board_table(system: RepairSystem, draw: Any) -> None:
    """Delete a node's shard, or a board from the list."""
    deletable = [key for key in sorted(system.table.board_items) if not key[0].startswith("polic")]
    if deletable:
        del system.table.board_items[draw(st.sampled_from(deletable))]


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
            change_counter,
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
    system.write(None if score is None else item(participant, board, score), participant, board)


@settings(max_examples=150, deadline=None)
@given(st.lists(writes, max_size=12), edits, policies, st.lists(st.lists(writes, max_size=2), max_size=12), st.data())
def test_one_repair_makes_everything_right(
    before: Writes, made: Edits, policy: BoardPolicy, meanwhile: list[Writes], data: st.DataObject
) -> None:
    system = RepairSystem()
    system.table.declare("StarWar", policy)
    for write in before:
        put(system, write)
    for edit in made:
        edit(system, data.draw)
    others = iter(meanwhile)

    def write_some() -> None:
        for write in next(others, []):
            put(system, write)

    system.before_scan = write_some
    repaired = run(system, "--repair")
    assert repaired.exit_code == 0, repaired.exception
    system.before_scan = lambda: None
    for write in (write for some in others for write in some):
        put(system, write)
    again = run(system)
    assert again.exit_code == 0, (repaired.stdout, again.stdout)
    answer = json.loads(again.stdout)
    found = {name: answer[name] for name in ("missing", "extra", "stale", "miscounts", "unlisted")}
    assert not any(found.values()), found
    assert (system.mapping.state, system.waiting, system.parked.messages) == ("Enabled", [], [])
    system.table.check()

"""After any mix of faults every change is on the bus, in the dead-letter queue or still to be delivered. After a
redrive the leaderboard equals the main table, or what its boards' policies require, and its counters its entries."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from scorecast.changes.change import iso_time
from scorecast.fanout import plan
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order, Ties
from scorecast.standings.score_history import KEPT_VERSIONS
from tests.support.chaos import LARGE, LARGE_BYTES, POISON, START_S, World
from tests.support.fault_schedule import FAULTS, KILLS

Step = tuple[str, Any]
Fault = str | None

BOARDS = ["StarWar", "WarCraft"]


@pytest.fixture(scope="module", autouse=True)
def _small_bus() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "ENTRY_BYTES", LARGE_BYTES)
        yield


def steps_of(scores: st.SearchStrategy[int]) -> st.SearchStrategy[list[Step]]:
    """What happens: writes of the main table, deliveries, repeats and redrives."""
    states = st.one_of(st.none(), st.tuples(st.sampled_from(BOARDS), st.one_of(st.none(), scores)))
    return st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.tuples(st.sampled_from(["a", "b", LARGE, POISON]), states)),
            st.tuples(st.just("trigger"), st.tuples(st.integers(1, 12))),
            st.tuples(st.just("consume"), st.tuples(st.lists(st.integers(0, 12), min_size=1, max_size=6))),
            st.tuples(st.just("repeat"), st.tuples(st.integers(0, 20))),
            st.tuples(st.just("redrive"), st.just(())),
            st.tuples(st.just("spoil"), st.just(())),
        ),
        min_size=5,
        max_size=40,
    )


# Few different scores, so that an entry remembers all that may count, however late a removal arrives.
few_scores = st.integers(-2, KEPT_VERSIONS - 3)
policies = st.builds(
    BoardPolicy,
    order=st.sampled_from(Order),
    keep=st.sampled_from(Keep),
    ties=st.sampled_from(Ties),
    closes_at=st.one_of(st.none(), st.integers(0, 30).map(lambda seconds: iso_time(START_S + seconds))),
)
# Runs of calls succeed or fail, each run as long as it says. The schedule ends, so that the system can come to rest.
turns = st.tuples(st.one_of(st.none(), st.sampled_from(FAULTS)), st.integers(1, 12))
faults = st.lists(turns, max_size=20).map(lambda some: [fault for fault, calls in some for _ in range(calls)])


@settings(max_examples=150, deadline=None)
@given(steps_of(st.integers(-2, 9)), faults)
def test_nothing_is_lost_and_a_redrive_makes_the_leaderboard_right(made: list[Step], given_: list[Fault]) -> None:
    run(World(iter(given_)), made)


@settings(max_examples=150, deadline=None)
@given(steps_of(few_scores), faults, st.fixed_dictionaries(dict.fromkeys(BOARDS, policies)))
def test_a_redrive_makes_the_leaderboard_right_by_the_boards_policies(
    made: list[Step], given_: list[Fault], declared: dict[str, BoardPolicy]
) -> None:
    run(World(iter(given_), declared), made)


def run(world: World, made: list[Step]) -> None:
    """Take the steps, and let the system come to rest."""
    for kind, arguments in made:
        getattr(world, kind)(*arguments)
        world.check()
    world.settle()
    note(f"injected {dict(world.aws.injected)}")
    world.check_rest()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(FAULTS), min_size=150, max_size=150))
def test_nothing_is_lost_while_everything_fails(given_: list[str]) -> None:
    world = World(iter(given_))
    for at in range(30):
        world.write(["a", "b", LARGE][at % 3], ("StarWar", at))
        world.trigger(5)
        world.consume([0, 1, 2])
        world.check()
    world.settle()
    world.check_rest()


def busy_day(schedule: list[Fault]) -> World:
    """Changes of every kind, a record that cannot be read, a batch given up, redrives: they make every call."""
    world = World(iter(schedule))
    for at, state in enumerate(
        [("StarWar", 1), ("StarWar", 2), ("WarCraft", 2), ("WarCraft", None), None, ("StarWar", 3)]
    ):
        world.write("a", state)
        world.write(["b", POISON, LARGE][at % 3], ("StarWar", at))
    world.spoil()
    world.give_up(4)
    world.trigger(6)
    world.consume([0, 1, 2])
    world.repeat(1)
    world.redrive()
    world.write("b", ("WarCraft", 9))
    world.settle()
    world.check_rest()
    return world


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_one_call_loses_nothing(fault: str) -> None:
    calls = busy_day([]).aws.calls
    injected = [busy_day([None] * at + [fault]).aws.injected[fault] for at in range(calls)]
    # A fault of some entries has no effect on a call without entries; every other fault takes effect.
    assert sum(injected) == calls if fault != "some entries" else sum(injected) > calls / 2


@pytest.mark.parametrize("kill", KILLS)
def test_a_process_killed_at_any_call_and_killed_again_loses_nothing(kill: str) -> None:
    calls = busy_day([]).aws.calls
    for first, later in product(range(calls), (0, 1, 5)):
        assert busy_day([None] * first + [kill] + [None] * later + [kill]).aws.injected[kill] >= 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_lasts_loses_nothing_whenever_it_starts(fault: str) -> None:
    for at in range(busy_day([]).aws.calls):
        assert busy_day([None] * at + [fault] * 8).aws.injected[fault] >= 1

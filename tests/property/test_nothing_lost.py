"""After any mix of faults every change is on the bus, in the dead-letter queue or still to be delivered; and after a
redrive the leaderboard equals the main table, and its counters its entries."""

from collections import Counter
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.chaos import FAULTS, LARGE, POISON, World

states = st.one_of(
    st.none(), st.tuples(st.sampled_from(["StarWar", "WarCraft"]), st.one_of(st.none(), st.integers(-2, 9)))
)
steps = st.lists(
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
# Calls succeed and fail by turns, for as many calls as it says; the schedule runs out, so that all can come to rest.
turns = st.tuples(st.one_of(st.none(), st.sampled_from(FAULTS)), st.integers(1, 12))
faults = st.lists(turns, max_size=20).map(lambda some: [fault for fault, calls in some for _ in range(calls)])


@settings(max_examples=150, deadline=None)
@given(steps, faults)
def test_nothing_is_lost_and_a_redrive_makes_the_leaderboard_right(made: list[tuple[str, Any]], given_: list) -> None:
    world = World(iter(given_))
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


def test_every_kind_of_fault_is_injected_at_every_kind_of_call() -> None:
    met: Counter[str] = Counter()
    for kind in FAULTS:
        for late in range(20):
            world = World(iter([None] * late + [kind] * 3))
            for at in range(8):
                world.write(["a", POISON, "b", LARGE][at % 4], ("StarWar", at))
            world.settle()
            world.check_rest()
            met += world.aws.injected
    assert set(met) == set(FAULTS)

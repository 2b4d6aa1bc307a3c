"""After any mix of faults every change is on the bus, in the dead-letter queue or still to be delivered; and after a
redrive the leaderboard equals the main table, or what its boards' policies make of it, and its counters its entries."""

from collections import Counter
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from scorecast.change import iso_time
from scorecast.ranks.policy import BoardPolicy, Keep, Order
from scorecast.standings.lifetime import STEPS
from tests.chaos import FAULTS, LARGE, POISON, START_S, World

BOARDS = ["StarWar", "WarCraft"]


def steps_of(scores: st.SearchStrategy[int]) -> st.SearchStrategy[list]:
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


# So few different scores that however late a removal comes, an entry remembers all that may count.
few_scores = st.integers(-2, STEPS - 3)
policies = st.builds(
    BoardPolicy,
    order=st.sampled_from(Order),
    keep=st.sampled_from(Keep),
    closes_at=st.one_of(st.none(), st.integers(0, 30).map(lambda seconds: iso_time(START_S + seconds))),
)
# Calls succeed and fail by turns, for as many calls as it says; the schedule runs out, so that all can come to rest.
turns = st.tuples(st.one_of(st.none(), st.sampled_from(FAULTS)), st.integers(1, 12))
faults = st.lists(turns, max_size=20).map(lambda some: [fault for fault, calls in some for _ in range(calls)])


@settings(max_examples=150, deadline=None)
@given(steps_of(st.integers(-2, 9)), faults)
def test_nothing_is_lost_and_a_redrive_makes_the_leaderboard_right(made: list[tuple[str, Any]], given_: list) -> None:
    run(World(iter(given_)), made)


@settings(max_examples=150, deadline=None)
@given(steps_of(few_scores), faults, st.fixed_dictionaries(dict.fromkeys(BOARDS, policies)))
def test_a_redrive_makes_the_leaderboard_right_by_the_boards_policies(
    made: list[tuple[str, Any]], given_: list, declared: dict[str, BoardPolicy]
) -> None:
    run(World(iter(given_), declared), made)


def run(world: World, made: list[tuple[str, Any]]) -> None:
    """Take the steps, and let all come to rest."""
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

"""Under any mix of changes, repeats, faults and consumers, the standing events tell the true top of a board."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scorecast.leaderboard.policy import BoardPolicy, Keep, Order, Ties
from tests.support.fakes import Item, client_error
from tests.support.fault_schedule import Killed
from tests.support.standings_fakes import Call, System, event

BOARDS = ["one", "two"]
# A participant's score on a board is set, or the item removed; few scores, so that there are ties.
steps = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(-2, 6)), st.sampled_from(BOARDS)),
    min_size=1,
    max_size=24,
)
columns = st.sampled_from(["", "penalty:ascending", "penalty:descending"])
policies = st.builds(
    BoardPolicy, order=st.sampled_from(Order), keep=st.sampled_from(Keep), ties=st.sampled_from(Ties), then_by=columns
)
declarations = st.fixed_dictionaries(dict.fromkeys(BOARDS, policies))
# Which of the calls fail, and how; the others succeed.
faults = st.lists(st.sampled_from([None, None, None, "refuse", "lose the answer", "kill"]), max_size=40)


def _system(places: int, declared: dict[str, BoardPolicy]) -> System:
    system = System(places)
    for board, policy in declared.items():
        system.table.declare(board, policy)
    return system


def _events(made: list[tuple[str, int | None, str]]) -> list[str]:
    texts = (
        (name, None if score is None else str(score), at, board) for at, (name, score, board) in enumerate(made, 1)
    )
    return [event(*one) for one in texts]


def _take(system: System, batch: list[str], schedule: list[str | None]) -> None:
    """Deliver a batch until nothing of it is to be retried; calls fail as long as the schedule lasts."""

    def fail(_: Call) -> None:
        match schedule.pop() if schedule else None:
            case "refuse":
                raise client_error("InternalServerError", 500)
            case "kill":
                raise Killed

    def lose(_: Call) -> None:
        if schedule and schedule[-1] == "lose the answer":
            schedule.pop()
            raise client_error("InternalServerError", 500)

    while batch:
        try:
            outcome = system.process(*batch, processor=system.watched([], before=fail, after=lose))
            batch = [batch[int(name)] for name in outcome.retry_ids]
        except (Killed, Exception):
            assert schedule is not None


@settings(deadline=None)
@given(steps, st.data(), st.integers(1, 4), declarations, faults)
def test_a_consumer_that_replays_the_events_knows_the_true_top(
    made: list[Any], data: st.DataObject, places: int, declared: dict[str, BoardPolicy], schedule: list[str | None]
) -> None:
    delivered = data.draw(st.permutations(_events(made)))
    size = data.draw(st.integers(1, 8))
    system = _system(places, declared)
    for at in range(0, len(delivered), size):
        _take(system, list(delivered[at : at + size]), schedule)
    system.check()
    by_id: Item = {}
    for detail in system.events.details:
        assert by_id.setdefault(detail["id"], detail) == detail
    transitions = {
        (one["DetailType"], json.dumps(by_id[json.loads(one["Detail"])["id"]])) for one in system.events.taken
    }
    assert len(transitions) == len(by_id)


@settings(deadline=None)
@given(steps, steps, st.integers(0, 14), st.integers(1, 4), declarations)
def test_the_changes_of_two_concurrent_consumers_are_both_told(
    made: list[Any], others: list[Any], at: int, places: int, declared: dict[str, BoardPolicy]
) -> None:
    system, calls = _system(places, declared), list[Call]()
    events = _events([*made, *others])

    def interfere(_: Call) -> None:
        if len(calls) == at:
            _take(system, events[len(made) :], [])

    outcome = system.process(*events[: len(made)], processor=system.watched(calls, before=interfere))
    _take(system, [events[int(name)] for name in outcome.retry_ids], [])
    _take(system, events[len(made) :] if len(calls) < at else [], [])
    system.check()

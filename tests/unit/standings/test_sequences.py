"""ConsumerLambda and changes of one participant that come together, cross each other, or lose their score."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from threading import Lock
from typing import Any

import pytest

from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.store import Leaderboard
from tests.support.consumer_system import SETTINGS, System, event
from tests.support.fakes import FakeDynamoDb, item

WRITERS = 20
UNUSABLE: list[dict[str, Any]] = [{"NULL": True}, {"S": "60"}, {"L": [{"N": "60"}]}, {"BOOL": True}]


class OneAtATime:
    """Tables whose calls do not overlap, as DynamoDB's transactions do not."""

    def __init__(self, tables: FakeDynamoDb) -> None:
        self.tables, self.lock = tables, Lock()

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            with self.lock:
                return getattr(self.tables, operation)(**request)

        return call


@pytest.fixture
def system() -> System:
    return System()


def test_twenty_writers_of_one_participant_leave_one_entry_that_counts_once(system: System) -> None:
    tables: Any = OneAtATime(system.table)

    def write(sequence: int) -> None:
        leaderboard = Leaderboard(tables, "leaderboard", "boards", lambda _: None)
        queue = DeadLetterQueue(system.queue, "queue")
        processor = BatchProcessor(SETTINGS, leaderboard, queue, system.processor.claims, system.processor.policies)
        old = item(score=str(sequence - 1)) if sequence > 1 else None
        body = event(item(score=str(sequence)), old, sequence)
        # The queue delivers again what was not written.
        while processor.process([Delivery("0", body)]).retry_ids:
            pass

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(1, WRITERS + 1)))
    assert system.table.scores == {("1", "StarWar"): str(WRITERS)}
    assert system.queue.messages == []
    system.table.check()


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
def test_a_delete_and_a_put_at_once_end_as_the_main_table_does(
    system: System, order: tuple[int, ...], together: bool
) -> None:
    bodies = [
        event(item(score="60"), None, 1),
        event(None, item(score="60"), 2),
        event(item(score="70"), None, 3),
    ]
    arriving = [bodies[at] for at in order]
    for batch in [arriving] if together else [[body] for body in arriving]:
        assert system.process(*batch).retry_ids == []
    assert system.table.scores == {("1", "StarWar"): "70"}
    system.table.check()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_delete_on_one_board_and_a_put_on_another_are_both_applied(system: System, order: tuple[int, ...]) -> None:
    bodies = [
        event(item(board="StarWar"), None, 1),
        event(None, item(board="StarWar"), 2),
        event(item(board="WarCraft", score="70"), None, 3),
    ]
    system.process(*(bodies[at] for at in order))
    assert system.table.scores == {("1", "WarCraft"): "70"}
    system.table.check()


@pytest.mark.parametrize("score", UNUSABLE)
def test_a_score_that_is_no_number_is_parked_and_the_last_number_stays(system: System, score: dict[str, Any]) -> None:
    broken = item() | {"projectScore": score}
    system.process(event(item(), None, 1))
    system.process(event(broken, item(), 2))
    assert system.table.scores == {("1", "StarWar"): "60"}
    [letter] = system.queue.messages
    assert letter["errorCode"] == "CannotApply"
    assert "a score is a number" in letter["reason"]
    system.process(event(item(score="70"), broken, 3))
    assert system.table.scores == {("1", "StarWar"): "70"}
    system.table.check()


@pytest.mark.parametrize("before", [{"N": "60"}, *UNUSABLE])
def test_a_score_that_is_removed_leaves_no_entry(system: System, before: dict[str, Any]) -> None:
    system.process(event(item(), None, 1))
    system.process(event(item(score=None), item() | {"projectScore": before}, 2))
    assert system.table.scores == {}
    assert system.queue.messages == []
    system.table.check()


@pytest.mark.parametrize("scores", list(permutations(["0", "-1", "-0.5"])))
def test_zero_and_negative_scores_replace_each_other(system: System, scores: tuple[str, ...]) -> None:
    old = None
    for sequence, score in enumerate(scores, start=1):
        system.process(event(item(score=score), old, sequence))
        old = item(score=score)
        assert system.table.scores == {("1", "StarWar"): score}
        system.table.check()


def test_another_notation_of_a_score_is_no_other_score(system: System) -> None:
    system.process(event(item(score="1"), None, 1))
    counted = system.table.counted("StarWar")
    for sequence, score in enumerate(["1.0", "1E0", "0.1E1"], start=2):
        system.process(event(item(score=score), item(score="1"), sequence))
        assert system.table.counted("StarWar") == counted

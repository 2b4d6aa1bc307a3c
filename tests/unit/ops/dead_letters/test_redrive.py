"""A letter leaves the queue only after its destination accepted it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from scorecast.ops.dead_letters.filters import Filter
from scorecast.ops.dead_letters.redrive import purge
from tests.support.recovery_fakes import change, envelope, stream_letter
from tests.support.redrive_system import System


@pytest.fixture
def system() -> Iterator[System]:
    with ThreadPoolExecutor(2) as executor:
        yield System(executor)


def test_letters_stay_if_the_bus_is_busy_until_the_time_runs_out(system: System) -> None:
    system.bus.refuse_entry = lambda entry: "ThrottlingException" if '"event-2"' in entry["Detail"] else None
    for at in (1, 2, 3):
        system.sqs.park(envelope("fanout", change(at)))
    done = system.run()
    assert (done.sent, done.stayed, system.left) == (1, 2, 2)
    assert all(reason.startswith("The bus was busy") for reason in done.refusals)
    system.bus.refuse_entry = lambda _: None
    assert system.run().sent == 2


def test_letters_that_are_not_accepted_stay_and_the_others_are_sent(system: System) -> None:
    system.bus.refuse_entry = lambda entry: "MalformedDetail" if '"event-2"' in entry["Detail"] else None
    system.sqs.refuse_send = lambda body: '"event-5"' in body
    for at in (1, 2, 3):
        system.sqs.park(envelope("fanout", change(at)))
    for at in (4, 5):
        system.sqs.park(envelope("standings", change(at)))
    done = system.run()
    assert (done.selected, done.sent, done.stayed, system.left) == (5, 3, 2, 2)
    system.bus.refuse_entry, system.sqs.refuse_send = lambda _: None, lambda _: False
    assert system.run().sent == 2
    assert system.left == 0


@pytest.mark.parametrize("answer", ['{"errorMessage": "Time ran out"}', "Time ran out", "[]"])
def test_a_letter_stays_if_the_function_fails(system: System, answer: str) -> None:
    system.functions.fails = answer
    system.sqs.park(stream_letter())
    done = system.run()
    assert (done.stayed, system.left) == (1, 1)
    assert "FanoutLambda failed: " in next(iter(done.refusals))


def test_a_kill_between_sending_and_deleting_sends_twice_and_loses_nothing(system: System) -> None:
    system.sqs.park(envelope("fanout", change(1)))
    system.sqs.refuse_delete = True
    with pytest.raises(Exception, match="SQS kept 1"):
        system.run()
    system.sqs.refuse_delete = False
    system.run()
    assert [detail["id"] for detail in system.bus.details] == ["event-1", "event-1"]
    assert system.left == 0


def test_ctrl_c_leaves_the_rest_visible(system: System) -> None:
    for at in range(25):
        system.sqs.park(envelope("standings", change(at)))

    def interrupt(body: str) -> bool:
        if '"event-15"' in body:
            raise KeyboardInterrupt
        return False

    system.sqs.refuse_send = interrupt
    done = system.run()
    assert done.is_interrupted
    assert (done.sent, system.left) == (10, 15)


def test_a_letter_that_returns_is_not_sent_again_in_the_same_run(system: System) -> None:
    system.sqs.park(envelope("standings", change(1)))

    def come_back(body: str) -> bool:
        system.sqs.park(envelope("standings", change(1)))
        return False

    system.sqs.refuse_send = come_back
    done = system.run()
    assert len(system.sqs.sent) == done.sent == 1
    assert (done.came_back, system.left) == (1, 1)


def test_only_selected_letters_are_sent(system: System) -> None:
    system.sqs.park(envelope("fanout", change(1, participant="a")))
    system.sqs.park(envelope("fanout", change(2, participant="b")))
    assert system.run(Filter(id="b")).selected == 1
    assert [detail["keys"]["id"] for detail in system.bus.details] == ["b"]
    assert system.left == 1


def test_the_rate_is_kept_and_few_letters_wait_hidden(system: System) -> None:
    for at in range(6):
        system.sqs.park(envelope("standings", change(at)))
    assert system.run(rate=0.1).sent == 6
    assert system.clock.time_s >= 40  # two at a time, the first at once


def test_purge_deletes_only_selected_letters(system: System) -> None:
    system.sqs.park(envelope("fanout", change(1)))
    system.sqs.park("not json")
    with system.queue() as queue:
        assert purge(queue, Filter(stage="unknown").matches) == 1
    assert system.left == 1

"""A participant is erased from every store, in an order that nothing under way undoes; others keep everything."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from scorecast.errors import UserError
from scorecast.ops.dead_letters.formats import read_letter
from scorecast.ops.erasure.erasure import Erasure
from scorecast.ops.erasure.letters import About
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import Clock
from tests.support.erasure_system import CLOSED, ErasureSystem, batch_of, lines_of, others
from tests.support.fakes import item, record
from tests.support.recovery_fakes import (
    STORED_BATCH,
    change,
    envelope,
    event,
    invocation_letter,
    message,
    stored_batch_letter,
)

IMAGES = "images/main/7-a.json.gz"


@pytest.fixture
def system() -> ErasureSystem:
    """Participants "1", "10" and "2" on two boards, one of them closed, with letters, images and a batch."""
    system = ErasureSystem()
    for participant in ("1", "10", "2"):
        system.put(participant, score=participant, tag={"S": "1"})
        system.put(participant, "Golf", score=participant)
        system.queue.park(envelope("fanout", change(participant=participant)))
        system.bucket.put(f"{IMAGES}-{participant}", json.dumps({"keys": {"id": participant}}).encode())
    system.consumers.table.declare("Golf", CLOSED)
    system.bucket.put(STORED_BATCH, batch_of(*(record(item(participant)) for participant in ("1", "10"))))
    system.queue.park(stored_batch_letter())
    system.bucket.now += timedelta(hours=1)
    return system


def test_what_is_found_is_counted_and_nothing_changes(system: ErasureSystem) -> None:
    before = system.bucket.current(), list(system.main), dict(system.consumers.table.items)
    found = system.erasure("1").find()
    assert found.counts == {
        "items": 2,
        "entries": 2,
        "snapshots": 2,
        "deadLetters": 1,
        "backupLines": 2,
        "images": 1,
        "givenUpRecords": 1,
    }
    assert before == (system.bucket.current(), list(system.main), dict(system.consumers.table.items))
    assert system.queue.visible == ["m1", "m2", "m3", "m4"]


def test_a_participant_is_erased_everywhere_and_others_keep_everything(system: ErasureSystem) -> None:
    before = {key: others(lines_of(body), "1") for key, body in system.bucket.current().items() if "changes/" in key}
    erasure = system.erasure("1")
    found = erasure.find()
    erasure.erase(found)
    # The removals came into the backup as well.
    assert erasure.erased == found.counts | {"backupLines": 4}
    assert [one["id"]["S"] for one in system.main] == ["10", "10", "2", "2"]
    table = system.consumers.table
    assert set(table.scores) == {(one, board) for one in ("10", "2") for board in ("StarWar", "Golf")}
    assert (table.counted("StarWar"), table.counted("Golf")) == (2, 2)
    table.check()
    assert system.queue.visible == ["m2", "m3", "m4"]
    after = {key: lines_of(body) for key, body in system.bucket.current().items() if "changes/" in key}
    assert {key: after[key] for key in before} == before
    assert all(others(lines, "1") == lines for lines in after.values())
    assert {key for key in system.bucket.objects if "changes/" not in key} == {
        f"{IMAGES}-10",
        f"{IMAGES}-2",
        f"rewritten/{STORED_BATCH}",
    }
    assert not system.holds("1")
    assert system.holds("10")
    assert system.holds("2")


def test_a_second_run_finds_and_does_nothing(system: ErasureSystem) -> None:
    system.forget("1")
    objects = system.bucket.objects.copy()
    erasure = system.erasure("1")
    found = erasure.find()
    assert found.is_nothing
    erasure.erase(found)
    assert +erasure.erased == {}
    assert system.bucket.objects == objects


def test_what_has_come_since_the_participant_was_found_goes_too(system: ErasureSystem) -> None:
    erasure = system.erasure("1")
    found = erasure.find()
    system.put("1", "Chess", "5")
    system.queue.park(envelope("standings", change(9)))
    erasure.erase(found)
    assert not system.holds("1")


def test_what_comes_while_somebody_thinks_about_the_question_goes_too(system: ErasureSystem) -> None:
    erasure = system.erasure("1")
    found = erasure.find()
    system.keep(event(change(50)))
    system.bucket.now += timedelta(days=1)
    erasure.erase(found)
    assert not system.holds("1")


def test_a_change_that_was_under_way_does_not_bring_the_entry_of_a_closed_board_back(system: ErasureSystem) -> None:
    late = json.dumps(json.loads(lines_of(system.bucket.current()[first_object(system)])[0]))
    system.forget("1")
    system.consumers.process(late)
    assert ("1", "StarWar") not in system.consumers.table.scores


def first_object(system: ErasureSystem) -> str:
    return min(key for key in system.bucket.objects if key.startswith("changes/"))


def test_dead_letters_about_others_too_stay_and_are_told(system: ErasureSystem) -> None:
    both = invocation_letter({"Records": [record(item("1")), record(item("2"))]})
    system.queue.park(both)
    system.queue.park("hello")
    found = system.forget("1")
    assert [len(found.letters[about]) for about in (About.SHARED, About.UNKNOWN)] == [1, 1]
    assert [json.loads(one.body)["requestPayload"] for one in system.queue.messages if one.body == both]
    assert read_letter(message(both)).stage == "invocation"


def test_the_letter_about_a_batch_goes_with_its_last_record(system: ErasureSystem) -> None:
    system.forget("1")
    system.forget("10")
    assert system.queue.visible == ["m3"]
    assert not [key for key in system.bucket.objects if key.endswith(STORED_BATCH)]


# ---------------------------------------------------------------- in time, or again


def after(erasure: Erasure, sleep: Callable[[float], None]) -> Erasure:
    """Make an erasure whose pauses do something."""
    erasure.clock = Clock(erasure.clock.now, sleep)
    return erasure


def test_it_waits_until_the_removal_has_come_through(system: ErasureSystem) -> None:
    system.is_held = True
    waiting = [item for item in system.main if item["id"]["S"] == "1"]

    def deliver(seconds: float) -> None:
        system.clock.sleep(seconds)
        system.is_held = False
        while waiting:
            system.change(None, waiting.pop())

    erasure = after(system.erasure("1"), deliver)
    erasure.erase(erasure.find())
    assert not system.holds("1")
    assert erasure.erased["backupLines"] == 4


def test_a_removal_that_does_not_reach_the_board_stops_it_and_the_next_run_finishes(system: ErasureSystem) -> None:
    system.is_held = True
    with pytest.raises(UserError, match="1 entries are still on their boards after 10 s") as error:
        system.forget("1")
    assert error.value.exit_code == ExitCode.TIMED_OUT
    assert ("1", "StarWar") in system.consumers.table.scores
    system.is_held = False
    system.forget("1")
    assert not system.holds("1")
    system.consumers.table.check()


def test_a_removal_that_does_not_reach_the_backup_stops_it_and_the_next_run_finishes(system: ErasureSystem) -> None:
    kept: list[str] = []
    keep, system.keep = system.keep, lambda *events, key="": kept.append(*events) or ""  # type: ignore[func-returns-value, method-assign]
    with pytest.raises(UserError, match="the backup lacks 2 of the removals after 10 s") as error:
        system.forget("1")
    assert error.value.exit_code == ExitCode.TIMED_OUT
    keep(*kept)
    system.forget("1")
    assert not system.holds("1")


def test_an_item_that_is_written_again_meanwhile_is_told(system: ErasureSystem) -> None:
    erasure = system.erasure("1")
    erasure.on_step = lambda step: system.put("1") if step == "Rewriting the backup" else None
    with pytest.raises(UserError, match="1 items of '1' were written again meanwhile"):
        erasure.erase(erasure.find())

import json
import logging
import time
from dataclasses import replace
from typing import Any

import pytest

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.standings import handler, store
from scorecast.standings.backoff import TRANSACTION_ACTIONS
from scorecast.standings.entry import Entry
from scorecast.standings.handler import Delivery
from scorecast.standings.store import Leaderboard
from tests.support.consumer_system import Context, System, about, event, message
from tests.support.fakes import FakeDynamoDb, client_error, item


@pytest.fixture
def system() -> System:
    return System()


def test_insert_update_delete_follow_the_main_table(system: System) -> None:
    system.process(event(item(score="60"), sequence=1))
    assert system.table.scores == {("1", "StarWar"): "60"}
    system.process(event(item(score="70"), item(score="60"), sequence=2))
    assert system.table.scores == {("1", "StarWar"): "70"}
    system.process(event(None, item(score="70"), sequence=3))
    assert system.table.scores == {}


def test_a_tombstone_has_neither_board_nor_score_and_expires(system: System) -> None:
    system.process(event(item(), sequence=1), event(None, item(), sequence=2))
    [left] = system.table.items.values()
    assert left.keys() == {"id", "metadata", "stream", "sequence", "at", "expiresAt"}


def test_a_late_insert_does_not_bring_a_deleted_entry_back(system: System) -> None:
    system.process(event(None, item(), sequence=2))
    outcome = system.process(event(item(), sequence=1))
    assert system.table.scores == {}
    assert outcome.counts == {"stale": 1}


def test_an_entry_made_again_after_its_tombstone_has_no_expiry(system: System) -> None:
    system.process(event(None, item(), sequence=2))
    system.process(event(item(score="5"), sequence=3))
    assert system.table.scores == {("1", "StarWar"): "5"}
    assert "expiresAt" not in system.table.items["1", "StarWar"]


def test_a_redelivered_change_counts_once(system: System) -> None:
    system.process(event(item(score="60"), sequence=1))
    system.process(event(item(score="70"), sequence=2))
    outcome = system.process(event(item(score="60"), sequence=1), event(item(score="70"), sequence=2))
    assert system.table.scores == {("1", "StarWar"): "70"}
    assert outcome.counts["applied"] == 0


def test_within_a_batch_only_the_newest_change_of_an_entry_is_written(system: System) -> None:
    system.process(*(event(item(score=str(at)), sequence=at) for at in (3, 1, 9, 4)))
    assert system.table.scores == {("1", "StarWar"): "9"}
    assert len(system.table.transactions) == 1
    system.table.check()


def test_a_batch_of_a_thousand_is_a_few_transactions_and_lists_each_board_once(system: System) -> None:
    system.process(*(event(item(str(at), f"board{at % 3}", str(at)), sequence=at + 1) for at in range(1000)))
    assert len(system.table.scores) == 1000
    assert system.table.boards == ["board0", "board1", "board2"]
    assert len(system.table.transactions) <= 30
    system.table.check()


def test_removals_of_missing_entries_fit_into_transactions_too(system: System) -> None:
    count = TRANSACTION_ACTIONS
    removals = [event(None, item(f"p{number}"), sequence=number) for number in range(1, count + 1)]
    assert system.process(*removals).counts["applied"] == count
    assert max(system.table.transactions) <= TRANSACTION_ACTIONS


def test_a_change_that_cannot_be_applied_is_parked_and_the_others_are_applied(system: System) -> None:
    bad = event(item("2", score="1") | {"projectScore": {"S": "high"}})
    outcome = system.process(event(item("1")), bad, "not json", {"detail": 5}, event(item("3")))
    assert outcome.retry_ids == []
    assert set(system.table.scores) == {("1", "StarWar"), ("3", "StarWar")}
    codes = sorted(letter["errorCode"] for letter in system.queue.messages)
    assert codes == ["CannotApply", "CannotRead", "CannotRead"]
    parked = next(letter for letter in system.queue.messages if letter["errorCode"] == "CannotApply")
    assert parked["change"]["keys"]["id"] == "2"
    assert "'high'" in parked["reason"]


@pytest.mark.parametrize("score", ["61", "9000"], ids=["the same counts", "other counts"])
def test_the_board_says_when_its_entries_last_changed(
    system: System, monkeypatch: pytest.MonkeyPatch, score: str
) -> None:
    for sequence, now in enumerate(("2026-01-01T00:00:01.000Z", "2026-01-01T00:00:02.000Z"), start=1):
        monkeypatch.setattr(store, "iso_now", lambda now=now: now)
        system.process(event(item(score=score if sequence == 2 else "60"), item(score="60"), sequence=sequence))
        assert system.updated_at == now


def test_a_change_of_another_kind_writes_no_entry(system: System) -> None:
    outcome = system.process(event(item(score=None)))
    assert outcome.retry_ids == []
    assert system.table.items == {}
    assert system.queue.messages == []


def test_a_concurrent_write_between_read_and_write_leads_to_another_read(system: System) -> None:
    def insert_older(action: dict[str, Any]) -> None:
        system.table.before = lambda _: None
        other = replace(system.processor, leaderboard=Leaderboard(system.table, "leaderboard", "boards"))
        other.process([Delivery("other", event(item(score="1"), sequence=1))])

    system.table.before = insert_older
    system.process(event(item(score="60"), sequence=2))
    assert system.table.scores == {("1", "StarWar"): "60"}
    system.table.check()


def test_a_write_whose_answer_is_lost_counts_once(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, lost = FakeDynamoDb.transact_write_items, iter([True])

    def lose_answer(table: FakeDynamoDb, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        plain(table, TransactItems=TransactItems)
        if next(lost, False):
            raise client_error("InternalServerError", 500)
        return {}

    monkeypatch.setattr(FakeDynamoDb, "transact_write_items", lose_answer)
    assert system.process(event(item(score="60"))).retry_ids == []
    assert system.table.scores == {("1", "StarWar"): "60"}
    system.table.check()


def test_a_busy_table_is_retried(system: System) -> None:
    answers = iter(["ThrottlingError", "ProvisionedThroughputExceeded"])
    system.table.before = lambda action: next(answers, None) if "Put" in action else None
    outcome = system.process(event(item()))
    assert outcome.retry_ids == []
    assert system.table.scores == {("1", "StarWar"): "60"}
    assert len(system.table.transactions) == 3


def test_while_the_table_stays_busy_the_change_is_retried_and_not_parked(system: System) -> None:
    system.table.before = about("1", "ThrottlingError")
    outcome = system.process(event(item("1")), event(item("2")))
    assert outcome.retry_ids == ["0"]
    assert set(system.table.scores) == {("2", "StarWar")}
    assert system.queue.messages == []


def test_a_write_that_dynamodb_never_accepts_is_parked(system: System) -> None:
    system.table.before = about("1", "ValidationError")
    outcome = system.process(event(item("1")), event(item("2")))
    assert outcome.retry_ids == []
    assert [letter["errorCode"] for letter in system.queue.messages] == ["ValidationError"]


def test_if_the_newest_change_can_never_be_written_the_one_before_it_is_tried(system: System) -> None:
    system.table.before = lambda action: "ValidationError" if "'9'" in str(action.get("Put")) else None
    outcome = system.process(event(item(score="5"), sequence=1), event(item(score="9"), sequence=2))
    assert outcome.retry_ids == ["0"]
    assert [letter["changeId"] for letter in system.queue.messages] == ["event-2"]


def test_an_entry_that_makes_dynamodb_reject_the_call_does_not_fail_the_others(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = FakeDynamoDb.transact_write_items

    def reject(table: FakeDynamoDb, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        if any("'9'" in str(action.get("Put")) for action in TransactItems):
            raise client_error("ValidationException")
        return plain(table, TransactItems=TransactItems)

    monkeypatch.setattr(FakeDynamoDb, "transact_write_items", reject)
    system.process(event(item("1", score="9")), event(item("2")), event(item("3")))
    assert set(system.table.scores) == {("2", "StarWar"), ("3", "StarWar")}
    assert [letter["errorCode"] for letter in system.queue.messages] == ["ValidationException"]
    system.table.check()


def test_a_change_that_cannot_be_parked_is_delivered_again(system: System) -> None:
    system.queue.refuses = True
    outcome = system.process("not json", event(item()))
    assert outcome.retry_ids == ["0"]
    assert system.table.scores == {("1", "StarWar"): "60"}


def test_the_handler_processes_a_queues_batch_and_names_the_failures(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "processor", lambda: system.processor)
    system.table.before = about("1", "ThrottlingError")
    messages = [message(f"m{name}", event(item(name))) for name in ("1", "2")]
    assert handler.handle({"Records": messages}, Context()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_the_handler_processes_a_bare_event_and_raises_if_it_fails(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "processor", lambda: system.processor)
    assert handler.handle(json.loads(event(item())), Context()) == {"applied": 1}
    system.table.before = lambda *_: "ThrottlingError"
    with pytest.raises(NotAcknowledged, match="invoke the function again"):
        handler.handle(json.loads(event(item(score="5"), sequence=2)), Context())


def test_writing_no_entries_makes_no_call(system: System) -> None:
    assert system.processor.leaderboard.write([]) == {}
    assert system.table.transactions == []


def test_the_key_of_an_entry_is_that_of_the_table() -> None:
    assert Entry("1", "StarWar", "", "").key == ("1", "StarWar")


def test_an_unreachable_dead_letter_queue_blocks_only_changes_to_park(system: System) -> None:
    def out_of_reach(**_: object) -> dict[str, Any]:
        raise client_error("AccessDenied", 403)

    system.queue.send_message_batch = out_of_reach  # type: ignore[method-assign]
    outcome = system.process("not json", event(item()))
    assert outcome.retry_ids == ["0"]
    assert system.table.scores == {("1", "StarWar"): "60"}


def read_again(score: str, sequence: int, at: str) -> str:
    """The READ event of an item, at a time; it carries the sequence of the item's last known change."""
    made = json.loads(event(item(score=score), sequence=sequence))
    made["detail"] |= {"operation": "READ", "at": at}
    return json.dumps(made)


def test_a_read_item_replaces_the_entry_whose_sequence_it_carries(system: System) -> None:
    system.process(event(item(score="1"), sequence=5))
    system.process(read_again("2", 5, "2026-01-01T00:00:02.000Z"))
    assert system.table.scores == {("1", "StarWar"): "2"}
    system.process(event(item(score="1"), sequence=5), read_again("9", 5, "2026-01-01T00:00:01.000Z"))
    assert system.table.scores == {("1", "StarWar"): "2"}
    system.table.check()


def test_an_entry_that_somebody_added_by_hand_without_a_version_is_replaced(system: System) -> None:
    bare = {"hackathonName": {"S": "StarWar"}, "projectScore": {"N": "99"}}
    system.table.items["1", "StarWar"] = {"id": {"S": "1"}, "metadata": {"S": "StarWar"}} | bare
    outcome = system.process(event(item(score="60")))
    assert (outcome.retry_ids, system.table.scores) == ([], {("1", "StarWar"): "60"})


def test_a_read_item_loses_to_every_later_change_and_tombstone(system: System) -> None:
    system.process(event(None, item(), sequence=6))
    system.process(read_again("2", 5, "2026-01-01T00:00:02.000Z"), read_again("3", 0, "2026-01-01T00:00:03.000Z"))
    assert system.table.scores == {}


def test_a_read_item_restores_a_missing_entry(system: System) -> None:
    system.process(read_again("2", 0, "2026-01-01T00:00:02.000Z"))
    assert system.table.scores == {("1", "StarWar"): "2"}
    system.process(event(item(score="1"), sequence=1))
    assert system.table.scores == {("1", "StarWar"): "1"}


def test_two_concurrent_reads_of_an_item_count_once(system: System) -> None:
    system.process(event(item(score="10"), sequence=5))

    def write_the_other(action: dict[str, Any]) -> None:
        system.table.before = lambda _: None
        other = replace(system.processor, leaderboard=Leaderboard(system.table, "leaderboard", "boards"))
        other.process([Delivery("other", read_again("20", 5, "2026-01-01T00:00:01.000Z"))])

    system.table.before = write_the_other
    system.process(read_again("30", 5, "2026-01-01T00:00:02.000Z"))
    assert system.table.scores == {("1", "StarWar"): "30"}
    system.table.check()


def test_a_board_that_cannot_be_listed_blocks_only_its_own_entries(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_item = system.table.put_item

    def refuse(*, TableName: str, Item: dict[str, Any]) -> dict[str, Any]:
        if Item["name"] == {"S": "Refused"}:
            raise client_error("ThrottlingException")
        return put_item(TableName=TableName, Item=Item)

    monkeypatch.setattr(system.table, "put_item", refuse)
    outcome = system.process(event(item("1", "Refused"), sequence=1), event(item("2", "StarWar"), sequence=2))
    assert outcome.retry_ids == ["0"]
    assert system.table.scores == {("2", "StarWar"): "60"}
    assert system.table.boards == ["StarWar"]


# ---------------------------------------------------------------- metrics


def test_the_metrics_of_a_batch_say_how_long_after_its_change_each_entry_was_written(
    system: System, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("METRICS_STACK", "fanout")
    monkeypatch.setattr(handler, "processor", lambda: system.processor)
    monkeypatch.setattr(time, "time", lambda: 1586939176 + 2.5)
    system.process(event(item("1"), sequence=5))
    bodies = [event(item("1"), sequence=4), event(item("2")), event(item("3") | {"projectScore": {"S": "abc"}})]
    handler.handle({"Records": [message(str(at), body) for at, body in enumerate(bodies)]}, Context())
    [metrics] = [json.loads(line) for line in capfd.readouterr().out.splitlines() if "_aws" in line]
    assert metrics["BoardLagMs"] == [2500]
    counts = {name: metrics[name] for name in ("ChangesIn", "Applied", "Stale", "Retried", "Parked")}
    assert counts == {"ChangesIn": 3, "Applied": 1, "Stale": 1, "Retried": 0, "Parked": 1}
    assert metrics["Announced"] == 0  # this stack announces nothing


# ---------------------------------------------------------------- every change has one fate


def test_every_change_of_a_batch_is_in_exactly_one_count(
    system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(handler, "processor", lambda: system.processor)
    system.table.declare("Over", BoardPolicy(closes_at="2020-04-15T08:26:15Z"))
    system.process(event(item("old"), sequence=9))
    system.table.before = about("busy", "ThrottlingError")
    bodies = {
        "applied": [event(item("1"), sequence=2), event(item("moved", "WarCraft"), item("moved", "Over"), 3)],
        "merged": [event(item("1", score="1"), sequence=1), event(item("1"), sequence=2)],
        "stale": [event(item("old"), sequence=8)],
        "closed": [event(item("late", "Over"))],
        "ignored": [event(item("none", score=None))],
        "parked": ["not json", event(item("text") | {"projectScore": {"S": "high"}})],
        "retry": [event(item("busy"))],
    }
    messages = [message(str(at), body) for at, body in enumerate(body for some in bodies.values() for body in some)]
    handler.handle({"Records": messages}, Context())
    counts = {name: len(some) for name, some in bodies.items()}
    line = next(one.getMessage() for one in caplog.records if one.getMessage().startswith("standings changes="))
    said = dict(part.split("=") for part in line.split()[1:])
    assert {name: int(count) for name, count in said.items()} == {"changes": len(messages)} | counts

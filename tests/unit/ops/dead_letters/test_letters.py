"""Reading every format of dead letter, selecting letters, and a queue that shows all of them again."""

import json
from datetime import UTC, datetime

import pytest

from scorecast.changes.change import to_detail
from scorecast.errors import UserError
from scorecast.ops.dead_letters import letters
from scorecast.ops.dead_letters.filters import Filter, group, read_filter
from scorecast.ops.dead_letters.formats import read_letter
from scorecast.ops.dead_letters.letters import ParkedLetter
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.runtime.settings import AttributeNames
from tests.support.fakes import STREAM_ARN
from tests.support.ops_fakes import QUEUE
from tests.support.recovery_fakes import (
    DEAD_LETTERS,
    FANOUT,
    STORED_BATCH,
    FakeQueue,
    change,
    delivery_attributes,
    envelope,
    event,
    invocation_letter,
    message,
    stored_batch_letter,
    stream_letter,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)
EVENT = event(change())


def read(body: str, **attributes: str) -> ParkedLetter:
    return read_letter(message(body, attributes))


# ---------------------------------------------------------------- the formats


def test_a_change_that_the_bus_refused_keeps_its_detail_and_id() -> None:
    letter = read(envelope("fanout", change(7)))
    assert letter.content == letters.ParkedChange(to_detail(change(7)), STREAM_ARN)
    assert (letter.stage, letter.error_code, letter.reason, letter.attempts) == (
        *("fanout", "InternalFailure", "as told"),
        4,
    )
    assert (letter.first_at, letter.last_at) == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z")
    assert (letter.change_id, letter.participant, letter.board) == ("event-7", "1", "StarWar")


def test_a_change_that_could_not_be_applied_becomes_its_event_again() -> None:
    content = read(envelope("standings", change(7))).content
    assert isinstance(content, letters.ParkedMessage)
    again = json.loads(content.body)
    assert (again["resources"], again["detail"]) == ([STREAM_ARN], to_detail(change(7)))


@pytest.mark.parametrize(
    ("stage", "record", "content"),
    [
        ("fanout", {"eventName": "TRUNCATE"}, letters.ParkedRecord({"eventName": "TRUNCATE"})),
        ("fanout", "no record", letters.ParkedRecord("no record")),
        ("standings", "not json", letters.ParkedMessage("not json")),
        ("standings", {"detail": 5}, letters.ParkedMessage('{"detail": 5}')),
    ],
)
def test_unreadable_input_is_kept_unchanged(stage: str, record: object, content: object) -> None:
    assert read(envelope(stage, record=record)).content == content


def test_a_batch_of_the_stream_is_a_range_of_sequence_numbers() -> None:
    letter = read(stream_letter())
    assert letter.content == letters.ParkedBatch(STREAM_ARN, "shardId-1", "111", "113", 3)
    assert (letter.stage, letter.error_code, letter.attempts) == ("stream", "RetryAttemptsExhausted", 21)
    assert (letter.first_at, letter.last_at) == ("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z")


def test_a_batch_of_the_stream_in_s3_is_an_object() -> None:
    letter = read(stored_batch_letter())
    assert letter.content == letters.StoredBatch("backup", STORED_BATCH, 4321)
    assert (letter.stage, letter.error_code) == ("stream", "GivenUp")
    assert letter.reason == "The stream's trigger gave up a batch; its records are in S3 (4,321 bytes)."
    assert (letter.first_at, letter.last_at) == ("2026-01-01T06:00:00Z", "2026-01-01T06:00:00Z")


def test_a_failed_invocation_has_its_payload_and_the_function_without_latest() -> None:
    letter = read(invocation_letter(json.loads(EVENT)))
    assert letter.content == letters.ParkedInvocation(FANOUT, json.loads(EVENT))
    assert (letter.stage, letter.error_code, letter.reason) == ("invocation", "CannotRead", "takes a batch")
    assert (letter.participant, letter.board) == ("1", "StarWar")


def test_an_undelivered_event_has_its_error_in_its_attributes() -> None:
    attributes = delivery_attributes(QUEUE)
    letter = read(EVENT, **attributes)
    assert letter.content == letters.ParkedDelivery(attributes["RULE_ARN"], QUEUE, EVENT)
    assert (letter.stage, letter.error_code, letter.reason, letter.attempts) == (
        *("delivery", "NO_PERMISSIONS", "may not"),
        3,
    )
    assert letter.change_id == "event-1"


def test_a_message_that_sqs_moved_is_the_original_event() -> None:
    letter = read_letter(message(EVENT, receives=8))
    assert letter.content == letters.ParkedMessage(EVENT)
    assert (letter.stage, letter.attempts, letter.board) == ("queue", 7, "StarWar")


@pytest.mark.parametrize("body", ["", "not json", "[]", "5", '{"schema": "other/1"}', envelope("elsewhere")])
def test_a_message_in_an_unknown_format_can_be_shown(body: str) -> None:
    letter = read(body)
    assert (letter.stage, letter.content) == ("unknown", letters.ParkedText(body))
    json.dumps(letter.shown())


@pytest.mark.parametrize(
    "body", [EVENT, stream_letter(), stored_batch_letter(), invocation_letter([1]), envelope("fanout", change())]
)
def test_every_letter_can_be_shown_as_json(body: str) -> None:
    assert json.loads(json.dumps(read(body).shown()))["parkedAt"] == "2026-01-01T00:00:00Z"


def test_the_board_and_the_id_are_found_by_the_stacks_attribute_names() -> None:
    names = AttributeNames(board="metadata", id="userName")
    letter = read_letter(message(EVENT), names)
    assert (letter.participant, letter.board) == ("userA", "StarWar")


# ---------------------------------------------------------------- filters and groups


@pytest.mark.parametrize(
    ("wanted", "is_selected"),
    [
        (Filter(), True),
        (Filter(reason="InternalFailure"), True),
        (Filter(reason="AS told"), True),
        (Filter(reason="Throttling"), False),
        (Filter(stage="fanout"), True),
        (Filter(stage="stream"), False),
        (Filter(board="StarWar", id="1"), True),
        (Filter(board="WarCraft"), False),
        (Filter(id="event-1"), True),
        (Filter(id="m1"), True),
        (Filter(id="2"), False),
        (Filter(older_than=NOW), True),
        (Filter(newer_than=NOW), False),
    ],
)
def test_a_filter_selects_letters_that_satisfy_all_criteria(wanted: Filter, is_selected: bool) -> None:
    assert wanted.matches(read(envelope("fanout", change()))) is is_selected


def test_an_unknown_stage_and_an_invalid_time_are_refused() -> None:
    with pytest.raises(UserError, match="There is no stage 'bus'"):
        read_filter(NOW, None, "bus", None, None, None, None)
    for text in ("yesterday", "5w", "99999999999d"):
        with pytest.raises(UserError, match="is neither an age"):
            read_filter(NOW, None, None, text, None, None, None)


def test_groups_count_by_stage_and_error_code_the_largest_first() -> None:
    bodies = [envelope("standings", change()), envelope("fanout", change()), envelope("fanout", change(2))]
    found = group(read(body) for body in bodies)
    assert [(one.stage, one.error_code, one.count) for one in found] == [
        ("fanout", "InternalFailure", 2),
        ("standings", "InternalFailure", 1),
    ]


# ---------------------------------------------------------------- the queue


def open_queue(sqs: FakeQueue) -> LetterQueue:
    return LetterQueue(sqs, DEAD_LETTERS, AttributeNames())


def test_reading_receives_each_message_once_and_makes_all_visible_again() -> None:
    sqs = FakeQueue()
    for at in range(25):
        sqs.park(envelope("fanout", change(at)))
    with open_queue(sqs) as queue:
        assert queue.count() == 25
        assert sum(map(len, queue.batches())) == 25
        assert sqs.visible == []
    assert len(sqs.visible) == 25
    assert {one.receives for one in sqs.messages} == {1}


def test_a_message_that_reappears_is_not_read_twice() -> None:
    sqs = FakeQueue()
    for at in range(15):
        sqs.park(envelope("fanout", change(at)))

    def show_all(queue: FakeQueue) -> None:
        for one in queue.messages:
            one.is_hidden = False

    sqs.after_receive = show_all
    sqs.messages.reverse()
    with open_queue(sqs) as queue:
        read_ids = [letter.message_id for batch in queue.batches() for letter in batch]
    assert len(read_ids) == len(set(read_ids)) == 10  # the others are queued behind those that reappear


def test_after_an_error_every_message_is_visible_again() -> None:
    sqs = FakeQueue()
    sqs.park(EVENT)
    with pytest.raises(ZeroDivisionError), open_queue(sqs) as queue:
        1 / len(next(queue.batches())[:0])
    assert sqs.visible == ["m1"]


def test_a_message_that_sqs_does_not_delete_is_reported() -> None:
    sqs = FakeQueue(refuse_delete=True)
    sqs.park(EVENT)
    with pytest.raises(UserError, match="SQS kept 1 messages"), open_queue(sqs) as queue:
        queue.delete(next(queue.batches()))
    assert sqs.visible == ["m1"]

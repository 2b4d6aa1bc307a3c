"""The search for a change: dead letters, backup and board, with bounded reads."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scorecast.changes.change import Change, to_detail
from scorecast.leaderboard.item import StoredEntry, make_item
from scorecast.ops.dead_letters.letters import ParkedLetter, ParkedText, StoredBatch
from scorecast.ops.trace.search import Search, Trace, Wanted
from tests.support.fakes import FakeObjects, item, record
from tests.support.ops_fakes import fake_stack
from tests.support.recovery_fakes import STORED_BATCH, stored_batch
from tests.unit.ops.recovery.test_newest_objects import NOW, Bucket

STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/main/stream/2026-01-01T00:00:00.000"
KEYS = {"id": {"S": "1"}, "metadata": {"S": "StarWar"}}
CHANGE = Change(
    id="change-1",
    stream_arn=STREAM,
    operation="INSERT",
    keys=KEYS,
    new=KEYS | {"projectScore": {"N": "60"}},
    old=None,
    sequence="5".zfill(40),
    at="2026-01-02T03:00:00Z",
)
STORED = StoredEntry("1", "StarWar", CHANGE.sequence, CHANGE.at, "60")
LETTER = ParkedLetter(
    message_id="m-1",
    stage="standings",
    error_code="CannotApply",
    reason="no score",
    attempts=1,
    first_at="",
    last_at="",
    parked_at="2026-01-02T03:00:00Z",
    content=ParkedText(""),
    change_id="change-1",
    participant="1",
    board="StarWar",
)


class Letters:
    """A dead-letter queue with a letter a batch."""

    def __init__(self, *letters: ParkedLetter) -> None:
        self.letters = letters

    def __enter__(self) -> "Letters":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def batches(self) -> Any:
        return ([letter] for letter in self.letters)


class Backup(Bucket):
    """Objects with the changes they hold; counts the reads."""

    def __init__(self, objects: dict[str, list[Change]]) -> None:
        super().__init__(dict.fromkeys(objects, 1))
        self.objects, self.read = objects, list[str]()
        self.batches: dict[str, bytes] = {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self.read.append(Key)
        if "aws/lambda/" in Key:
            return FakeObjects(self.batches).get_object(Bucket=Bucket, Key=Key)
        events = [{"resources": [STREAM], "detail": to_detail(change)} for change in self.objects[Key]]
        text = "\n".join(json.dumps(event) for event in [*events, {"detail": {"schema": "scorecast.standing/1"}}])
        return {"Body": _Body(text.encode())}


class _Body:
    def __init__(self, body: bytes) -> None:
        self.body = body

    def read(self) -> bytes:
        return self.body


class Tables:
    def __init__(self, stored: StoredEntry | None) -> None:
        self.stored = stored

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        return {"Responses": {"leaderboard": [make_item(self.stored)] if self.stored else []}}


def search(wanted: Wanted, backup: Backup, stored: StoredEntry | None = None, *letters: ParkedLetter) -> Trace:
    stack = fake_stack(s3=backup, dynamodb=Tables(stored))
    return Search(stack, Letters(*letters), NOW - timedelta(hours=1), NOW).find(wanted)  # type: ignore[arg-type]


HERE = "changes/2026/01/02/03/a"


def test_a_change_is_found_in_the_backup_and_on_the_board() -> None:
    found = search(Wanted("change-1"), Backup({HERE: [replace(CHANGE, id="other"), CHANGE]}), STORED)
    assert found.backup is not None
    assert (found.backup.key, found.backup.line) == (HERE, 2)
    assert [(one.entry.key, one.state) for one in found.boards] == [(("1", "StarWar"), "shown")]
    assert found.is_found


@pytest.mark.parametrize(
    ("stored", "state"),
    [
        (None, "not yet"),
        (replace(STORED, sequence="4".zfill(40)), "not yet"),
        (STORED, "shown"),
        (replace(STORED, sequence="6".zfill(40)), "newer"),
        (replace(STORED, sequence="6".zfill(40), score=None), "newer"),
    ],
)
def test_the_board_may_be_behind_or_ahead(stored: StoredEntry | None, state: str) -> None:
    assert search(Wanted("change-1"), Backup({HERE: [CHANGE]}), stored).boards[0].state == state


def test_a_change_without_a_score_is_on_no_board() -> None:
    found = search(Wanted("change-1"), Backup({HERE: [replace(CHANGE, new=KEYS)]}))
    assert found.is_found
    assert found.boards == ()


def test_a_dead_letter_is_found_by_its_change() -> None:
    found = search(Wanted("change-1"), Backup({}), None, replace(LETTER, change_id="other"), LETTER)
    assert found.letters == (LETTER,)
    assert (found.is_found, found.letters_read, found.objects_read) == (True, 2, 0)


@pytest.mark.parametrize("wanted", [Wanted("event-7"), Wanted("1", "StarWar")])
def test_a_change_is_found_in_a_batch_that_the_trigger_gave_up(wanted: Wanted) -> None:
    in_s3 = replace(LETTER, stage="stream", change_id=None, participant=None, board=None)
    in_s3 = replace(in_s3, content=StoredBatch("backup", STORED_BATCH, 9))
    gone = replace(in_s3, content=StoredBatch("backup", "aws/lambda/gone", 9))
    backup = Backup({})
    backup.batches[STORED_BATCH] = stored_batch({"Records": [{"eventName": "TRUNCATE"}, record(item(), sequence=7)]})
    assert search(wanted, backup, None, gone, in_s3).letters == (in_s3,)
    assert search(Wanted("event-8"), backup, None, in_s3).letters == ()


def test_a_participant_on_a_board_is_found_by_the_newest_change() -> None:
    older, newer = replace(CHANGE, id="older"), replace(CHANGE, id="newer")
    elsewhere = replace(CHANGE, id="elsewhere", keys=KEYS | {"metadata": {"S": "WarCraft"}}, new=None)
    found = search(Wanted("1", "StarWar"), Backup({HERE: [older, newer, elsewhere]}), STORED, LETTER)
    assert found.backup is not None
    assert found.backup.change.id == "newer"
    assert found.stored == STORED
    assert found.letters == (LETTER,)


def test_an_entry_alone_is_found_too() -> None:
    assert search(Wanted("1", "StarWar"), Backup({}), STORED).is_found


def test_what_is_nowhere_is_not_found_and_the_reads_are_counted() -> None:
    backup = Backup({HERE: [CHANGE], "changes/2026/01/02/03/b": [CHANGE]})
    found = search(Wanted("unknown"), backup)
    assert not found.is_found
    assert found.objects_read == 2


def test_reading_ends_with_the_object_that_has_the_change() -> None:
    backup = Backup({HERE: [replace(CHANGE, id="older")], "changes/2026/01/02/03/b": [CHANGE]})
    search(Wanted("change-1"), backup, STORED)
    assert backup.read == ["changes/2026/01/02/03/b"]


def test_reading_dead_letters_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorecast.ops.trace.search.MOST_LETTERS", 2)
    letters = [replace(LETTER, message_id=str(at), change_id="other") for at in range(5)]
    assert search(Wanted("change-1"), Backup({}), None, *letters).letters_read == 2

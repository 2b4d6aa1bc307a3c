"""The latest change of each item in a backup, in any order and format, and its restoration, type for type."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from scorecast.changes.change import Change, from_record
from scorecast.changes.claim_store import ClaimStore
from scorecast.errors import UserError
from scorecast.fanout.plan import publication_of
from scorecast.ops.recovery.latest_changes import LatestChanges, choose_table
from scorecast.ops.recovery.restore import TableWriter, publish_changes, read_backup
from scorecast.ops.stack.moments import read_time
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.typed_json import for_sdk, in_json
from tests.property.test_contract import images, keys
from tests.support.fakes import BUS, STREAM_ARN, item, record
from tests.support.ops_fakes import FakeClock, FakeS3, FakeTables, refusal
from tests.support.recovery_fakes import event

UNLIMITED = RateLimit(None)


def at(change: Change, seconds: int) -> Change:
    return replace(change, at=f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}Z")


def insert(score: str, sequence: int, participant: str = "1") -> Change:
    return at(from_record(record(item(participant, score=score), None, sequence)), sequence)


def remove(sequence: int, participant: str = "1") -> Change:
    return at(from_record(record(None, item(participant), sequence)), sequence)


def read(score: str, seconds: int, carried: int = 0) -> Change:
    change = from_record(record(item(score=score), None, carried))
    return at(replace(change, operation="READ", id=f"read-{seconds}"), seconds)


@contextmanager
def backup(*objects: bytes, until: datetime | None = None) -> Iterator[LatestChanges]:
    s3 = FakeS3({f"changes/2026/01/01/{number:02}/a": body for number, body in enumerate(objects)})
    with read_backup(s3, "backup", until, lambda _: None) as latest:
        yield latest


def lines(*changes: Change) -> bytes:
    return "\n".join(map(event, changes)).encode()


def scores(*changes: Change, until: str | None = None) -> list[str | None]:
    with backup(lines(*changes), until=read_time(until) if until else None) as latest:
        found = list(latest.changes("main"))
    return [change.new["projectScore"]["N"] if change.new else None for change in found]


# ---------------------------------------------------------------- the latest changes


def test_the_newest_change_wins_in_any_order_and_with_repetitions() -> None:
    assert scores(insert("2", 2), insert("3", 3), insert("1", 1), insert("3", 3)) == ["3"]


def test_a_removed_item_has_no_image() -> None:
    assert scores(remove(2), insert("1", 1)) == [None]


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2026-01-01T00:00:00Z", []),
        ("2026-01-01T00:00:01Z", ["1"]),
        ("2026-01-01T00:00:02Z", ["2"]),
        ("2026-01-01T00:00:03Z", [None]),
    ],
)
def test_only_changes_up_to_the_point_in_time_count(until: str, expected: list[str | None]) -> None:
    assert scores(insert("1", 1), insert("2", 2), remove(3), until=until) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([read("5", 30)], "5"),
        ([insert("1", 10), read("5", 30)], "5"),
        ([read("5", 30, carried=10), insert("1", 10), insert("2", 20)], "5"),
        ([insert("1", 40), read("5", 30)], "1"),
        ([insert("1", 30), read("5", 31)], "1"),  # clocks may differ by more than a second, so the change wins
        ([read("5", 30), read("6", 60), read("4", 20)], "6"),
        ([remove(10), read("5", 30)], "5"),
    ],
)
def test_a_read_wins_if_it_is_later(changes: list[Change], expected: str) -> None:
    assert scores(*changes) == scores(*reversed(changes)) == [expected]


def test_a_change_of_a_later_stream_wins() -> None:
    later = replace(insert("2", 1), stream_arn=STREAM_ARN.replace("2026-01-01", "2026-02-01"))
    assert scores(later, insert("1", 9)) == ["2"]


def claimed(change: Change, s3: FakeS3) -> str:
    """An event too large for the bus, with its images stored in S3."""
    made = publication_of(replace(change, new=(change.new or {}) | {"text": {"S": "x" * 300_000}}), BUS)
    assert made.claim
    ClaimStore(lambda: s3).put(made.claim, made.document)
    return json.dumps({"resources": [STREAM_ARN], "detail": json.loads(made.entry["Detail"])})


def test_images_that_were_too_large_for_the_bus_are_fetched_for_the_newest_change_only() -> None:
    s3 = FakeS3()
    s3.objects["changes/2026/01/01/00/a"] = (claimed(insert("1", 1), s3) + claimed(insert("2", 2), s3)).encode()
    with read_backup(s3, "copy", None, lambda _: None) as latest:
        [change] = latest.changes("main")
    assert change.new == item(score="2") | {"text": {"S": "x" * 300_000}}
    assert sum(key.startswith("images/") for key in s3.read) == 1


@pytest.mark.parametrize(
    "spoil", [lambda s3, key: s3.objects.pop(key), lambda s3, key: s3.objects.update({key: b"{}"})]
)
def test_an_item_with_missing_or_changed_images_is_skipped_and_named(spoil: Callable[[FakeS3, str], None]) -> None:
    s3 = FakeS3()
    s3.objects["changes/2026/01/01/00/a"] = (claimed(insert("1", 1), s3) + event(insert("2", 2, "2"))).encode()
    [key] = [key for key in s3.objects if key.startswith("images/")]
    spoil(s3, key)
    with read_backup(s3, "backup", None, lambda _: None) as latest:
        assert [change.keys["id"] for change in latest.changes("main")] == [{"S": "2"}]
    assert latest.counts["unresolved"] == 1
    assert f"s3://backup/{key}" in str(latest.first_unresolved)


def test_objects_of_every_format_are_read() -> None:
    plain, zipped = event(insert("1", 1, "a")).encode(), gzip.compress(lines(insert("2", 2, "b"), insert("3", 3, "c")))
    with backup(plain, zipped, plain + event(insert("4", 4, "d")).encode()) as latest:
        assert latest.items("main") == 4
        assert latest.counts["events"] == 5


def test_events_that_firehose_could_not_process_are_read_too() -> None:
    raw = [base64.b64encode(body.encode()).decode() for body in (event(insert("2", 2)), "no event")]
    wrapped = [{"attemptsMade": 4, "errorCode": "500", "rawData": one} for one in raw]
    failed = "\n".join(map(json.dumps, wrapped)).encode()
    objects = {"changes/2026/01/01/00/a": lines(insert("1", 1)), "failed/processing-failed/2026/01/01/a": failed}
    with read_backup(FakeS3(objects), "backup", None, lambda _: None) as latest:
        assert [change.new["projectScore"]["N"] for change in latest.changes("main") if change.new] == ["2"]
        assert latest.counts["unreadable"] == 1


def test_other_events_are_counted_and_skipped() -> None:
    with backup(b'{"detail": {"schema": "other/1"}, "resources": ["x"]}\n' + lines(insert("1", 1))) as latest:
        assert (latest.counts["unreadable"], latest.items("main")) == (1, 1)


def test_a_malformed_object_is_named() -> None:
    with pytest.raises(UserError, match=r"s3://backup/changes/2026/01/01/00/a does not hold events"), backup(b"{"):
        pass


def test_the_only_table_is_chosen_and_one_of_several_must_be_named() -> None:
    other = replace(insert("1", 1), stream_arn=STREAM_ARN.replace("table/main", "table/other"))
    with backup(lines(insert("1", 1))) as latest:
        assert choose_table(latest, None) == "main"
    with backup(lines(insert("1", 1), other)) as latest:
        assert choose_table(latest, "other") == "other"
        assert choose_table(latest, None, "other") == "other"
        for named in (None, "third"):
            with pytest.raises(UserError, match=r"choose one of main, other with --source-table"):
                choose_table(latest, named)
    with backup() as latest, pytest.raises(UserError, match="holds no change"):
        choose_table(latest, None)


# ---------------------------------------------------------------- into a table


class Target(FakeTables):
    """The table to restore into; the first write is throttled, the second leaves an item unprocessed."""

    def __init__(self) -> None:
        super().__init__({"target": {}})
        self.answers = iter([refusal("ThrottlingException"), "some"])

    def scan(self, *, TableName: str, ExclusiveStartKey: int = 0, **request: Any) -> dict[str, Any]:
        return {"Items": list(self.tables[TableName].values())[: request["Limit"]]}

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        if TableName not in (*self.tables, "main"):
            raise refusal("ResourceNotFoundException")
        return super().describe_table(TableName=TableName)

    def create_table(self, *, TableName: str, **made: Any) -> None:
        assert made["BillingMode"] == "PAY_PER_REQUEST"
        self.tables[TableName] = {}

    def get_waiter(self, name: str) -> Any:
        assert name == "table_exists"
        return self

    def wait(self, *, TableName: str) -> None:
        assert TableName in self.tables

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        answer = next(self.answers, None)
        if isinstance(answer, Exception):
            raise answer
        [(table, requests)] = RequestItems.items()
        done = requests if answer is None else requests[:1]
        super().batch_write_item(RequestItems={table: done})
        return {"UnprocessedItems": {table: requests[1:]} if requests[1:] and answer else {}}


def writer(target: Target, table: str = "target") -> TableWriter:
    fake = FakeClock()
    return TableWriter(target, table, Clock(fake.now, fake.sleep))


def test_items_are_written_and_removed_ones_deleted_despite_throttling() -> None:
    target = Target()
    target.tables["target"]["gone", "StarWar"] = item("gone")
    changes = [insert(str(number), 1, f"p{number}") for number in range(60)] + [remove(1, "gone")]
    counts = writer(target).write(changes, UNLIMITED, lambda _: None)
    assert counts == {"written": 60, "removed": 1}
    assert {key[0] for key in target.tables["target"]} == {f"p{number}" for number in range(60)}


def test_a_table_that_holds_items_is_refused_unless_it_may_be_overwritten() -> None:
    target = Target()
    writer(target).prepare(create_like=None, may_overwrite=False)
    target.tables["target"]["1", "StarWar"] = item()
    with pytest.raises(UserError, match="holds items"):
        writer(target).prepare(create_like=None, may_overwrite=False)
    writer(target).prepare(create_like=None, may_overwrite=True)


def test_a_missing_table_is_created_if_wanted() -> None:
    target = Target()
    with pytest.raises(UserError, match="--create creates it"):
        writer(target, "new").prepare(create_like=None, may_overwrite=False)
    writer(target, "new").prepare(create_like="main", may_overwrite=False)
    assert "new" in target.tables


def test_a_write_gives_up_if_the_table_stays_throttled() -> None:
    target = Target()
    target.answers = iter([refusal("ThrottlingException")] * 1000)
    with pytest.raises(UserError, match="throttled a batch for 60 s"):
        writer(target).write([insert("1", 1)], UNLIMITED, lambda _: None)


@given(keys, images)
def test_every_item_is_restored_type_for_type(key: dict[str, Any], image: dict[str, Any]) -> None:
    made = from_record(record(key | image | key, None, 1))
    with backup(lines(made)) as latest:
        [change] = latest.changes("main")
    assert change.new == key | image | key
    assert in_json(for_sdk(change.new)) == change.new


# ---------------------------------------------------------------- as events


def test_events_are_the_original_changes() -> None:
    published: list[Change] = []

    def publish(changes: Sequence[Change]) -> None:
        published.extend(changes)

    made = [insert("1", 1, "a"), insert("2", 2, "b"), remove(3, "b")]
    with backup(lines(*made)) as latest:
        assert publish_changes(latest.changes("main"), publish, UNLIMITED, lambda _: None) == 2
    assert published == [made[0], made[2]]
    assert json.loads(event(published[0]))["detail"]["id"] == "event-1"


def test_the_file_of_latest_changes_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with backup(lines(insert("1", 1))):
        assert list(tmp_path.rglob("latest.sqlite"))
    assert not list(tmp_path.iterdir())

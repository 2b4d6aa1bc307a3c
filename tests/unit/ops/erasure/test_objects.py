"""The backup bucket without a participant: every version, and nothing lost that changed meanwhile."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest

from scorecast.errors import CannotRead, UserError
from scorecast.ops.dead_letters.letters import StoredBatch
from scorecast.ops.dead_letters.stored_batch import read_records
from scorecast.ops.erasure.bucket import BackupBucket, CountedS3
from scorecast.ops.erasure.objects import IMAGES, LINES, RECORDS, BackupObjects
from scorecast.ops.erasure.participant import Participant
from tests.support.erasure_system import NOW, ErasureSystem, FakeVersions, batch_of, lines_of
from tests.support.fakes import item, record
from tests.support.recovery_fakes import STORED_BATCH, change, event
from tests.support.standings_fakes import Inline

ONE = Participant("1", "id")
KEY = "changes/2026/01/02/03/a.json.gz"


@pytest.fixture
def system() -> ErasureSystem:
    return ErasureSystem()


@pytest.fixture
def bucket(system: ErasureSystem) -> FakeVersions:
    return system.bucket


@pytest.fixture
def objects(bucket: FakeVersions) -> BackupObjects:
    return BackupObjects(BackupBucket(CountedS3(bucket), "backup"), Inline())


def line(participant: str, sequence: int = 1) -> str:
    return event(change(sequence, participant=participant))


def erase(objects: BackupObjects) -> Counter[str]:
    keys = dict.fromkeys(found.version.key for found in objects.find(ONE))
    return sum((objects.erase(key, ONE) for key in keys), Counter())


def test_lines_are_taken_out_and_no_version_holds_them(
    system: ErasureSystem, bucket: FakeVersions, objects: BackupObjects
) -> None:
    system.keep(line("1"), line("2"), line("1", 2), key=KEY)
    system.keep(line("10"), key="failed/processing-failed/2026/01/02/b")
    before = bucket.current()
    assert erase(objects) == {LINES: 2}
    assert lines_of(bucket.current()[KEY]) == [line("2")]
    assert [len(versions) for versions in bucket.objects.values()] == [1, 1]
    assert bucket.current() == before | {KEY: bucket.current()[KEY]}
    assert list(objects.find(ONE)) == []


def test_a_rewritten_object_keeps_its_metadata(
    system: ErasureSystem, bucket: FakeVersions, objects: BackupObjects
) -> None:
    kept = {"ContentType": "a/b", "ContentEncoding": "gzip", "Metadata": {"by": "me"}, "StorageClass": "STANDARD_IA"}
    bucket.put(KEY, line("1").encode(), **kept)
    erase(objects)
    assert bucket.objects[KEY][0].metadata == kept


def test_an_object_without_the_participant_is_only_read(
    system: ErasureSystem, bucket: FakeVersions, objects: BackupObjects
) -> None:
    system.keep(line("2"), key=KEY)
    assert erase(objects) == {}
    assert objects.bucket.s3.requests.keys() == {"list", "get"}


@pytest.mark.parametrize("is_versioned", [True, False])
def test_versions_are_needed_for_nothing(
    bucket: FakeVersions, objects: BackupObjects, system: ErasureSystem, is_versioned: bool
) -> None:
    bucket.is_versioned = is_versioned
    system.keep(line("1"), line("2"), key=KEY)
    bucket.put("images/main/7-a.json.gz", json.dumps({"keys": {"id": "1"}}).encode())
    assert erase(objects) == {LINES: 1, IMAGES: 1}
    assert lines_of(bucket.current()[KEY]) == [line("2")]
    assert set(bucket.objects) == {KEY}


def test_older_versions_and_those_under_a_delete_marker_go_too(
    system: ErasureSystem, bucket: FakeVersions, objects: BackupObjects
) -> None:
    system.keep(line("1"), line("2"), key=KEY)
    system.keep(line("2"), key=KEY)
    system.keep(line("1"), key=f"{KEY}.deleted")
    bucket.put(f"{KEY}.deleted", None)
    assert erase(objects) == {LINES: 2}
    assert [lines_of(body) for body in bucket.bodies()] == [[line("2")]]
    assert bucket.objects[f"{KEY}.deleted"][0].body is None


def test_all_versions_of_images_go(bucket: FakeVersions, objects: BackupObjects) -> None:
    for _ in range(5):
        bucket.put("images/main/7-a.json.gz", json.dumps({"keys": {"id": "1"}}).encode())
    bucket.put("images/main/8-b.json.gz", json.dumps({"keys": {"id": "2"}}).encode())
    assert erase(objects)[IMAGES] == 5
    assert set(bucket.objects) == {"images/main/8-b.json.gz"}


def test_an_object_that_was_written_meanwhile_is_read_again(
    system: ErasureSystem, bucket: FakeVersions, objects: BackupObjects
) -> None:
    system.keep(line("1"), line("2"), key=KEY)
    others: Iterator[str] = iter(["3"])

    def another(key: str) -> None:
        for participant in others:
            system.keep(line("1"), line("2"), line(participant), key=key)

    bucket.before_put = another
    erase(objects)
    assert [lines_of(body) for body in bucket.bodies()] == [[line("2"), line("3")]]


def test_an_object_that_is_written_all_the_time_is_left_and_named(
    system: ErasureSystem, bucket: FakeVersions, objects: BackupObjects
) -> None:
    system.keep(line("1"), key=KEY)
    sequences = count(2)

    def another(key: str) -> None:
        system.keep(line("1", next(sequences)), key=key)

    bucket.before_put = another
    with pytest.raises(UserError, match=f"s3://backup/{KEY} is written again and again"):
        erase(objects)


def test_an_object_that_cannot_be_read_is_named_and_does_not_stop_the_others(
    system: ErasureSystem, bucket: FakeVersions, objects: BackupObjects
) -> None:
    bucket.put("changes/readme.txt", b'hello "1"')
    system.keep(line("1"), key="changes/2026/01/01/00/archived")
    bucket.archived = {"changes/2026/01/01/00/archived"}
    system.keep(line("1"), key=KEY)
    assert erase(objects) == {LINES: 1}
    assert objects.unreadable.keys() == {"changes/readme.txt", "changes/2026/01/01/00/archived"}
    assert "restore it first" in objects.unreadable["changes/2026/01/01/00/archived"]
    assert bucket.current()["changes/readme.txt"] == b'hello "1"'


def test_a_redrive_finds_the_rest_of_a_batch(bucket: FakeVersions, objects: BackupObjects) -> None:
    two, three = record(item("2")), record(item("3"))
    bucket.put(STORED_BATCH, batch_of(record(item("1")), two, three))
    batch = StoredBatch("backup", STORED_BATCH, 1)
    assert erase(objects) == {RECORDS: 1}
    assert read_records(bucket, batch) == [two, three]
    # S3 announces an object under the old key, and GivenUpRule makes that a dead letter.
    assert set(bucket.objects) == {f"rewritten/{STORED_BATCH}"}
    assert objects.erase(f"rewritten/{STORED_BATCH}", Participant("2", "id")) == {RECORDS: 1}
    assert read_records(bucket, batch) == [three]
    assert objects.erase(f"rewritten/{STORED_BATCH}", Participant("3", "id")) == {RECORDS: 1}
    assert bucket.objects == {}
    with pytest.raises(CannotRead, match="NoSuchKey"):
        read_records(bucket, batch)


def test_since_skips_the_folders_of_earlier_hours(system: ErasureSystem, objects: BackupObjects) -> None:
    keys = [system.keep(line("1"), key=f"changes/2026/01/02/{hour:02}/a") for hour in range(4)]
    system.bucket.put("images/main/7-a.json.gz", json.dumps({"keys": {"id": "1"}}).encode())
    found = [one.version.key for one in objects.find(ONE, since=NOW.replace(hour=2, minute=30))]
    assert found == [*keys[2:], "images/main/7-a.json.gz"]


def test_what_was_written_before_a_time_is_not_read_again(system: ErasureSystem, objects: BackupObjects) -> None:
    system.keep(line("1"), key=KEY)
    late = system.keep(line("1"), key="changes/2026/01/02/03/b")
    since = system.bucket.now - timedelta(milliseconds=1)
    assert [one.version.key for one in objects.find(ONE, written_since=since)] == [late]
    assert objects.bucket.s3.requests["get"] == 1


def test_the_requests_are_counted_with_what_they_cost(system: ErasureSystem, objects: BackupObjects) -> None:
    system.keep(line("1"), line("2"), key=KEY)
    erase(objects)
    assert objects.bucket.s3.requests == {"list": 6, "get": 2, "put": 1, "delete": 1}
    assert objects.bucket.s3.dollars == pytest.approx(7 * 5e-6 + 2 * 4e-7)

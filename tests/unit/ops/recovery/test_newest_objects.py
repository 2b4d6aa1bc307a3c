"""The newest objects of the backup: newest first, back to a time, and no older folder is listed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from scorecast.ops.recovery.backup import read_object
from scorecast.ops.recovery.newest_objects import newest_objects
from tests.support.fakes import FakeObjects

NOW = datetime(2026, 1, 2, 3, 30, tzinfo=UTC)


class Bucket:
    """Objects with the minutes of their age; `listed` are the folders asked for."""

    def __init__(self, ages: dict[str, int]) -> None:
        self.ages = ages
        self.listed: list[str] = []

    def list_objects_v2(self, *, Bucket: str, Prefix: str, Delimiter: str, **_: Any) -> dict[str, Any]:
        self.listed.append(Prefix)
        found = {key: age for key, age in self.ages.items() if key.startswith(Prefix)}
        return {"Contents": [{"Key": key, "LastModified": NOW - timedelta(minutes=at)} for key, at in found.items()]}


def keys(bucket: Bucket, minutes: int) -> list[str]:
    return [found.key for found in newest_objects(bucket, "backup", NOW - timedelta(minutes=minutes), NOW)]


def test_the_newest_come_first() -> None:
    bucket = Bucket({"changes/2026/01/02/03/a": 20, "changes/2026/01/02/03/b": 5, "changes/2026/01/02/02/c": 40})
    assert keys(bucket, 60) == ["changes/2026/01/02/03/b", "changes/2026/01/02/03/a", "changes/2026/01/02/02/c"]


def test_what_was_written_before_the_time_is_omitted() -> None:
    bucket = Bucket({"changes/2026/01/02/03/a": 20, "changes/2026/01/02/03/b": 5})
    assert keys(bucket, 10) == ["changes/2026/01/02/03/b"]


def test_an_object_written_after_its_hour_is_found() -> None:
    bucket = Bucket({"changes/2026/01/02/02/late": 25})
    assert keys(bucket, 26) == ["changes/2026/01/02/02/late"]


def test_only_the_hours_of_the_time_are_listed() -> None:
    bucket = Bucket({})
    keys(bucket, 60)
    assert bucket.listed == ["changes/2026/01/02/03/", "changes/2026/01/02/02/"]


def test_an_object_is_read_as_its_events() -> None:
    assert read_object(FakeObjects({"a": b'{"n": 1}\n{"n": 2}\n'}), "backup", "a") == [{"n": 1}, {"n": 2}]

"""Firehose's buffer: what waits together is delivered together, and nothing is left behind."""

import gzip
import threading
from typing import Any

import pytest

from scorecast.twin import buffer
from scorecast.twin.buffer import Buffer, Records
from tests.support.waiting import eventually

STREAM = {"arn": "stream"}
Delivered = list[tuple[str, Records]]


@pytest.fixture
def delivered() -> Delivered:
    return []


@pytest.fixture
def gathering(delivered: Delivered, monkeypatch: pytest.MonkeyPatch) -> Buffer:
    """A buffer whose interval never ends."""
    monkeypatch.setattr(buffer, "INTERVAL_S", 3600.0)

    def deliver(_stream: dict[str, Any], dest: dict[str, Any], records: Records) -> None:
        delivered.append((dest["id"], records))

    return Buffer(deliver)


def test_records_of_one_destination_are_delivered_together(gathering: Buffer, delivered: Delivered) -> None:
    for number in range(3):
        gathering.add(STREAM, {"id": "a"}, [(str(number), b"x")])
    gathering.add(STREAM, {"id": "b"}, [("3", b"x")])
    assert delivered == []
    gathering.flush()
    assert delivered == [("a", [("0", b"x"), ("1", b"x"), ("2", b"x")]), ("b", [("3", b"x")])]
    gathering.flush()
    assert len(delivered) == 2


def test_a_full_buffer_does_not_wait(gathering: Buffer, delivered: Delivered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "SIZE_BYTES", 10)
    gathering.add(STREAM, {"id": "a"}, [("0", b"x" * 9)])
    gathering.add(STREAM, {"id": "a"}, [("1", b"x")])
    eventually(lambda: _has(delivered, 1))


def _has(delivered: Delivered, count: int) -> None:
    assert len(delivered) == count


def test_the_interval_delivers(delivered: Delivered, gathering: Buffer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "INTERVAL_S", 0.01)
    gathering.add(STREAM, {"id": "a"}, [("0", b"x")])
    eventually(lambda: _has(delivered, 1))


def test_writers_at_once_lose_nothing(gathering: Buffer, delivered: Delivered) -> None:
    def write(writer: int) -> None:
        for number in range(200):
            gathering.add(STREAM, {"id": "a"}, [(f"{writer}-{number}", b"x")])

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in writers:
        thread.start()
    for _ in range(20):
        gathering.flush()
    for thread in writers:
        thread.join()
    gathering.flush()
    assert sorted(name for _, records in delivered for name, _ in records) == sorted(
        f"{writer}-{number}" for writer in range(4) for number in range(200)
    )


def delimited_by(value: str | None, *, enabled: bool = True) -> dict[str, Any]:
    parameters = [{"ParameterName": "Delimiter", "ParameterValue": value}] if value is not None else []
    processor = {"Type": "AppendDelimiterToRecord", "Parameters": parameters}
    return {"ProcessingConfiguration": {"Enabled": enabled, "Processors": [{"Type": "Lambda"}, processor]}}


@pytest.mark.parametrize(
    ("config", "body"),
    [
        ({}, b"onetwo"),
        (delimited_by("\\n"), b"one\ntwo\n"),
        (delimited_by("\\r\\n"), b"one\r\ntwo\r\n"),
        (delimited_by("|"), b"one|two|"),
        (delimited_by(None), b"one\ntwo\n"),
        (delimited_by("|", enabled=False), b"onetwo"),
    ],
)
def test_an_object_is_delimited_as_the_destination_says(config: dict[str, Any], body: bytes) -> None:
    records = [("1", b"one"), ("2", b"two")]
    assert buffer.make_body(records, config) == body
    assert gzip.decompress(buffer.make_body(records, {**config, "CompressionFormat": "GZIP"})) == body


def test_records_that_are_partitioned_or_converted_are_not_joined() -> None:
    assert buffer.is_plain({})
    assert buffer.is_plain({"DynamicPartitioningConfiguration": {"Enabled": False}})
    assert not buffer.is_plain({"DynamicPartitioningConfiguration": {"Enabled": True}})
    assert not buffer.is_plain({"DataFormatConversionConfiguration": {"Enabled": True}})

"""What is left of an object without a participant: the other lines, byte for byte."""

import base64
import gzip
import json
from typing import Any

import pytest

from scorecast.errors import CannotRead
from scorecast.ops.dead_letters.stored_batch import parse_batch
from scorecast.ops.erasure.participant import Participant
from scorecast.ops.erasure.remainder import Remainder, take_images, take_lines, take_records
from tests.support.erasure_system import batch_of
from tests.support.fakes import STREAM_ARN, item, record
from tests.support.recovery_fakes import change, event

ONE = Participant("1", "id")


def line(participant: str, sequence: int = 1) -> str:
    return event(change(sequence, participant=participant))


def lines(text: str) -> Remainder:
    return take_lines(text.encode(), ONE, "s3://backup/a")


def test_the_other_lines_stay_byte_for_byte() -> None:
    two, three = line("2").replace(", ", " ,  "), '{"keys": {"id": "3"}, "name": "\\u00e9 é"}'
    rest = lines(f"{two}\r\n{line('1')}\n{three}\n{line('1', 2)}\n")
    assert (rest.found, rest.body) == (2, f"{two}\r\n{three}\n".encode())


def test_events_without_anything_between_them_are_cut_apart() -> None:
    rest = lines(line("1") + line("10") + line("1"))
    assert (rest.found, rest.body) == (2, line("10").encode())


def test_an_object_of_nothing_else_stays_as_an_empty_one() -> None:
    assert lines(line("1")) == Remainder(1, b"", (STREAM_ARN.partition("/stream/")[2], "1".zfill(40)))


def test_the_newest_of_the_positions_is_told() -> None:
    rest = lines("\n".join(line("1", sequence) for sequence in (3, 12, 5)))
    assert rest.newest
    assert int(rest.newest[1]) == 12
    assert lines('{"keys": {"id": "1"}}').newest is None
    assert lines('{"resources": [], "detail": {"keys": {"id": "1"}, "sequence": 7}}').newest is None


def test_a_gzipped_object_stays_gzipped() -> None:
    rest = take_lines(gzip.compress(f"{line('1')}\n{line('2')}\n".encode()), ONE, "a")
    assert rest.body
    assert gzip.decompress(rest.body) == f"{line('2')}\n".encode()


def test_an_event_that_firehose_wrapped_is_found() -> None:
    wrapped = [json.dumps({"rawData": base64.b64encode(line(one).encode()).decode()}) for one in ("1", "2")]
    rest = lines("\n".join(wrapped))
    assert (rest.found, rest.body) == (1, wrapped[1].encode())


def test_an_object_without_the_participant_has_nothing_to_take() -> None:
    assert lines(line("2")).found == 0
    assert lines("").found == 0


@pytest.mark.parametrize("body", [b'no json: "1"', b"\x1f\x8bno gzip", b"\xff", gzip.compress(b"{}", mtime=0)[:-4]])
@pytest.mark.parametrize("take", [take_lines, take_images, take_records])
def test_an_object_in_another_form_is_named(take: Any, body: bytes) -> None:
    with pytest.raises(CannotRead, match="s3://backup/a"):
        take(body, ONE, "s3://backup/a")


def test_images_are_the_participants_as_a_whole_or_not_at_all() -> None:
    images = gzip.compress(json.dumps({"keys": {"id": "1"}, "new": {"id": "1"}}).encode())
    assert take_images(images, ONE, "a") == Remainder(found=1)
    assert take_images(images, Participant("2", "id"), "a") == Remainder()
    unreadable = gzip.compress(json.dumps(record(item("1"))).encode())
    assert take_images(unreadable, ONE, "a").found == 1


@pytest.mark.parametrize("as_text", [True, False])
def test_a_batch_keeps_the_records_of_others_and_its_form(as_text: bool) -> None:
    one, two, ten = (record(item(participant)) for participant in ("1", "2", "10"))
    body = batch_of(one, two, ten, one, as_text=as_text)
    rest = take_records(body, ONE, "a")
    assert rest.found == 2
    assert rest.body
    whole, event_ = parse_batch(rest.body, "a")
    assert event_ == {"Records": [two, ten]}
    assert isinstance(whole["payload"], str) == as_text
    assert whole["version"] == "1.0"


def test_a_batch_of_one_participant_leaves_nothing() -> None:
    assert take_records(batch_of(record(item("1"))), ONE, "a") == Remainder(1, None)

"""What a consumer reads of an event, in each form in which one is delivered."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim import claim_for, pack, shorten
from scorecast.consumer import CannotRead, read_change, read_standing
from scorecast.runtime.settings import AttributeNames
from tests.support.fakes import STREAM_ARN, FakeObjects, item, record

ROOT = Path(__file__).parents[3]
STANDING = json.loads((ROOT / "events" / "standingEvent.json").read_text(encoding="utf-8"))


def event(image: dict[str, Any], old: dict[str, Any] | None = None, sequence: int = 1) -> dict[str, Any]:
    detail = to_detail(from_record(record(image, old, sequence)))
    return {"detail-type": detail["operation"], "resources": [STREAM_ARN], "detail": detail}


# What the command line, the twin and boto3 need and the library does not import.
NOT_NEEDED = ["boto3", "click", "rich", "tzdata", "ministack", "sortedcontainers", "samcli"]


UPDATE = event(item(score="90"), item(score="60"))


@pytest.mark.parametrize(
    "delivery",
    [
        UPDATE,
        json.dumps(UPDATE),
        json.dumps(UPDATE).encode() + b"\n",
        {"messageId": "1", "body": json.dumps(UPDATE), "eventSource": "aws:sqs"},
        {"MessageId": "1", "Body": json.dumps(UPDATE), "ReceiptHandle": "1"},
    ],
    ids=["a rule's event", "a line", "bytes", "a record of a queue", "a message of a queue"],
)
def test_a_change_is_read_from_every_form_of_delivery(delivery: Any) -> None:
    change = read_change(delivery)
    assert (change.id, change.operation, change.table) == ("event-1", "MODIFY", "main")
    assert change.keys == {"id": "1", "metadata": "StarWar"}
    assert change.old
    assert change.new == change.old | {"projectScore": 90}
    assert change.changed == ("projectScore",)


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        ({"N": "60"}, 60),
        ({"N": "59.75"}, Decimal("59.75")),
        ({"N": "1.50"}, Decimal("1.50")),
        ({"N": "0.12345678901234567890"}, Decimal("0.12345678901234567890")),
        ({"N": "12345678901234567890"}, 12345678901234567890),
        ({"N": "1E-5"}, Decimal("0.00001")),
        ({"B": "aGVsbG8="}, b"hello"),
        ({"SS": ["a", "b"]}, {"a", "b"}),
        ({"NS": ["1", "0.5"]}, {1, Decimal("0.5")}),
        ({"BS": ["aGVsbG8="]}, {b"hello"}),
        ({"M": {"a": {"L": [{"NULL": True}, {"BOOL": False}, {"S": ""}]}}}, {"a": [None, False, ""]}),
    ],
)
def test_values_are_exact_and_never_floats(value: dict[str, Any], exact: Any) -> None:
    change = read_change(json.dumps(event(item() | {"x": value})))
    assert change.new
    assert change.new["x"] == exact
    assert type(change.new["x"]) is type(exact)


def test_a_deleted_item_has_no_new_image() -> None:
    detail = to_detail(from_record(record(None, item())))
    change = read_change({"resources": [STREAM_ARN], "detail": detail})
    assert change.new is None
    assert change.old


def test_the_later_change_of_an_item_has_the_greater_order() -> None:
    first, second = (read_change(event(item(), sequence=at)) for at in (9, 10))
    assert first.item == second.item
    assert first.order < second.order
    newer = STREAM_ARN.replace("2026", "2027")
    assert second.order < read_change(event(item()) | {"resources": [newer]}).order


def test_a_read_of_an_item_is_newer_than_the_change_before_it_within_the_same_second() -> None:
    read = event(item())
    read["detail"] |= {"operation": "READ", "at": read["detail"]["at"].replace("Z", ".500Z")}
    assert read_change(event(item())).order < read_change(read).order


def large() -> tuple[dict[str, Any], FakeObjects]:
    """An event with a claim, and the bucket that has its images."""
    change = from_record(record(item() | {"essay": {"S": "x" * 300_000}}))
    document = json.dumps(to_detail(change)).encode()
    claim = claim_for(document, "backup", "main/1")
    bucket = FakeObjects({claim.key: pack(document)})
    return {"resources": [STREAM_ARN], "detail": shorten(change, claim, AttributeNames())}, bucket


def test_images_that_were_too_large_for_the_bus_are_fetched() -> None:
    delivery, bucket = large()
    new = read_change(delivery, bucket).new
    assert new
    assert len(new["essay"]) == 300_000


def test_without_s3_a_change_too_large_for_the_bus_is_refused_rather_than_read_in_part() -> None:
    with pytest.raises(CannotRead, match="too large for the bus"):
        read_change(large()[0])


def test_a_standing_event_has_exact_scores() -> None:
    told = read_standing({"Body": json.dumps(STANDING)})
    assert (told.kind, told.board, told.detail["participant"]["projectScore"]) == ("LeadChanged", "StarWar", 95)
    long = json.loads(json.dumps(STANDING))
    long["detail"]["types"] = {"/participant/projectScore": {"N": "0.12345678901234567"}}
    exact = read_standing(long).detail
    assert exact["participant"]["projectScore"] == Decimal("0.12345678901234567")
    assert "types" not in exact


@pytest.mark.parametrize("delivery", [None, 1, [], "{", b"\xff", "[]", {"Body": "x"}, {}, {"detail": {}}, STANDING])
def test_what_is_no_change_is_refused(delivery: Any) -> None:
    with pytest.raises(CannotRead):
        read_change(delivery)


@pytest.mark.parametrize("wrong", [{"id": None}, {"at": 1}, {"schema": "scorecast.standing/2"}, {"types": []}])
def test_a_malformed_standing_event_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(CannotRead):
        read_standing(STANDING | {"detail": STANDING["detail"] | wrong})


def test_a_change_is_no_standing_event() -> None:
    with pytest.raises(CannotRead, match=r"scorecast\.standing/1"):
        read_standing(UPDATE)


def test_binary_that_is_not_base64_is_refused() -> None:
    wrong = event(item() | {"photo": {"B": "aGVsbG8="}})
    wrong["detail"]["new"]["photo"] = "?"
    with pytest.raises(CannotRead, match="base64"):
        read_change(wrong)


def test_the_library_needs_nothing_of_the_command_line_and_the_twin() -> None:
    code = f"import sys; sys.modules.update(dict.fromkeys({NOT_NEEDED}))"
    code += "; import scorecast.consumer; print(*(name for name in sys.modules if name.startswith('scorecast.')))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True)
    assert {name.split(".")[1] for name in done.stdout.split()} == {"consumer", "changes", "runtime", "errors"}

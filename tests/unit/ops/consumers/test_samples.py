"""Patterns, and events to test them on: from files and from the backup."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.ops.consumers.event_pattern import PATTERN_CHARACTERS, matches, read_pattern
from scorecast.ops.consumers.samples import built_in_samples, live_samples, samples_in
from scorecast.ops.recovery.backup import newest_events, read_events
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.ops_fakes import FakeRules, FakeS3, fake_stack, refusal

PATTERN = '{"detail":{"changed":["projectScore"]}}'


def lines(*numbers: int) -> bytes:
    return b"".join(json.dumps({"id": number}).encode() + b"\n" for number in numbers)


# ---------------------------------------------------------------- patterns


def test_a_pattern_is_json_a_file_or_standard_input(tmp_path: Path) -> None:
    spaced = '{ "detail": {"changed": ["projectScore"]} }\n'
    (tmp_path / "pattern.json").write_text(spaced)
    assert read_pattern(spaced, io.StringIO()) == PATTERN
    assert read_pattern(f"@{tmp_path / 'pattern.json'}", io.StringIO()) == PATTERN
    assert read_pattern("-", io.StringIO(spaced)) == PATTERN


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('{"detail"', "is not JSON: Expecting ':' delimiter: line 1 column 10"),
        ("", "is not JSON"),
        ("[]", "must be a JSON object"),
        ("{}", "must be a JSON object that is not empty"),
        ("@/nowhere/pattern.json", "file /nowhere/pattern.json cannot be read: No such file"),
        (json.dumps({"source": ["x" * PATTERN_CHARACTERS]}), "has 4,111 characters; 4,096 is the maximum"),
    ],
)
def test_text_that_is_not_a_pattern_is_refused_with_an_example_or_a_position(source: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        read_pattern(source, io.StringIO())
    assert says in str(error.value)
    assert error.value.exit_code == ExitCode.USAGE


def test_eventbridge_itself_tests_a_pattern() -> None:
    rules = FakeRules()
    assert matches(rules, '{"detail-type":["INSERT"]}', {"detail-type": "INSERT"})
    assert not matches(rules, '{"detail-type":["INSERT"]}', {"detail-type": "REMOVE"})


def test_eventbridges_refusal_is_one_sentence() -> None:
    rules = FakeRules(refuse={"test_event_pattern": refusal("InvalidEventPatternException", "No such operator")})
    with pytest.raises(UserError, match=r"EventBridge refuses this pattern: No such operator\."):
        matches(rules, PATTERN, {})


# ---------------------------------------------------------------- the backup


@pytest.mark.parametrize(
    "body",
    [lines(1, 2, 3), lines(1, 2, 3).strip(), lines(1, 2, 3).replace(b"\n", b""), gzip.compress(lines(1, 2, 3))],
    ids=["lines", "no last newline", "nothing between", "gzipped"],
)
def test_an_object_of_the_backup_is_read_in_every_format(body: bytes) -> None:
    assert read_events(body, "x") == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_an_empty_object_holds_no_events() -> None:
    assert read_events(b"", "x") == []


@pytest.mark.parametrize("body", [b"no json", b'{"id": 1} nonsense', b"[1]", b"\xff\xfe", b"\x1f\x8bbroken"])
def test_an_object_without_events_is_named(body: bytes) -> None:
    with pytest.raises(UserError, match=r"^s3://backup/x does not hold events: "):
        read_events(body, "s3://backup/x")


def test_the_newest_events_come_first_and_no_further_object_is_read() -> None:
    s3: Any = FakeS3(
        {
            "changes/2025/12/31/23/z": lines(1, 2),
            "changes/2026/01/01/00/a": lines(3),
            "changes/2026/01/01/00/b": gzip.compress(lines(4, 5)),
            "changes/2026/01/01/09/a": lines(6),
            "failed/2027/x": b"not an event",
        }
    )
    assert [event["id"] for event in newest_events(s3, "backup", 4)] == [6, 5, 4, 3]
    assert len(s3.read) == 3
    assert [event["id"] for event in newest_events(s3, "backup", 99)] == [6, 5, 4, 3, 2, 1]


# ---------------------------------------------------------------- samples


def test_the_projects_samples_are_an_insert_an_update_a_delete_and_two_standing_events() -> None:
    kinds = sorted(sample.event["detail-type"] for sample in built_in_samples())
    assert kinds == ["BoardClosed", "INSERT", "LeadChanged", "MODIFY", "REMOVE"]


def test_a_missing_samples_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name files with --sample, or test real changes with --live"):
        built_in_samples(tmp_path)


def test_a_file_may_hold_many_events(tmp_path: Path) -> None:
    (tmp_path / "many.jsonl").write_bytes(lines(1, 2))
    samples = list(samples_in([tmp_path / "many.jsonl"]))
    assert [(sample.origin, sample.event["id"]) for sample in samples] == [("many.jsonl", 1), ("many.jsonl", 2)]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.json cannot be read: No such file"):
        list(samples_in([tmp_path / "nowhere.json"]))


def test_live_samples_are_the_newest_changes() -> None:
    stack = fake_stack(s3=FakeS3({"changes/2026/01/01/00/a": lines(1, 2)}))
    assert [sample.event["id"] for sample in live_samples(stack, 1)] == [2]

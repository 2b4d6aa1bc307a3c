"""The report answers each point of docs/verified.md that only AWS can confirm, and names nothing."""

import re
from collections import Counter
from pathlib import Path

import pytest

from scorecast.ops.boards.api_client import ApiClient
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.doctor.checkup import run_checks
from scorecast.ops.doctor.finding import Finding, State
from scorecast.ops.doctor.report import QUESTIONS, Evidence, anonymous, ending_of, gather, write_report
from scorecast.runtime.settings import AttributeNames
from tests.support.doctor_fakes import OUTPUTS, FakeAws
from tests.support.fakes import FakeObjects

VERIFIED = Path(__file__).parents[4] / "docs" / "verified.md"
EVIDENCE = Evidence({"board": 1.5, "index": 2.0}, Counter(stream=2), (1000, 0), True, "\n")


def points() -> list[str]:
    """The points under `What only AWS can confirm`."""
    section = VERIFIED.read_text(encoding="utf-8").partition("## What only AWS can confirm")[2]
    return [re.sub(r"\s+", " ", point) for point in re.split(r"^- ", section, flags=re.MULTILINE)[1:]]


@pytest.mark.parametrize("point", points(), ids=lambda point: point[:50])
def test_each_point_has_one_question(point: str) -> None:
    assert len([one for one in QUESTIONS if one.about in point]) == 1, "add a question to ops/doctor/report.py"


def test_each_question_is_about_a_point() -> None:
    assert [one.about for one in QUESTIONS if not any(one.about in point for point in points())] == []


def test_the_answers_are_sentences() -> None:
    aws = FakeAws()
    text = write_report(aws.system(), [Finding("stream", State.OK, "on")], EVIDENCE)
    assert "3. Does Firehose read the delimiter as a newline? Yes, a newline." in text
    assert "The entry was in the index 0.50 s after the table or sooner" in text
    assert "Percent-encoded." in text
    assert "| stream | ok |" in text


def test_what_was_not_seen_is_not_checked() -> None:
    text = write_report(FakeAws().system(), [], Evidence({}, Counter()))
    assert text.count("Not checked: ") == 15


def test_the_report_has_no_name_id_or_account_number() -> None:
    aws = FakeAws()
    system = aws.system()
    names = {*system.resources.values(), *OUTPUTS.values()}
    leaks = [Finding(name, State.FAULT, "x") for name in [*names, "123456789012", "account 999988887777"]]
    text = write_report(system, [*run_checks(system), *leaks], EVIDENCE)
    assert not re.search(r"\d{12}", text)
    assert "arn:" not in text
    assert [name for name in names if name in text] == []
    assert "us-east-1" in text


def test_a_name_within_a_word_is_left_alone() -> None:
    assert anonymous("deadline-Leader", FakeAws().system()) == "deadline-Leader"


class NoLetters:
    def receive_message(self, **_: object) -> dict[str, object]:
        return {}

    def change_message_visibility_batch(self, **_: object) -> dict[str, object]:
        return {}


@pytest.mark.parametrize(
    ("body", "is_encoded"),
    [
        (b'{"detail": "The participant is not on the board \'canary%41\'."}', True),
        (b'{"detail": "The participant is not on the board \'canaryA\'."}', False),
        (b"", None),
    ],
)
def test_the_evidence_is_gathered(body: bytes, is_encoded: bool | None) -> None:
    system = FakeAws().system()
    steps = [
        Finding("canary: board", State.OK, "", seconds=1.0),
        Finding("canary: backup", State.FAULT, "", seconds=9.0),
    ]
    queue = LetterQueue(NoLetters(), "url", AttributeNames())  # type: ignore[arg-type]
    evidence = gather(system, ApiClient("https://api/", lambda _: (404, body)), steps, "\n", queue)
    assert evidence == Evidence({"board": 1.0}, Counter(), (1000, 0), is_encoded, "\n")


@pytest.mark.parametrize(("body", "ending"), [(b'{"a": 1}\n', "\n"), (b'{"a": 1}\\n', "\\n"), (b'{"a": 1}', "")])
def test_what_follows_an_event_is_read_from_the_object(body: bytes, ending: str) -> None:
    assert ending_of(FakeObjects({"key": body}), "backup", "key") == ending

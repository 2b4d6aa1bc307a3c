"""The twin matches event patterns as AWS does: each answer is held against that of AWS's own matcher."""

import json
from typing import Any

import pytest
from ministack.services import eventbridge

from scorecast.twin import event_patterns
from tests.support.event_patterns import ANSWERS

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_matches_alternative", "_matches_numeric"):
        monkeypatch.setattr(eventbridge, name, getattr(eventbridge, name))
    monkeypatch.setitem(eventbridge._CONTENT_MATCHERS, "numeric", eventbridge._matches_numeric)
    event_patterns.apply()


def matches(pattern: Json, detail: Json) -> bool:
    event = eventbridge._event_from_test_payload({"detail": detail})
    return bool(eventbridge._matches_pattern(json.dumps({"detail": pattern}), event))


def test_a_thousand_patterns_match_what_they_match_on_aws() -> None:
    recorded = json.loads(ANSWERS.read_text(encoding="utf-8"))
    events = [eventbridge._event_from_test_payload(json.loads(event)) for event in recorded["events"]]
    views = [eventbridge._pattern_event_view(event) for event in events]
    assert len(recorded["answers"]) > 900
    for pattern, expected in recorded["answers"].items():
        if expected.isdigit():
            found = "".join(str(int(eventbridge._matches_pattern_view(pattern, view))) for view in views)
            assert found == expected, pattern
        assert bool(eventbridge._event_pattern_error(pattern)) != expected.isdigit(), (pattern, expected)


@pytest.mark.parametrize(
    ("deep", "absent"),
    [([{"a": 1}, {"b": 1}], False), ([{"b": 1}, {}], True), ([{"a": []}], True), ([], True), ("text", True)],
)
def test_a_field_is_absent_if_no_object_of_a_list_has_it(deep: Any, absent: bool) -> None:
    assert matches({"deep": {"a": [{"exists": False}]}}, {"deep": deep}) is absent
    assert matches({"deep": {"a": [{"exists": False}, 2]}}, {"deep": deep}) is absent
    assert matches({"deep": {"a": [{"exists": False}, 1]}}, {"deep": deep})


@pytest.mark.parametrize("number", [5_000_000_001, -6e9, 90.0000001])
def test_a_number_that_eventbridge_does_not_compare_matches_no_comparison(number: float) -> None:
    assert not matches({"a": [{"numeric": [">", -5_000_000_000]}]}, {"a": number})
    assert matches({"a": [number]}, {"a": number})


@pytest.mark.parametrize("number", [5_000_000_000, 90.000001, -5e9])
def test_a_number_within_the_range_is_compared(number: float) -> None:
    assert matches({"a": [{"numeric": [">=", -5_000_000_000]}]}, {"a": number})

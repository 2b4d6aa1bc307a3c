"""The report to keep: counts, dates and places, and of the participant the id alone."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scorecast.ops.erasure.report import ErasureReport

AT = datetime(2026, 1, 1, tzinfo=UTC)
REPORT = ErasureReport(
    id="1",
    stack="fanout",
    started_at=AT,
    finished_at=AT,
    since=None,
    found={"items": 2},
    erased={"items": 2, "backupLines": 4},
    unfinished=(),
    tombstones=2,
    tombstones_until=datetime(2026, 1, 31, tzinfo=UTC),
    queued=3,
    rules=("fanout-consumer-winners",),
    requests={"get": 7},
    dollars=0.0000028,
)


def until(report: ErasureReport) -> list[str]:
    return [row["until"] for row in report.expires()]


def test_the_report_says_what_expires_and_when() -> None:
    assert until(REPORT) == [
        "2026-01-31T00:00:00Z",
        "2026-01-05T00:00:00Z",
        "2026-01-03T00:00:00Z",
        "2026-02-05T00:00:00Z",
    ]
    assert [row.get("count") for row in REPORT.expires()] == [2, 3, None, None]


def test_a_run_that_erased_nothing_dates_only_what_it_sees() -> None:
    nothing = replace(REPORT, found={}, erased={}, queued=0)
    assert until(nothing) == ["2026-01-31T00:00:00Z"]
    assert until(replace(nothing, tombstones=0, tombstones_until=None)) == []


def test_the_report_names_the_rules_whose_deliveries_it_cannot_reach() -> None:
    assert REPORT.not_reached()[0] == "what the rule fanout-consumer-winners delivered"


def test_it_is_complete_if_nothing_is_left_to_people() -> None:
    assert REPORT.is_complete
    assert not replace(REPORT, unfinished=("An object could not be read.",)).is_complete
    assert not replace(REPORT, erased=None).is_complete
    assert replace(REPORT, erased=None, found={}).is_complete


def test_the_document_is_json_with_the_field_names_of_the_documentation() -> None:
    document: dict[str, Any] = json.loads(json.dumps(REPORT.document()))
    assert document["schema"] == "scorecast.erasure/1"
    assert (document["id"], document["dryRun"], document["complete"]) == ("1", False, True)
    assert document["requests"] == {"get": 7, "dollars": 0.000003}
    assert replace(REPORT, since=AT, erased=None).document()["since"] == "2026-01-01T00:00:00Z"

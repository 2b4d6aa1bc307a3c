"""The lines from which CloudWatch makes metrics follow its embedded metric format."""

import json
from typing import Any

import pytest

from scorecast.runtime.metrics import ARRAY_VALUES, NAMESPACE, documents, write_metrics

DIMENSIONS = {"Stack": "fanout", "Function": "ConsumerLambda"}


def directive(document: dict[str, Any]) -> dict[str, Any]:
    [only] = document["_aws"]["CloudWatchMetrics"]
    return dict(only)


def test_every_metric_and_dimension_is_a_member_of_the_root() -> None:
    [document] = documents(DIMENSIONS, {"Applied": 3, "Stale": 0}, {"BoardLagMs": [5, 7]}, 1_574_109_732_004)
    assert document["_aws"]["Timestamp"] == 1_574_109_732_004
    assert directive(document)["Namespace"] == NAMESPACE
    assert directive(document)["Dimensions"] == [["Stack", "Function"]]
    assert [document[name] for name in ("Stack", "Function", "Applied", "Stale")] == ["fanout", "ConsumerLambda", 3, 0]
    assert {one["Name"]: one["Unit"] for one in directive(document)["Metrics"]} == {
        "Applied": "Count",
        "Stale": "Count",
        "BoardLagMs": "Milliseconds",
    }
    assert document["BoardLagMs"] == [5, 7]


@pytest.mark.parametrize(("number", "lines"), [(0, 1), (1, 1), (100, 1), (101, 2), (1000, 10)])
def test_each_value_is_in_one_line_of_at_most_a_hundred(number: int, lines: int) -> None:
    found = list(documents(DIMENSIONS, {"Applied": number}, {"BoardLagMs": range(number)}, 1))
    assert len(found) == lines
    values = [document.get("BoardLagMs", []) for document in found]
    assert [value for some in values for value in some] == [*range(number)]
    assert all(len(some) <= ARRAY_VALUES for some in values)
    assert [document.get("Applied") for document in found] == [number] + [None] * (lines - 1)
    for document in found:
        assert all(one["Name"] in document for one in directive(document)["Metrics"])
        assert len(json.dumps(document)) < 256 * 1024


def test_each_line_is_one_json_object(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_STACK", "fanout")
    write_metrics("FanoutLambda", {"RecordsIn": 1}, {"BoardLagMs": range(150)})
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["Stack"], line["Function"]) for line in lines] == [("fanout", "FanoutLambda")] * 2


def test_without_the_stacks_name_nothing_is_written(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("METRICS_STACK", raising=False)
    write_metrics("FanoutLambda", {"RecordsIn": 1}, {})
    assert capfd.readouterr().out == ""

"""What a function's answer to a batch means."""

from typing import Any

import pytest

from scorecast.twin.batch_answers import failed_of

IDS = ["1", "2", "3"]
REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def naming(*identifiers: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": one} for one in identifiers]}


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}])
def test_an_answer_without_failures_is_a_success(answer: Any) -> None:
    assert failed_of(REPORTS, {"body": answer}, IDS) == []


@pytest.mark.parametrize(
    "answer",
    [
        naming(""),
        naming(None),
        naming("4"),
        naming("1", "4"),
        {"batchItemFailures": [{"id": "1"}]},
        {"batchItemFailures": ["1"]},
        {"batchItemFailures": {"itemIdentifier": "1"}},
        "text",
        [],
    ],
)
def test_an_answer_that_lambda_does_not_understand_is_a_failure_of_the_whole_batch(answer: Any) -> None:
    assert failed_of(REPORTS, {"body": answer}, IDS) == IDS


def test_an_answer_names_what_failed() -> None:
    assert failed_of(REPORTS, {"body": naming("3", "2")}, IDS) == ["2", "3"]


@pytest.mark.parametrize("mapping", [{}, {"FunctionResponseTypes": None}, {"FunctionResponseTypes": []}])
def test_without_the_response_type_an_answer_does_not_count(mapping: dict[str, Any]) -> None:
    assert failed_of(mapping, {"body": naming("2")}, IDS) == []
    assert failed_of(mapping, {"body": naming("2"), "error": True}, IDS) == IDS

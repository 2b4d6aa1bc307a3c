"""What a queue's trigger does with the messages of a batch: its code runs on MiniStack's own queues."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ministack.services import lambda_svc, sqs

from scorecast.twin import queue_mappings

Json = dict[str, Any]
FAILED = {"error": True, "body": {"errorMessage": "no"}}


class Queue:
    """A queue with three messages, and a mapping whose function answers as the test says."""

    def __init__(self) -> None:
        self.name = str(uuid.uuid4())
        made = sqs._act_create_queue({"QueueName": self.name, "Attributes": {"VisibilityTimeout": "60"}}, "")
        self.url = made["QueueUrl"]
        self.mapping: Json = {
            "UUID": self.name,
            "FunctionName": "f",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        for body in "abc":
            sqs._act_send_message({"QueueUrl": self.url, "MessageBody": body}, "")

    def deliver(self) -> list[str]:
        """Deliver one batch; return its messages' bodies."""
        batch = queue_mappings._receive_batch(self.url, 10)
        if batch:
            queue_mappings._run_batch(self.mapping, {}, {"Records": batch}, batch, self.url, self.name)
        return [message["body"] for message in batch]

    def left(self) -> str:
        return "".join(message["body"] for message in sqs._queues[self.url]["messages"])

    def show_again(self) -> None:
        """Let the visibility timeout of all messages pass."""
        for message in sqs._queues[self.url]["messages"]:
            message["visible_at"] = 0


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    queue = Queue()
    yield queue
    sqs._queues.pop(queue.url, None)
    lambda_svc._esm_backoff_until.pop(queue.name, None)


Answering = Callable[[Callable[[list[Json]], Json]], None]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Set how the function answers to a batch of messages."""

    def answer(by: Callable[[list[Json]], Json]) -> None:
        monkeypatch.setattr(lambda_svc, "_execute_function", lambda _, event: by(event["Records"]))

    return answer


def naming(*ids: str) -> Json:
    return {"body": {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}}


def test_what_failed_stays_in_the_queue_hidden_for_the_visibility_timeout(queue: Queue, answering: Answering) -> None:
    answering(lambda batch: naming(batch[1]["id"]))
    assert queue.deliver() == ["a", "b", "c"]
    assert queue.left() == "b"
    assert 55 < sqs._queues[queue.url]["messages"][0]["visible_at"] - time.time() <= 60
    assert queue.deliver() == []
    queue.show_again()
    answering(lambda _: {"body": None})
    assert queue.deliver() == ["b"]
    assert queue.left() == ""


@pytest.mark.parametrize("answer", [naming(""), naming("other"), {"body": "text"}, FAILED])
def test_a_batch_whose_answer_is_an_error_or_malformed_stays_whole(
    queue: Queue, answering: Answering, answer: Json
) -> None:
    answering(lambda _: answer)
    queue.deliver()
    assert queue.left() == "abc"
    assert queue.mapping["LastProcessingResult"].startswith("PROBLEM")


def test_after_an_error_the_mapping_pauses_and_after_an_answer_that_names_failures_it_does_not(
    queue: Queue, answering: Answering
) -> None:
    answering(lambda batch: naming(*(one["id"] for one in batch)))
    queue.deliver()
    assert queue.name not in lambda_svc._esm_backoff_until
    queue.show_again()
    answering(lambda _: FAILED)
    queue.deliver()
    assert lambda_svc._esm_backoff_until[queue.name] > time.time()


@pytest.mark.parametrize(("maximum", "cores", "at_once"), [("2", 8, 2), (10, 3, 3), (None, 1, 1)])
def test_no_more_batches_run_at_once_than_the_mapping_and_the_cores_allow(
    monkeypatch: pytest.MonkeyPatch, maximum: Any, cores: int, at_once: int
) -> None:
    monkeypatch.setattr(lambda_svc, "_sqs_esm_concurrency", lambda_svc._sqs_esm_concurrency)
    monkeypatch.setattr(queue_mappings, "BATCHES_AT_ONCE", cores)
    queue_mappings.start_no_more_functions_than_cores()
    assert lambda_svc._sqs_esm_concurrency({"ScalingConfig": {"MaximumConcurrency": maximum}}, {}, {}) == at_once

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
        self.mapping["EventSourceArn"] = sqs._queues[self.url]["attributes"]["QueueArn"]
        for body in "abc":
            self.send(body)

    def send(self, body: str) -> None:
        sqs._act_send_message({"QueueUrl": self.url, "MessageBody": body}, "")

    def batches_allowed(self) -> int:
        """How many batches may run at once, of the five of MiniStack's own default."""
        return queue_mappings._none_while_gathering(
            lambda_svc._sqs_esm_concurrency, self.mapping, {}, {}, sqs._queues[self.url]
        )

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


class Clock:
    """The time that the code under test reads; what it asks to be woken after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.wakes = time.time(), list[float]()
        monkeypatch.setattr(queue_mappings, "time", self)
        monkeypatch.setattr(queue_mappings, "_wake_after", self.wakes.append)

    def time(self) -> float:
        return self.now


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


@pytest.mark.parametrize("window_s", [60, "60"])
def test_a_batch_waits_for_its_window_a_minute_of_which_is_a_second(
    queue: Queue, answering: Answering, monkeypatch: pytest.MonkeyPatch, window_s: Any
) -> None:
    clock = Clock(monkeypatch)
    answering(lambda _: {})
    queue.mapping |= {"MaximumBatchingWindowInSeconds": window_s, "BatchSize": 5}
    assert queue.batches_allowed() == 0
    clock.now += 0.9
    queue.send("d")
    assert queue.batches_allowed() == 0
    assert clock.wakes == [1.0]
    clock.now += 0.1
    assert queue.batches_allowed() == 5
    assert queue.deliver() == [*"abcd"]
    queue.send("e")
    assert queue.batches_allowed() == 0
    assert clock.wakes == [1.0, 1.0]


def test_a_batch_that_is_full_or_has_six_mebibytes_waits_for_no_window(queue: Queue) -> None:
    queue.mapping |= {"MaximumBatchingWindowInSeconds": 300, "BatchSize": 4}
    assert queue.batches_allowed() == 0
    queue.send("d")
    assert queue.batches_allowed() == 5
    queue.mapping["BatchSize"] = 10
    assert queue.batches_allowed() == 0
    for _ in range(7):
        queue.send("x" * 900_000)
    assert queue.batches_allowed() == 5


def test_messages_that_are_hidden_neither_begin_a_window_nor_fill_a_batch(queue: Queue, answering: Answering) -> None:
    answering(lambda batch: naming(*(one["id"] for one in batch)))
    queue.mapping |= {"MaximumBatchingWindowInSeconds": 300, "BatchSize": 4}
    queue.deliver()
    assert queue.batches_allowed() == 5
    queue.send("d")
    assert queue.batches_allowed() == 0


@pytest.mark.parametrize("window_s", [None, 0, "0"])
def test_without_a_window_nothing_waits(queue: Queue, window_s: Any) -> None:
    queue.mapping |= {"MaximumBatchingWindowInSeconds": window_s, "BatchSize": 10}
    assert queue.batches_allowed() == 5


@pytest.mark.parametrize(("maximum", "cores", "at_once"), [("2", 8, 2), (10, 3, 3), (None, 1, 1)])
def test_no_more_batches_run_at_once_than_the_mapping_and_the_cores_allow(
    monkeypatch: pytest.MonkeyPatch, maximum: Any, cores: int, at_once: int
) -> None:
    monkeypatch.setattr(lambda_svc, "_sqs_esm_concurrency", lambda_svc._sqs_esm_concurrency)
    monkeypatch.setattr(queue_mappings, "BATCHES_AT_ONCE", cores)
    queue_mappings.start_no_more_functions_than_cores()
    assert lambda_svc._sqs_esm_concurrency({"ScalingConfig": {"MaximumConcurrency": maximum}}, {}, {}) == at_once

"""A letter leaves the queue only after its destination accepted it."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.changes.change import to_detail
from scorecast.changes.claim import claim_for
from scorecast.changes.claim_store import ClaimStore
from scorecast.fanout.plan import Publication, publication_of
from scorecast.ops.consumers.fifo import fifo_parameters
from scorecast.ops.dead_letters.destinations import Destinations
from scorecast.ops.dead_letters.filters import Filter
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.dead_letters.redrive import Redrive, Redriven, purge
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.settings import AttributeNames
from tests.support.fakes import BUS, STREAM_ARN, FakeEvents, FakeObjects, client_error, fake_countdown, item, record
from tests.support.ops_fakes import OUTPUTS, QUEUE, TOPIC, FakeClock, FakeRules, fake_target, refusal
from tests.support.recovery_fakes import (
    CONSUMER_QUEUE,
    DEAD_LETTERS,
    FANOUT,
    STORED_BATCH,
    FakeQueue,
    change,
    delivery_attributes,
    envelope,
    event,
    invocation_letter,
    stored_batch,
    stored_batch_letter,
    stream_letter,
)

EVERYTHING = Filter()


class Bus(FakeEvents):
    """A bus with rules."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = FakeRules()

    def list_targets_by_rule(self, *, Rule: str, EventBusName: str) -> dict[str, Any]:
        if Rule not in self.rules.targets:
            raise refusal("ResourceNotFoundException")
        return {"Targets": self.rules.targets[Rule]}


@dataclass
class FakeFunctions:
    """Lambda: its invocations; `fails` is the function's answer with an error."""

    invoked: list[tuple[str, str, Any]] = field(default_factory=list)
    fails: str | None = None

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: Any) -> dict[str, Any]:
        self.invoked.append((FunctionName, InvocationType, json.loads(Payload)))
        if self.fails:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(self.fails.encode())}
        return {"Payload": io.BytesIO(b"{}")}


@dataclass
class FakeStreams:
    """A shard with the records 110 to 115, two per page, with empty pages in between; it has none before `oldest`."""

    oldest: int = 0
    ends_at: int = 115

    def get_shard_iterator(
        self, *, StreamArn: str, ShardId: str, ShardIteratorType: str, SequenceNumber: str
    ) -> dict[str, Any]:
        assert (StreamArn, ShardId, ShardIteratorType) == (STREAM_ARN, "shardId-1", "AT_SEQUENCE_NUMBER")
        if int(SequenceNumber) < self.oldest:
            raise refusal("TrimmedDataAccessException")
        return {"ShardIterator": SequenceNumber}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:
        start, _, is_empty = ShardIterator.partition("-")
        if is_empty:
            return {"Records": [], "NextShardIterator": start}
        found = [at for at in (int(start), int(start) + 1) if at <= self.ends_at]
        following = {"NextShardIterator": f"{found[-1] + 1}-empty"} if found else {}
        return {"Records": [self._record(at) for at in found]} | following

    def _record(self, at: int) -> dict[str, Any]:
        made = record(item(score=str(at)) | {"raw": {"B": b"\x00\xff"}}, sequence=at)
        del made["eventSourceARN"]
        made["dynamodb"]["ApproximateCreationDateTime"] = datetime(2026, 1, 1, tzinfo=UTC)
        return made


class System:
    """A stack with a dead-letter queue; run() redrives."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.sqs, self.bus, self.functions, self.streams = FakeQueue(), Bus(), FakeFunctions(), FakeStreams()
        self.published: list[tuple[str, str]] = []
        self.s3 = FakeObjects()
        clients: dict[str, Any] = {
            "sqs": self.sqs,
            "s3": self.s3,
            "events": self.bus,
            "lambda": self.functions,
            "sns": self,
        }
        target = fake_target(**clients | {"dynamodbstreams": self.streams})
        given = {"FanoutDlqUrl": DEAD_LETTERS, "ConsumerQueueUrl": CONSUMER_QUEUE, "BusName": "fanoutBus"}
        self.stack = Stack(target, "fanout", OUTPUTS | given | {"FanoutLambdaName": "fanout-FanoutLambda-1"})
        self.destinations = Destinations(self.stack, executor, lambda _: None, fake_countdown)
        self.clock = FakeClock()

    def publish(self, *, TopicArn: str, Message: str) -> None:
        self.published.append((TopicArn, Message))

    def queue(self) -> LetterQueue:
        return LetterQueue(self.sqs, DEAD_LETTERS, AttributeNames())

    def run(self, wanted: Filter = EVERYTHING, rate: float | None = None) -> Redriven:
        with self.queue() as queue:
            clock = Clock(self.clock.now, self.clock.sleep)
            return Redrive(queue, self.destinations, wanted, clock=clock).run(rate)

    @property
    def left(self) -> int:
        assert len(self.sqs.visible) == len(self.sqs.messages), "every letter is visible again"
        return len(self.sqs.messages)


@pytest.fixture
def system() -> Iterator[System]:
    with ThreadPoolExecutor(2) as executor:
        yield System(executor)


# ---------------------------------------------------------------- each to its destination


def test_a_change_parked_at_fanout_goes_to_the_bus_with_the_same_detail(system: System) -> None:
    system.sqs.park(envelope("fanout", change(7)))
    assert system.run().sent == 1
    [entry] = system.bus.taken
    assert json.loads(entry["Detail"]) == to_detail(change(7))
    assert (entry["Source"], entry["EventBusName"]) == ("update.aws.dynamodb", "fanoutBus")
    assert system.left == 0


def test_the_changes_of_an_item_go_in_their_order(system: System) -> None:
    for sequence in (3, 1, 2):
        system.sqs.park(envelope("fanout", change(sequence)))
    system.run()
    assert [detail["id"] for detail in system.bus.details] == ["event-1", "event-2", "event-3"]


def test_two_letters_about_one_change_send_it_once_and_are_both_deleted(system: System) -> None:
    system.sqs.park(envelope("fanout", change(1)))
    system.sqs.park(envelope("fanout", change(1)))
    system.run()
    assert len(system.bus.taken) == 1
    assert system.left == 0


def large() -> Publication:
    return publication_of(replace(change(7), new=item() | {"text": {"S": "x" * 300_000}}), BUS)


def test_a_large_change_goes_to_the_bus_with_its_claim_whether_it_was_parked_whole_or_not(system: System) -> None:
    made = large()
    assert made.claim
    system.sqs.park(envelope("fanout", made.change))
    assert system.run().sent == 1
    system.sqs.park(envelope("fanout", change=json.loads(made.entry["Detail"]), streamArn=STREAM_ARN))
    assert system.run().sent == 1
    assert [entry["Detail"] for entry in system.bus.taken] == [made.entry["Detail"]] * 2
    assert list(system.s3.objects) == [made.claim.key]
    assert system.left == 0


@pytest.mark.parametrize("refusal", [None, client_error("SlowDown", 503)])
def test_a_letter_whose_images_cannot_be_read_stays(system: System, refusal: ClientError | None) -> None:
    system.sqs.park(envelope("fanout", change=json.loads(large().entry["Detail"]), streamArn=STREAM_ARN))
    system.s3.refuse = lambda _: refusal
    done = system.run()
    assert (done.sent, done.stayed) == (0, 1)
    assert "s3://backup/images/main/" in next(iter(done.refusals))
    assert system.bus.taken == []


def test_a_large_unreadable_record_is_fetched_and_sent_to_fanout(system: System) -> None:
    claim = claim_for(b'{"eventName":"TRUNCATE"}', "backup", "unreadable/record")
    ClaimStore(lambda: system.s3).put(claim, b'{"eventName":"TRUNCATE"}')
    system.sqs.park(envelope("fanout", images=claim.pointer()))
    assert system.run().sent == 1
    [(_, _, payload)] = system.functions.invoked
    assert payload == {"Records": [{"eventName": "TRUNCATE"}]}


@pytest.mark.parametrize("body", [envelope("standings", change(7)), event(change(7))])
def test_a_message_that_the_consumer_failed_on_goes_to_its_queue(system: System, body: str) -> None:
    system.sqs.park(body)
    assert system.run().sent == 1
    [(url, sent)] = system.sqs.sent
    assert (url, json.loads(sent)["detail"]) == (CONSUMER_QUEUE, to_detail(change(7)))
    assert system.left == 0


def test_a_failed_invocation_is_invoked_again(system: System) -> None:
    system.sqs.park(invocation_letter({"any": "payload"}))
    assert system.run().sent == 1
    assert system.functions.invoked == [(FANOUT, "Event", {"any": "payload"})]
    assert system.left == 0


def test_an_unreadable_record_is_sent_to_fanout_again(system: System) -> None:
    system.sqs.park(envelope("fanout", record={"eventName": "TRUNCATE"}))
    assert system.run().sent == 1
    assert system.functions.invoked == [
        ("fanout-FanoutLambda-1", "RequestResponse", {"Records": [{"eventName": "TRUNCATE"}]})
    ]


def test_a_batch_of_the_stream_is_read_again_from_its_first_to_its_last_record(system: System) -> None:
    system.sqs.park(stream_letter())
    assert system.run().sent == 1
    [(_, _, payload)] = system.functions.invoked
    again = payload["Records"]
    assert [int(one["dynamodb"]["SequenceNumber"]) for one in again] == [111, 112, 113]
    assert again[0]["eventSourceARN"] == STREAM_ARN
    assert again[0]["dynamodb"]["NewImage"]["raw"] == {"B": "AP8="}
    assert again[0]["dynamodb"]["ApproximateCreationDateTime"] == 1767225600
    assert system.left == 0


def test_a_batch_that_the_stream_no_longer_keeps_stays_with_the_reason(system: System) -> None:
    system.streams.oldest = 112
    system.sqs.park(stream_letter())
    done = system.run()
    assert (done.sent, done.stayed, system.left) == (0, 1, 1)
    assert "no longer keeps the 3 records from 111" in next(iter(done.refusals))
    assert "scorecast backfill" in next(iter(done.refusals))


def test_a_letter_stays_if_the_stream_ends_within_its_batch(system: System) -> None:
    system.streams.ends_at = 112
    system.sqs.park(stream_letter())
    assert system.run().stayed == system.left == 1


RECORDS = [record(item(score=str(at)), sequence=at) for at in (111, 112, 113)]


@pytest.mark.parametrize("payload", [json.dumps({"Records": RECORDS}), {"Records": RECORDS}])
def test_a_batch_in_s3_is_sent_to_fanout_without_the_stream_and_its_object_stays(system: System, payload: Any) -> None:
    system.streams.oldest = 10_000
    system.s3.objects[STORED_BATCH] = stored_batch(payload)
    system.sqs.park(stored_batch_letter())
    assert system.run().sent == 1
    assert system.functions.invoked == [("fanout-FanoutLambda-1", "RequestResponse", {"Records": RECORDS})]
    assert (system.left, list(system.s3.objects)) == (0, [STORED_BATCH])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "cannot be read (NoSuchKey)"),
        (b"{", "is not a batch of the stream"),
        (stored_batch("no JSON"), "is not a batch of the stream"),
        (stored_batch({"Records": None}), "is not a batch of the stream"),
        (stored_batch([]), "is not a batch of the stream"),
        (stored_batch("[]"), "is not a batch of the stream"),
        (b"[]", "is not a batch of the stream"),
        (stream_letter().encode(), "is not a batch of the stream"),
    ],
)
def test_a_batch_in_s3_that_cannot_be_read_stays_with_the_reason(
    system: System, body: bytes | None, reason: str
) -> None:
    system.s3.objects |= {STORED_BATCH: body} if body is not None else {}
    system.sqs.park(stored_batch_letter())
    done = system.run()
    assert (done.sent, done.stayed, system.left) == (0, 1, 1)
    assert f"s3://backup/{STORED_BATCH} {reason}" in next(iter(done.refusals))
    assert system.functions.invoked == []


def test_a_batch_in_another_bucket_is_not_read(system: System) -> None:
    system.sqs.park(stored_batch_letter(bucket="of-somebody-else"))
    done = system.run()
    assert (done.stayed, system.s3.read) == (1, [])
    assert "is not in the stack's backup bucket" in next(iter(done.refusals))


def test_a_batch_in_s3_stays_if_fanout_fails_again(system: System) -> None:
    system.s3.objects[STORED_BATCH] = stored_batch({"Records": RECORDS})
    system.functions.fails = '{"errorMessage": "the bus is busy"}'
    system.sqs.park(stored_batch_letter())
    done = system.run()
    assert (done.stayed, system.left) == (1, 1)
    assert "the bus is busy" in next(iter(done.refusals))


def test_large_batches_are_cut_to_the_limits_of_lambda(system: System) -> None:
    system.sqs.park(stream_letter(startSequenceNumber="1", endSequenceNumber="2500"))
    system.streams.ends_at = 2600
    assert system.run().sent == 1
    assert [len(payload["Records"]) for _, _, payload in system.functions.invoked] == [1000, 1000, 500]


def test_an_undelivered_event_goes_to_its_target_only(system: System) -> None:
    body = event(change(7))
    system.sqs.park(body, **delivery_attributes(QUEUE))
    system.sqs.park(body, **delivery_attributes(TOPIC))
    system.sqs.park(body, **delivery_attributes(FANOUT))
    assert system.run().sent == 3
    assert system.sqs.sent == [("https://sqs/orders", body)]
    assert system.published == [(TOPIC, body)]
    assert system.functions.invoked == [(FANOUT, "Event", json.loads(body))]
    assert system.bus.taken == []


def test_an_undelivered_event_goes_to_a_fifo_queue_as_its_rule_sends_it(system: System) -> None:
    system.bus.rules.targets["orders"] = [{"Arn": QUEUE} | fifo_parameters("$.detail.keys.id")]
    body = json.loads(event(change(7)))
    system.sqs.park(json.dumps(body), **delivery_attributes(QUEUE))
    assert system.run().sent == 1
    [(url, sent)] = system.sqs.sent
    assert (url, system.sqs.groups) == ("https://sqs/orders", [body["detail"]["keys"]["id"]])
    assert json.loads(sent)["id"] == body["detail"]["id"]


def test_an_event_for_a_target_that_transforms_or_is_unknown_stays(system: System) -> None:
    system.bus.rules.targets["orders"] = [{"Arn": QUEUE, "InputPath": "$.detail"}]
    system.sqs.park(event(change(7)), **delivery_attributes(QUEUE))
    system.sqs.park(event(change(7)), **delivery_attributes("arn:aws:redshift:us-east-1:123456789012:cluster:x"))
    done = system.run()
    assert (done.sent, system.left) == (0, 2)
    assert any("transforms" in reason for reason in done.refusals)
    assert any("cannot deliver to arn:aws:redshift" in reason for reason in done.refusals)


def test_a_letter_without_a_destination_stays(system: System) -> None:
    system.sqs.park("not json")
    assert system.run().stayed == system.left == 1


# ---------------------------------------------------------------- failure loses nothing


def test_letters_stay_if_the_bus_is_busy_until_the_time_runs_out(system: System) -> None:
    system.bus.refuse_entry = lambda entry: "ThrottlingException" if '"event-2"' in entry["Detail"] else None
    for at in (1, 2, 3):
        system.sqs.park(envelope("fanout", change(at)))
    done = system.run()
    assert (done.sent, done.stayed, system.left) == (1, 2, 2)
    assert all(reason.startswith("The bus was busy") for reason in done.refusals)
    system.bus.refuse_entry = lambda _: None
    assert system.run().sent == 2


def test_letters_that_are_not_accepted_stay_and_the_others_are_sent(system: System) -> None:
    system.bus.refuse_entry = lambda entry: "MalformedDetail" if '"event-2"' in entry["Detail"] else None
    system.sqs.refuse_send = lambda body: '"event-5"' in body
    for at in (1, 2, 3):
        system.sqs.park(envelope("fanout", change(at)))
    for at in (4, 5):
        system.sqs.park(envelope("standings", change(at)))
    done = system.run()
    assert (done.selected, done.sent, done.stayed, system.left) == (5, 3, 2, 2)
    system.bus.refuse_entry, system.sqs.refuse_send = lambda _: None, lambda _: False
    assert system.run().sent == 2
    assert system.left == 0


@pytest.mark.parametrize("answer", ['{"errorMessage": "Time ran out"}', "Time ran out", "[]"])
def test_a_letter_stays_if_the_function_fails(system: System, answer: str) -> None:
    system.functions.fails = answer
    system.sqs.park(stream_letter())
    done = system.run()
    assert (done.stayed, system.left) == (1, 1)
    assert "FanoutLambda failed: " in next(iter(done.refusals))


def test_a_kill_between_sending_and_deleting_sends_twice_and_loses_nothing(system: System) -> None:
    system.sqs.park(envelope("fanout", change(1)))
    system.sqs.refuse_delete = True
    with pytest.raises(Exception, match="SQS kept 1"):
        system.run()
    system.sqs.refuse_delete = False
    system.run()
    assert [detail["id"] for detail in system.bus.details] == ["event-1", "event-1"]
    assert system.left == 0


def test_ctrl_c_leaves_the_rest_visible(system: System) -> None:
    for at in range(25):
        system.sqs.park(envelope("standings", change(at)))

    def interrupt(body: str) -> bool:
        if '"event-15"' in body:
            raise KeyboardInterrupt
        return False

    system.sqs.refuse_send = interrupt
    done = system.run()
    assert done.is_interrupted
    assert (done.sent, system.left) == (10, 15)


def test_a_letter_that_returns_is_not_sent_again_in_the_same_run(system: System) -> None:
    system.sqs.park(envelope("standings", change(1)))

    def come_back(body: str) -> bool:
        system.sqs.park(envelope("standings", change(1)))
        return False

    system.sqs.refuse_send = come_back
    done = system.run()
    assert len(system.sqs.sent) == done.sent == 1
    assert (done.came_back, system.left) == (1, 1)


def test_only_selected_letters_are_sent(system: System) -> None:
    system.sqs.park(envelope("fanout", change(1, participant="a")))
    system.sqs.park(envelope("fanout", change(2, participant="b")))
    assert system.run(Filter(id="b")).selected == 1
    assert [detail["keys"]["id"] for detail in system.bus.details] == ["b"]
    assert system.left == 1


def test_the_rate_is_kept_and_few_letters_wait_hidden(system: System) -> None:
    for at in range(6):
        system.sqs.park(envelope("standings", change(at)))
    assert system.run(rate=0.1).sent == 6
    assert system.clock.time_s >= 40  # two at a time, the first at once


def test_purge_deletes_only_selected_letters(system: System) -> None:
    system.sqs.park(envelope("fanout", change(1)))
    system.sqs.park("not json")
    with system.queue() as queue:
        assert purge(queue, Filter(stage="unknown").matches) == 1
    assert system.left == 1

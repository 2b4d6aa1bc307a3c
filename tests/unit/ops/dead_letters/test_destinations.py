"""Each letter goes to where it belongs, or stays in the queue with the reason."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.changes.change import to_detail
from scorecast.changes.claim import claim_for
from scorecast.changes.claim_store import ClaimStore
from scorecast.fanout.plan import Publication, publication_of
from scorecast.ops.consumers.fifo import fifo_parameters
from tests.support.fakes import BUS, STREAM_ARN, client_error, item, record
from tests.support.ops_fakes import QUEUE, TOPIC
from tests.support.recovery_fakes import (
    CONSUMER_QUEUE,
    FANOUT,
    STORED_BATCH,
    change,
    delivery_attributes,
    envelope,
    event,
    invocation_letter,
    stored_batch,
    stored_batch_letter,
    stream_letter,
)
from tests.support.redrive_system import System


@pytest.fixture
def system() -> Iterator[System]:
    with ThreadPoolExecutor(2) as executor:
        yield System(executor)


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

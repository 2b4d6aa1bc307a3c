"""Destinations of dead letters: where each kind belongs, and how to send it there.

A destination counts as having accepted a letter only if it confirmed it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import from_detail
from scorecast.errors import CannotRead, NotAcknowledged, ScorecastError
from scorecast.fanout.plan import Publication, plan_waves, publication_of
from scorecast.fanout.publish import Publisher, countdown
from scorecast.ops.consumers.targets import NotAccepted, Send, sender_of
from scorecast.ops.dead_letters.images import with_images
from scorecast.ops.dead_letters.letters import (
    Content,
    ParkedBatch,
    ParkedChange,
    ParkedDelivery,
    ParkedInvocation,
    ParkedLetter,
    ParkedMessage,
    ParkedRecord,
    ParkedText,
    StoredBatch,
)
from scorecast.ops.dead_letters.stored_batch import read_records
from scorecast.ops.dead_letters.stream import read_again
from scorecast.ops.stack.arn import read_arn
from scorecast.ops.stack.aws_errors import aws_code_of, explain
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.batches import cut_batches

# A synchronous payload has at most 6 MB, and a batch of this stack's stream at most 1,000 records.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
PAYLOAD_BYTES = 5 * 1024 * 1024
BATCH_RECORDS = 1000
# After this many refusals by the bus, a letter stays in the queue.
MAX_ATTEMPTS = 4
# The longest to keep trying a busy bus, because received letters are hidden only for a limited time.
CALL_S = 60.0


@dataclass(frozen=True, slots=True)
class Destinations:
    """All destinations of a stack; `redeliver` reports for each letter whether its destination accepted it."""

    stack: Stack
    executor: Executor
    sleep: Callable[[float], None] = time.sleep
    countdown: Callable[[float], Callable[[], float]] = countdown
    _senders: dict[tuple[str, str], Send] = field(default_factory=dict)

    def redeliver(self, letters: Sequence[ParkedLetter]) -> dict[str, str | None]:
        """Send letters to where they belong; return, by message id, the reason for a refusal, or None if accepted."""
        changes = [letter for letter in letters if isinstance(letter.content, ParkedChange)]
        others = [letter for letter in letters if not isinstance(letter.content, ParkedChange)]
        return self._publish(changes) | {letter.message_id: self._refusal(letter.content) for letter in others}

    def name_of(self, content: Content) -> str:
        """Name the destination, for people."""
        match content:
            case ParkedChange():
                return "the bus"
            case ParkedRecord() | ParkedBatch() | StoredBatch():
                return "FanoutLambda"
            case ParkedMessage():
                return "ConsumerLambda's queue"
            case ParkedInvocation(function_arn):
                return read_arn(function_arn).name
            case ParkedDelivery(_, target_arn):
                return read_arn(target_arn).name
            case ParkedText():
                return "no known destination: it would stay"

    # ------------------------------------------------------------ changes, published together

    def _publish(self, letters: Sequence[ParkedLetter]) -> dict[str, str | None]:
        """Publish changes with their original detail and id, keeping the order of an item's changes."""
        outcome: dict[str, str | None] = {letter.message_id: None for letter in letters}
        by_id: dict[str, list[str]] = {}
        publications: list[Publication] = []
        for letter in letters:
            try:
                publication = self._publication(letter.content)
            except (CannotRead, NotAcknowledged) as error:
                outcome[letter.message_id] = str(error)
                continue
            if publication.change.id not in by_id:
                publications.append(publication)
            by_id.setdefault(publication.change.id, []).append(letter.message_id)
        events, claims = self.stack.client("events"), self.stack.claims
        publisher = Publisher(events, claims, self.executor, MAX_ATTEMPTS, self.sleep, random.random)
        remaining_s = self.countdown(CALL_S)
        waves = plan_waves(sorted(publications, key=lambda one: one.change.position))
        for number, wave in enumerate(waves):
            try:
                refusals = publisher.publish(wave, remaining_s)
            except NotAcknowledged:
                left = [message for one in chain(*waves[number:]) for message in by_id[one.change.id]]
                return outcome | dict.fromkeys(left, "The bus was busy; run the redrive again, with a lower --rate.")
            for refusal in refusals:
                reason = f"The bus refused it ({refusal.error_code}): {refusal.reason}"
                outcome |= dict.fromkeys(by_id[refusal.publication.change.id], reason)
        return outcome

    def _publication(self, content: Content) -> Publication:
        assert isinstance(content, ParkedChange)
        whole = with_images(content, self.stack.claims)
        return publication_of(from_detail(whole.detail, whole.stream_arn), self.stack.bus)

    # ------------------------------------------------------------ everything else, one by one

    def _refusal(self, content: Content) -> str | None:
        try:
            self._send(content)
        except (ClientError, BotoCoreError) as error:
            return str(explain(error))
        except ScorecastError as error:
            return str(error)
        return None

    def _send(self, content: Content) -> None:
        match content:
            case ParkedMessage(body):
                self._client("sqs").send_message(QueueUrl=self.stack.output("ConsumerQueueUrl"), MessageBody=body)
            case ParkedInvocation(function_arn, payload):
                sender_of(self._client, {"Arn": function_arn})(json.dumps(payload))
            case ParkedRecord():
                self._invoke_fanout([with_images(content, self.stack.claims).record])
            case ParkedBatch():
                self._invoke_fanout(read_again(self._client("dynamodbstreams"), content))
            case StoredBatch():
                self._invoke_fanout(self._stored_records(content))
            case ParkedDelivery():
                self._deliver(content)
            case _:
                raise NotAccepted("It has no known destination: see `scorecast dlq show`; `dlq purge` deletes it.")

    def _invoke_fanout(self, records: Iterable[Any]) -> None:
        """Invoke FanoutLambda with records, in order, and wait until it has processed them."""
        for payload in _payloads(records):
            answer = self._client("lambda").invoke(
                FunctionName=self.stack.output("FanoutLambdaName"),
                InvocationType="RequestResponse",
                Payload=payload,
            )
            if answer.get("FunctionError"):
                said = answer["Payload"].read().decode(errors="replace")
                raise NotAccepted(f"FanoutLambda failed: {_error_message(said)}")

    def _stored_records(self, batch: StoredBatch) -> list[Any]:
        """Read a batch, only from the stack's own bucket: its trigger wrote nothing elsewhere."""
        if batch.bucket != self.stack.output("BackupBucketName"):
            raise NotAccepted(f"{batch.uri} is not in the stack's backup bucket.")
        return read_records(self._client("s3"), batch)

    def _deliver(self, delivery: ParkedDelivery) -> None:
        """Send an event to the target that it could not be delivered to."""
        key = (delivery.rule_arn, delivery.target_arn)
        if key not in self._senders:
            self._senders[key] = sender_of(self._client, _target_of(self._client("events"), delivery))
        self._senders[key](delivery.body)

    def _client(self, service: str) -> Any:
        return self.stack.client(service)


def _target_of(events: Any, delivery: ParkedDelivery) -> dict[str, Any]:
    """Return the rule's target as PutTargets received it, or only its ARN if the target no longer exists."""
    gone = {"Arn": delivery.target_arn}
    bus, _, rule = read_arn(delivery.rule_arn).resource.removeprefix("rule/").rpartition("/")
    try:
        answer = events.list_targets_by_rule(Rule=rule, EventBusName=bus or "default")
    except ClientError as error:
        if aws_code_of(error) == "ResourceNotFoundException":
            return gone
        raise
    targets: list[dict[str, Any]] = answer["Targets"]
    return next((target for target in targets if target["Arn"] == delivery.target_arn), gone)


def _payloads(records: Iterable[Any]) -> Iterator[bytes]:
    """Cut records into stream events that are small enough for Lambda."""
    for texts in cut_batches(map(json.dumps, records), BATCH_RECORDS, PAYLOAD_BYTES, lambda text: len(text) + 1):
        yield f'{{"Records":[{",".join(texts)}]}}'.encode()


def _error_message(answer: str) -> str:
    try:
        return str(json.loads(answer).get("errorMessage", answer))
    except (ValueError, AttributeError):
        return answer or "it gave no reason"

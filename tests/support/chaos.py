"""The whole pipeline in memory, with the real handlers and the real redrive, on an AWS that fails by a schedule.

Each call of AWS takes the next fault of the schedule. `fault_schedule.py` says what a fault does, and
`World.check` what the pipeline promises after any of them.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scorecast.changes.change import Change, from_record
from scorecast.changes.claim import Claim, claim_in
from scorecast.changes.claim_store import ClaimStore, resolve
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.errors import ScorecastError
from scorecast.fanout.handler import Fanout
from scorecast.fanout.publish import Publisher
from scorecast.leaderboard.policy import BoardPolicy, Keep
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.ops.dead_letters.destinations import Destinations
from scorecast.ops.dead_letters.filters import Filter
from scorecast.ops.dead_letters.formats import read_letter
from scorecast.ops.dead_letters.letters import ParkedBatch, ParkedChange, ParkedLetter, ParkedRecord
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.dead_letters.redrive import Redrive
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.settings import AttributeNames, ConsumerSettings, FanoutSettings
from scorecast.standings.announce.standing_event import SOURCE
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.store import NO_POLICIES, Leaderboard
from tests.support.fakes import BUS, STREAM_ARN, FakeObjects, Item, item, record
from tests.support.fault_schedule import Aws, Killed, Tables
from tests.support.ops_fakes import OUTPUTS, fake_target, refusal
from tests.support.recovery_fakes import CONSUMER_QUEUE, DEAD_LETTERS, FakeQueue, stream_letter
from tests.support.recovery_fakes import Message as ParkedMessage
from tests.support.standings_fakes import Inline, announcements_of, check_told
from tests.support.standings_oracle import replay, replay_ties

# How often a trigger delivers a batch, and a queue a message, before giving it up. AWS allows more.
STREAM_TRIES = 3
QUEUE_RECEIVES = 3
POISON = "poison"
# A participant whose item is too large for the bus, and whose name is too long for an event to keep.
LARGE = "large"
# The tests let the bus take no larger entry: copying and compressing 256 KB took half of their time.
LARGE_BYTES = 16 * 1024
_LARGE = {"userName": {"S": "x" * 5000}, "text": {"S": "x" * LARGE_BYTES}}
# Fewer than there are participants, so that some are not in a board's top.
PLACES = 2
UNREADABLE = "TRUNCATE"
SHARD = "shardId-1"
START_S = 1586939176


@dataclass
class Message:
    """A message of ConsumerLambda's queue."""

    body: str
    receives: int = 0


class World:
    """The main table and its stream, FanoutLambda, the bus, the queue, ConsumerLambda, the dead-letter queue."""

    def __init__(self, faults: Iterator[str | None], policies: Mapping[str, BoardPolicy] = NO_POLICIES) -> None:
        self.aws = Aws(iter([]))
        self.policies = policies
        self.main: dict[str, Item] = {}
        self.stream: list[Item] = []
        self.position = self.tries = 0
        self.bus: list[Item] = []
        self.details: list[Item] = []  # of the entries on the bus, in their order
        self.queue: list[Message] = []
        self.dead = FakeQueue()
        self.objects = FakeObjects()
        self.tables = Tables(self.aws)
        for board, policy in policies.items():
            self.tables.declare(board, policy)
        self.aws.faults = faults
        self._letters: dict[str, ParkedLetter] = {}
        self._resolved: dict[tuple[Claim, str], bytes] = {}
        self.stack = self._stack()
        self.fanout, self.consumer = self._functions()

    def _functions(self) -> tuple[Fanout, BatchProcessor]:
        dead_letters = DeadLetterQueue(self, DEAD_LETTERS)
        claims = ClaimStore(lambda: self)
        publisher = Publisher(self, claims, Inline(), 2, lambda _: None, lambda: 0.0)
        fanout = Fanout(FanoutSettings(BUS, DEAD_LETTERS, 2), publisher, dead_letters)
        leaderboard = Leaderboard(self.tables, "leaderboard", "boards", lambda _: None)
        settings = ConsumerSettings("leaderboard", "boards", DEAD_LETTERS, "consumer", AttributeNames())
        policies, announcements = PolicyTable(self.tables, "boards"), announcements_of(self.tables, self, PLACES)
        return fanout, BatchProcessor(settings, leaderboard, dead_letters, claims, policies, announcements)

    def _stack(self) -> Stack:
        clients: dict[str, Any] = {"events": self, "s3": self, "sqs": self, "lambda": self, "dynamodbstreams": self}
        given = {"FanoutDlqUrl": DEAD_LETTERS, "ConsumerQueueUrl": CONSUMER_QUEUE, "BusName": "fanoutBus"}
        return Stack(fake_target(**clients), "fanout", OUTPUTS | given | {"FanoutLambdaName": "fanout"})

    # ------------------------------------------------------------ what happens

    def write(self, participant: str, state: tuple[str, int | None] | None) -> None:
        """Put an item, or delete it; the poisonous item has a text for a score."""
        old = self.main.pop(participant, None)
        new = None
        if state is not None:
            board, score = state
            name = f"user {len(self.stream)}"
            new = item(participant, board, None if score is None else str(score), name) | {"metadata": {"S": "entry"}}
            new |= _LARGE if participant == LARGE else {}
            if participant == POISON and score is not None:
                new["projectScore"] = {"S": "many"}
            self.main[participant] = new
        if new != old:
            sequence = len(self.stream) + 1
            self.stream.append(record(new, old, sequence, ApproximateCreationDateTime=START_S + sequence))

    def spoil(self) -> None:
        """Put a record on the stream that FanoutLambda cannot read."""
        self.stream.append(record(item(POISON), None, len(self.stream) + 1) | {"eventName": UNREADABLE})

    def trigger(self, size: int) -> None:
        """Let the stream's trigger deliver a batch, and give it up after STREAM_TRIES failures."""
        batch = self.stream[self.position : self.position + size]
        if not batch:
            return
        try:
            self.fanout.run(batch, self._countdown(60.0))
        except (Exception, Killed):
            self.tries += 1
            if self.tries >= STREAM_TRIES:
                self.give_up(size)
            return
        self.position, self.tries = self.position + len(batch), 0

    def _countdown(self, seconds: float) -> Callable[[], float]:
        """The time that an invocation has; a call that fails takes ten seconds of it, and any other none."""
        before = self.aws.injected.total()
        return lambda: seconds - 10.0 * (self.aws.injected.total() - before)

    def give_up(self, size: int) -> None:
        """Let the trigger give a batch up: a dead letter says where in the stream its records are."""
        batch = self.stream[self.position : self.position + size]
        sequences = [one["dynamodb"]["SequenceNumber"] for one in (batch[0], batch[-1])]
        place = {"startSequenceNumber": sequences[0], "endSequenceNumber": sequences[1]}
        self.dead.park(stream_letter(batchSize=len(batch), streamArn=STREAM_ARN, shardId=SHARD, **place))
        self.position, self.tries = self.position + len(batch), 0

    def consume(self, numbers: list[int]) -> None:
        """Let the queue deliver some messages in any order; one that fails too often becomes a dead letter."""
        chosen = [self.queue[number] for number in dict.fromkeys(numbers) if number < len(self.queue)]
        if not chosen:
            return
        try:
            outcome = self.consumer.process([Delivery(str(at), one.body) for at, one in enumerate(chosen)])
            failed = [chosen[int(name)] for name in outcome.retry_ids]
        except (Exception, Killed):
            failed = chosen
            self.fanout, self.consumer = self._functions()  # a new process knows nothing of the old one
        for one in chosen:
            one.receives += 1
            if one not in failed or one.receives >= QUEUE_RECEIVES:
                self.queue = [other for other in self.queue if other is not one]
            if one in failed and one.receives >= QUEUE_RECEIVES:
                self.dead.park(one.body)

    def repeat(self, number: int) -> None:
        """Let the bus deliver an event once more."""
        if self.bus:
            self._deliver(self.bus[number % len(self.bus)])

    def redrive(self) -> None:
        """Run `scorecast dlq redrive`; if it is killed, the messages that it held become visible again."""
        try:
            with LetterQueue(self, DEAD_LETTERS, AttributeNames()) as queue:
                Redrive(queue, Destinations(self.stack, Inline(), lambda _: None, self._countdown), Filter()).run()
        except (Exception, Killed):
            pass
        for one in self.dead.messages:
            one.is_hidden = False

    def settle(self) -> None:
        """Deliver everything and redrive all dead letters, as often as it takes."""
        for _ in range(200):
            self.trigger(10)
            self.consume(list(range(len(self.queue))))
            if self.position == len(self.stream) and not self.queue:
                if not self._can_be_redriven():
                    return
                self.redrive()
        raise AssertionError("The system does not come to rest.")

    # ------------------------------------------------------------ what is promised

    def check(self) -> None:
        """Assert that every record behind the trigger's position is on the bus or in the dead-letter queue."""
        published = {detail["id"] for detail in self.details}
        letters = [self._letter(one) for one in self.dead.messages]
        parked = {letter.change_id for letter in letters}
        assert all(letter.stage != "unknown" for letter in letters)
        parked_details = [letter.content.detail for letter in letters if isinstance(letter.content, ParkedChange)]
        for detail in [*self.details, *parked_details]:
            self._check_claim(detail)
        parked |= {one.content.record["eventID"] for one in letters if isinstance(one.content, ParkedRecord)}
        places = [letter.content for letter in letters if isinstance(letter.content, ParkedBatch)]
        for one in self.stream[: self.position]:
            number = int(one["dynamodb"]["SequenceNumber"])
            is_placed = any(int(place.first) <= number <= int(place.last) for place in places)
            assert one["eventID"] in published | parked or is_placed, f"{one['eventID']} is lost"
        self.tables.check()

    def _letter(self, message: ParkedMessage) -> ParkedLetter:
        """Read a message of the dead-letter queue; each is read once, for `check` follows every step."""
        if message.id not in self._letters:
            self._letters[message.id] = read_letter({"Body": message.body, "MessageId": message.id})
        return self._letters[message.id]

    def _check_claim(self, detail: Item) -> None:
        """Assert that the object of an event's claim exists; it is read again only after it is written again."""
        claim = claim_in({"detail": detail})
        if claim is None:
            return
        body, about = self.objects.objects.get(claim.key), (claim, detail["id"])
        if body is None or self._resolved.get(about) is not body:
            resolve({"detail": detail}, self.objects)
            self._resolved[about] = self.objects.objects[claim.key]

    def check_rest(self) -> None:
        """Assert that the leaderboard is what changes and policies require, and that standing events tell every top.

        Without policies the leaderboard equals the main table. Changes of the poisonous item are still dead letters.
        """
        self.check()
        parked = {self._letter(one).change_id for one in self.dead.messages}
        standing = [entry for entry in self.bus if entry["Source"] == SOURCE]
        check_told(standing, self.tables, PLACES)
        changed = [one for one, entry in zip(self.details, self.bus, strict=True) if entry["Source"] != SOURCE]
        assert {one["id"] for one in changed if one.get("new", {}).get("projectScore") == "many"} <= parked
        changes = [from_record(one) for one in self.stream if one["eventName"] != UNREADABLE]
        expected = replay(changes, self.policies)
        assert self._but_poison(self.tables.shown) == self._but_poison(expected)
        self._check_ties(changes)
        if not self.policies:
            scores = {
                (name, one["hackathonName"]["S"]): one["projectScore"]["N"]
                for name, one in self.main.items()
                if "N" in one.get("projectScore", {})
            }
            assert self._but_poison(self.tables.scores) == self._but_poison(scores)

    def _check_ties(self, changes: list[Change]) -> None:
        """Assert that ties are in the order of their scores' changes, where that is exact (docs/boards.md)."""
        exact = {board: policy for board, policy in self.policies.items() if policy.keep != Keep.BEST}
        orders = {key: text for key, text in self.tables.tie_orders.items() if key[1] in exact}
        brought = {key: text.split("/")[-1] for key, text in orders.items()}
        assert self._but_poison(brought) == self._but_poison(replay_ties(changes, exact))

    @staticmethod
    def _but_poison(entries: Mapping[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
        return {key: value for key, value in entries.items() if key[0] != POISON}

    def _can_be_redriven(self) -> bool:
        return any(POISON not in one.body for one in self.dead.messages)

    # ------------------------------------------------------------ AWS, as the functions and the redrive see it

    def put_events(self, *, Entries: list[Item]) -> Item:
        assert 1 <= len(Entries) <= 10
        return self.aws.call(lambda: self._take(Entries, len(Entries)), lambda: self._take(Entries, len(Entries) // 2))

    def _take(self, entries: list[Item], count: int) -> Item:
        """Take the first ones, and refuse the others."""
        for entry in entries[:count]:
            self.bus.append(entry)
            self.details.append(json.loads(entry["Detail"]))
            self._deliver(entry)
        refused = [{"ErrorCode": "MalformedDetail", "ErrorMessage": "as told"}] * (len(entries) - count)
        return {"Entries": [{"EventId": "1"}] * count + refused}

    def _deliver(self, entry: Item) -> None:
        if entry["Source"] == "update.aws.dynamodb":
            event = {"resources": entry["Resources"], "detail": json.loads(entry["Detail"])}
            self._enqueue(json.dumps(event))

    def put_object(self, **request: Any) -> Item:
        return self.aws.call(lambda: self.objects.put_object(**request))

    def get_object(self, **request: Any) -> Item:
        return self.aws.call(lambda: self.objects.get_object(**request))

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Item]) -> Item:
        assert QueueUrl == DEAD_LETTERS
        return self.aws.call(lambda: self._park(Entries, len(Entries)), lambda: self._park(Entries, len(Entries) // 2))

    def _park(self, entries: list[Item], count: int) -> Item:
        for entry in entries[:count]:
            self.dead.park(entry["MessageBody"])
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in entries[count:]]}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> Item:
        assert QueueUrl == CONSUMER_QUEUE
        return self.aws.call(lambda: self._enqueue(MessageBody))

    def _enqueue(self, body: str) -> Item:
        self.queue.append(Message(body))
        return {}

    def receive_message(self, **request: Any) -> Item:
        return self.dead.receive_message(**request)

    def get_queue_attributes(self, **request: Any) -> Item:
        return self.dead.get_queue_attributes(**request)

    def delete_message_batch(self, **request: Any) -> Item:
        return self.aws.call(lambda: self.dead.delete_message_batch(**request))

    def change_message_visibility_batch(self, **request: Any) -> Item:
        return self.dead.change_message_visibility_batch(**request)

    def invoke(self, *, Payload: bytes, **_: Any) -> Item:
        """Invoke FanoutLambda; a process that is killed is a failed invocation."""
        try:
            counts = self.fanout.run(json.loads(Payload)["Records"], self._countdown(60.0))
        except (ScorecastError, Killed) as error:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(str(error)).encode())}
        return {"Payload": io.BytesIO(json.dumps(counts).encode())}

    def get_shard_iterator(self, *, SequenceNumber: str, ShardId: str, **_: Any) -> Item:
        if ShardId != SHARD:
            raise refusal("ResourceNotFoundException")
        return self.aws.call(lambda: {"ShardIterator": SequenceNumber})

    def get_records(self, *, ShardIterator: str) -> Item:
        start = int(ShardIterator) - 1
        page = self.stream[start : start + 3]
        following = {"NextShardIterator": str(start + 1 + len(page))}
        return self.aws.call(lambda: {"Records": [dict(one) for one in page]} | following)

"""Measures the consumer by the size of the batch: AWS calls, write units, CPU time and memory.

The handler runs against DynamoDB Local, without standing events (announcements.py measures those). Transactions are
metered action by action. The textbook's consumer makes one PutItem a change in any batch. Run
`python -m bench.measure.consumer --help`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bench.measure.fanout import batch_of, record
from bench.report.results import Row, create_parser, save, spread
from bench.rig import dynamodb_local, functions, stub
from bench.rig.boards import entry_item
from bench.rig.meter import PlainWriter
from bench.rig.tables import BOARDS, LEADERBOARD, empty_tables
from scorecast.changes.change import from_record
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.fanout.plan import SOURCE_LEADERBOARD, publication_of
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Every, policy_item
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import create_s3_client
from scorecast.runtime.settings import AttributeNames, Bus, ConsumerSettings
from scorecast.standings.handler import BatchProcessor, Delivery
from scorecast.standings.store import Leaderboard

BATCHES = [1, 10, 100, 1000]
REPEATS = [0.0, 0.5]
SETTINGS = ConsumerSettings(LEADERBOARD, BOARDS, "queue", "consumer", AttributeNames())
_BUS = Bus("bus", "backup", AttributeNames())
_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/main/stream/2026-01-01T00:00:00.000"
# Scores of a contest, where participants have some thousands of points.
_SCORES = 10_000
CPU_ROUNDS = 5
PARTS = ("writes", "derived", "cpu", "memory")
DERIVED = {
    "nothing": DEFAULT,
    "--every week": BoardPolicy(every=Every.WEEK),
    "--freezes-at": BoardPolicy(freezes_at="2999-01-01T00:00:00Z"),
    "--every week --freezes-at": BoardPolicy(every=Every.WEEK, freezes_at="2999-01-01T00:00:00Z"),
}
MEMORY_BATCH = 1000
MEMORY_BYTES = 4096

Request = dict[str, Any]


class _NoSqs:
    """An SQS client that is never called, because no change of these batches becomes a dead letter."""

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        raise AssertionError(f"{len(Entries)} changes became dead letters.")


NO_DEAD_LETTERS = DeadLetterQueue(_NoSqs(), "queue")


class Metered(PlainWriter):
    """A DynamoDB client that counts all calls; a transaction is one call, though its actions are metered one by one."""

    reads = 0

    def batch_get_item(self, **request: Any) -> Any:
        self.reads += 1
        return super().batch_get_item(**request)


def deliveries_of(batch: int, repeats: float, board: str) -> list[Delivery]:
    """Return a batch of the queue; the share `repeats` of it changes entries that are in the batch already."""
    draw = random.Random(f"{batch} {repeats}")
    entries = max(1, round(batch * (1 - repeats)))
    return [delivery(number, f"player{number % entries:07}", board, draw.randrange(_SCORES)) for number in range(batch)]


def delivery(number: int, participant: str, board: str, score: int, text: str = "") -> Delivery:
    """Return the message of the queue that the bus makes from a change."""
    keys = {"id": {"S": participant}, "metadata": {"S": board}}
    image = keys | {"projectScore": {"N": str(score)}, "userName": {"S": f"The {participant}"}, "text": {"S": text}}
    body = {
        "ApproximateCreationDateTime": 1767225600,
        "Keys": keys,
        "NewImage": image,
        "SequenceNumber": f"{number + 1:025}",
    }
    record = {"eventID": f"{number:032x}", "eventName": "INSERT", "eventSourceARN": _ARN, "dynamodb": body}
    entry = publication_of(from_record(record), _BUS).entry
    detail = json.loads(entry["Detail"])
    event = {"source": SOURCE_LEADERBOARD, "resources": [_ARN], "detail": detail, "detail-type": "INSERT"}
    return Delivery(str(number), json.dumps(event))


def measure(dynamodb: Any, batches: list[int]) -> Iterator[Row]:
    """Write batches of new entries, metered."""
    for batch in batches:
        for repeats in REPEATS:
            yield _measure(dynamodb, batch, repeats)


def _measure(dynamodb: Any, batch: int, repeats: float) -> Row:
    board = f"board {batch} {repeats}"
    writer = Metered(dynamodb)
    leaderboard = Leaderboard(writer, LEADERBOARD, BOARDS)
    policies = PolicyTable(dynamodb, BOARDS)
    consumer = BatchProcessor(SETTINGS, leaderboard, NO_DEAD_LETTERS, ClaimStore(create_s3_client), policies)
    # Not counted as costs of the batch: a process lists a board once, reads the shape of its index once until that
    # changes, and its policy once in POLICY_AGE_S. Upkeep is not done here; upkeep.py measures it.
    leaderboard.shapes.learn([board])
    writer.reads = 0
    outcome = consumer.process(deliveries_of(batch, repeats, board))
    assert not outcome.retry_ids
    return {
        "batch": batch,
        "repeats": repeats,
        "entries_written": outcome.counts["applied"],
        "calls_a_change": round((writer.reads + writer.transactions) / batch, 3),
        "write_units_a_change": round((writer.entry_units + writer.extra_units) / batch, 2),
        "textbook_calls_a_change": 1,
        "textbook_write_units_a_change": _plain_units(dynamodb, board),
    }


def measure_derived(dynamodb: Any) -> Iterator[Row]:
    """Write batches of ten new entries to a board from which others derive, metered."""
    for declared, policy in DERIVED.items():
        board = f"derived {declared}"
        dynamodb.put_item(TableName=BOARDS, Item=policy_item(board, policy))
        writer = Metered(dynamodb)
        policies = PolicyTable(dynamodb, BOARDS)
        claims = ClaimStore(create_s3_client)
        consumer = BatchProcessor(SETTINGS, Leaderboard(writer, LEADERBOARD, BOARDS), NO_DEAD_LETTERS, claims, policies)
        for turn in range(2):  # the first batch begins the boards, which is not counted
            writer.reads = writer.transactions = 0
            writer.entry_units = writer.extra_units = 0.0
            made = [delivery(number, f"player{turn}-{number}", board, number) for number in range(10)]
            assert not consumer.process(made).retry_ids
        boards = len({entry["metadata"]["S"] for entry in _entries_of(dynamodb, "player1-0") if board in str(entry)})
        yield {
            "declared": declared,
            "boards": boards,
            "calls_a_change": round((writer.reads + writer.transactions) / 10, 2),
            "write_units_a_change": round((writer.entry_units + writer.extra_units) / 10, 2),
        }


def _entries_of(dynamodb: Any, participant: str) -> list[dict[str, Any]]:
    asked = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": participant}}}
    return list(dynamodb.query(TableName=LEADERBOARD, **asked)["Items"])


def measure_cpu(endpoint: str, batches: list[int]) -> Iterator[Row]:
    """Write new entries with both functions, from their bundles: CPU time a change, including that of the AWS calls."""
    ours, textbook = functions.CONSUMER
    with functions.running(ours, endpoint) as process:
        for batch in batches:
            events = [{"Records": _messages(turn, batch)} for turn in range(CPU_ROUNDS + 1)]
            yield {"function": ours.name, "batch": batch, "cpu_us_a_change": _cpu(process, events, batch)}
    with functions.running(textbook, endpoint) as process:
        events = [{"detail": record(number, 1024)["dynamodb"]} for number in range(100 * CPU_ROUNDS)]
        yield {"function": textbook.name, "batch": 1, "cpu_us_a_change": _cpu(process, events, 1)}


def _messages(turn: int, batch: int) -> list[dict[str, Any]]:
    board, draw = f"cpu {batch}", random.Random(f"{turn} {batch}")
    made = (delivery(turn, f"player{turn}-{number:07}", board, draw.randrange(_SCORES)) for number in range(batch))
    return [message(str(number), one.event) for number, one in enumerate(made)]


def message(message_id: str, body: Any) -> dict[str, Any]:
    """Make a message of the queue as Lambda passes it to the function."""
    attributes = {"ApproximateReceiveCount": "1"}
    return {"messageId": message_id, "receiptHandle": message_id, "body": body, "attributes": attributes}


def _cpu(process: functions.Process, events: list[dict[str, Any]], batch: int) -> list[float]:
    measured = [process.invoke(event) for event in events][1:]  # the first one opens connections
    return spread(1e6 * one["cpu_s"] / batch for one in measured)


def measure_memory(endpoint: str) -> Iterator[Row]:
    """Give both our functions, from their bundles, the largest batches of 4 KB changes; report the process's peak."""
    text = "x" * MEMORY_BYTES
    deliveries = [delivery(number, f"player{number:07}", "memory", number, text) for number in range(MEMORY_BATCH)]
    messages = [message(one.id, one.event) for one in deliveries]
    with functions.running(functions.CONSUMER[0], endpoint) as process:
        measured = [process.invoke({"Records": messages}) for _ in range(3)]
    assert measured[-1]["answer"] == {"batchItemFailures": []}
    yield _memory(functions.CONSUMER[0].name, measured)
    with stub.running(20) as bus, functions.running(functions.FANOUT[0], bus) as process:
        batch = batch_of(MEMORY_BYTES / 1024)
        yield _memory(functions.FANOUT[0].name, [process.invoke(batch) for _ in range(3)])


def _memory(name: str, measured: list[dict[str, Any]]) -> Row:
    return {
        "function": name,
        "batch": MEMORY_BATCH,
        "change_bytes": MEMORY_BYTES,
        "peak_mb": round(measured[-1]["peak_mb"]),
    }


def _plain_units(dynamodb: Any, board: str) -> float:
    """Return the write units of one PutItem of a new entry, including those of the index by score."""
    item = entry_item(f"{board} plain", "player0000000", Decimal(60))
    answer = dynamodb.put_item(TableName=LEADERBOARD, Item=item, ReturnConsumedCapacity="TOTAL")
    return float(answer["ConsumedCapacity"]["CapacityUnits"])


def main() -> None:
    parser = create_parser("Measure the consumer.")
    parser.add_argument("parts", nargs="*", help=f"parts to measure: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, metavar="N", help="changes in a batch")
    arguments = parser.parse_args()
    dynamodb_local.require()
    parts = arguments.parts or PARTS
    with empty_tables() as (endpoint, dynamodb):
        if "writes" in parts:
            save("consumer", measure(dynamodb, arguments.batches), arguments.into, meter=dynamodb_local.METER)
        if "derived" in parts:
            save("derived", measure_derived(dynamodb), arguments.into, meter=dynamodb_local.METER)
        functions.build()
        if "cpu" in parts:
            save("consumer_cpu", measure_cpu(endpoint, arguments.batches), arguments.into)
        if "memory" in parts:
            save("memory", measure_memory(endpoint), arguments.into)


if __name__ == "__main__":
    main()

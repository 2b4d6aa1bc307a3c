"""The consumer: AWS calls, write units and memory by batch size. `python -m bench.measure.consumer --help`.

The calls that our handler makes are counted against DynamoDB Local (absent, nothing is measured), where transactions
are metered action by action; the textbook's consumer makes one PutItem a change, whatever the batch.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bench.measure.fanout import batch_of, record
from bench.report.results import Row, progress, save, spread
from bench.rig import dynamodb_local, functions, stub
from bench.rig.boards import entry_item
from bench.rig.meter import PlainWriter
from bench.rig.tables import BOARDS, LEADERBOARD, create_tables
from scorecast.changes.change import from_record
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.fanout.plan import SOURCE_LEADERBOARD, publication_of
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import create_s3_client
from scorecast.runtime.settings import AttributeNames, Bus, ConsumerSettings
from scorecast.standings.handler import Consumer, Delivery
from scorecast.standings.store import Leaderboard

BATCHES = [1, 10, 100, 1000]
REPEATS = [0.0, 0.5]
SETTINGS = ConsumerSettings(LEADERBOARD, BOARDS, "queue", AttributeNames())
_BUS = Bus("bus", "backup", AttributeNames())
_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/main/stream/2026-01-01T00:00:00.000"
# Scores of a contest: most boards hold people with some thousands of points.
_SCORES = 10_000
CPU_ROUNDS = 5
MEMORY_BATCH = 1000
MEMORY_BYTES = 4096

Request = dict[str, Any]


class Metered(PlainWriter):
    """A DynamoDB client that counts all calls; a transaction is one, though its actions are metered one by one."""

    reads = 0

    def batch_get_item(self, **request: Any) -> Any:
        self.reads += 1
        return super().batch_get_item(**request)


def deliveries_of(batch: int, repeats: float, board: str) -> list[Delivery]:
    """Return a batch of the queue; a share of it are further changes of entries that are in it already."""
    draw = random.Random(f"{batch} {repeats}")
    entries = max(1, round(batch * (1 - repeats)))
    return [delivery(number, f"player{number % entries:07}", board, draw.randrange(_SCORES)) for number in range(batch)]


def delivery(number: int, participant: str, board: str, score: int, text: str = "") -> Delivery:
    """Return a message of the queue as the bus makes it of a change."""
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
    """Have batches of new entries written, and metered."""
    for batch in batches:
        for repeats in REPEATS:
            row = _measure(dynamodb, batch, repeats)
            progress(str(row))
            yield row


def _measure(dynamodb: Any, batch: int, repeats: float) -> Row:
    board = f"board {batch} {repeats}"
    writer = Metered(dynamodb)
    leaderboard = Leaderboard(writer, LEADERBOARD, BOARDS)
    dead_letters = DeadLetterQueue(None, "queue")  # type: ignore[arg-type]
    policies = PolicyTable(dynamodb, BOARDS)
    consumer = Consumer(SETTINGS, leaderboard, dead_letters, ClaimStore(create_s3_client), policies)
    outcome = consumer.take(deliveries_of(batch, repeats, board))
    assert not outcome.again
    # The board is listed once a process, and its policy read once in POLICY_AGE_S: no costs of the batch.
    return {
        "batch": batch,
        "repeats": repeats,
        "entries_written": outcome.counts["applied"],
        "calls_a_change": round((writer.reads + writer.transactions) / batch, 3),
        "write_units_a_change": round((writer.entry_units + writer.extra_units) / batch, 2),
        "textbook_calls_a_change": 1,
        "textbook_write_units_a_change": _plain_units(dynamodb, board),
    }


def measure_cpu(endpoint: str, batches: list[int]) -> Iterator[Row]:
    """Have both functions, from their bundles, write new entries: CPU a change, the AWS calls included."""
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
    return [{"messageId": str(number), "body": one.event} for number, one in enumerate(made)]


def _cpu(process: functions.Process, events: list[dict[str, Any]], batch: int) -> list[float]:
    measured = [process.invoke(event) for event in events][1:]  # the first opens connections
    return spread(1e6 * one["cpu_s"] / batch for one in measured)


def measure_memory(endpoint: str) -> Iterator[Row]:
    """Have both functions, from their bundles, take the largest batches of 4 KB; their peak is the process's."""
    text = "x" * MEMORY_BYTES
    deliveries = [delivery(number, f"player{number:07}", "memory", number, text) for number in range(MEMORY_BATCH)]
    messages = [{"messageId": one.id, "body": one.event} for one in deliveries]
    for function in functions.CONSUMER[:1]:
        with functions.running(function, endpoint) as process:
            measured = [process.invoke({"Records": messages}) for _ in range(3)]
        assert measured[-1]["answer"] == {"batchItemFailures": []}
        yield _memory(function.name, measured)
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
    """What one PutItem of a new entry costs, with its place in the index."""
    item = entry_item(f"{board} plain", "player0000000", Decimal(60))
    answer = dynamodb.put_item(TableName=LEADERBOARD, Item=item, ReturnConsumedCapacity="TOTAL")
    return float(answer["ConsumedCapacity"]["CapacityUnits"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.measure.consumer", description="Measure the consumer.")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, metavar="N")
    arguments = parser.parse_args()
    if missing := dynamodb_local.what_is_missing():
        sys.exit(f"Nothing is measured: {missing}.")
    with dynamodb_local.running() as endpoint:
        dynamodb = dynamodb_local.create_client(endpoint)
        create_tables(dynamodb)
        meter = f"DynamoDB Local 1.25 ({dynamodb_local.PACKAGE} {dynamodb_local.VERSION})"
        save("consumer", measure(dynamodb, arguments.batches), "bench.measure.consumer", meter=meter)
        functions.build()
        save("consumer_cpu", measure_cpu(endpoint, arguments.batches), "bench.measure.consumer")
        save("memory", measure_memory(endpoint), "bench.measure.consumer")


if __name__ == "__main__":
    main()

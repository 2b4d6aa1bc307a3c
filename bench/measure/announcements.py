"""Measures what standing events add to a batch of the consumer: AWS calls, read units and write units.

The handler runs against DynamoDB Local. Calls for the entries and calls for the announcement are counted separately, in
a warm process: the board is listed and its policy is cached. Run `python -m bench.measure.announcements --help`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.measure.consumer import SETTINGS, Metered, delivery
from bench.report.results import Row, create_parser, save
from bench.rig import dynamodb_local
from bench.rig.boards import draw_entries, load
from bench.rig.meter import Meter
from bench.rig.tables import BOARDS, LEADERBOARD, empty_tables, index_names
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import create_s3_client
from scorecast.standings.announce.announcements import Announcements
from scorecast.standings.announce.publish import Publisher
from scorecast.standings.announce.snapshots import SnapshotTable
from scorecast.standings.handler import Consumer, Delivery
from scorecast.standings.store import Leaderboard

ENTRIES = 10_000
BATCH = 100
PLACES = 10
# Better than every score of the loaded board.
LEADING = 1_000_000


@dataclass
class Bus:
    """A bus that accepts every event, and counts calls and events."""

    calls: int = 0
    events: int = 0

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.calls, self.events = self.calls + 1, self.events + len(Entries)
        return {"Entries": [{"EventId": "1"} for _ in Entries]}


@dataclass
class Snapshots:
    """A DynamoDB client that meters saved snapshots; its `meter` counts the reads."""

    dynamodb: Any
    meter: Meter = field(default_factory=Meter)
    saves: int = 0
    write_units: float = 0.0

    def __post_init__(self) -> None:
        self.meter.watch(self.dynamodb)

    def put_item(self, **request: Any) -> Any:
        answer = self.dynamodb.put_item(**request, ReturnConsumedCapacity="TOTAL")
        self.saves, self.write_units = self.saves + 1, self.write_units + answer["ConsumedCapacity"]["CapacityUnits"]
        return answer

    def __getattr__(self, operation: str) -> Any:
        return getattr(self.dynamodb, operation)

    def reset(self) -> None:
        """Start counting from zero."""
        self.meter.reset()
        self.saves, self.write_units = 0, 0.0


def batch_of(board: str, first: int, scores: list[int]) -> list[Delivery]:
    """Return a batch of new entries with these scores, filled up with scores below all others."""
    made = [*scores, *range(-1, len(scores) - BATCH - 1, -1)]
    return [delivery(first + at, f"new{first + at:07}", board, score) for at, score in enumerate(made)]


CASES: dict[str, list[int]] = {
    "no top changes": [],
    "one enters the top": [LEADING - 2],
    "another one leads": [LEADING],
    "all of the top is new": [LEADING + 1 + at for at in range(PLACES)],
}


def measure(endpoint: str) -> Iterator[Row]:
    """Write and announce batches of a loaded board, then one of a new board."""
    bus, snapshots = Bus(), Snapshots(dynamodb_local.create_client(endpoint))
    writer = Metered(dynamodb_local.create_client(endpoint))
    with ThreadPoolExecutor(1) as executor:
        consumer = _consumer(writer, snapshots, bus, executor)
        consumer.policies.of(["large", "new"])
        load(endpoint, "large", draw_entries("uniform", ENTRIES))
        consumer.take(batch_of("large", 0, [LEADING - 1]))
        for number, (case, scores) in enumerate(CASES.items(), start=1):
            deliveries = batch_of("large", number * BATCH, scores)
            yield _measure(consumer, case, deliveries, writer, snapshots, bus)
        yield _measure(consumer, "the board is new", batch_of("new", 0, []), writer, snapshots, bus)


def _consumer(writer: Metered, snapshots: Snapshots, bus: Bus, executor: ThreadPoolExecutor) -> Consumer:
    policies = PolicyTable(snapshots, BOARDS)
    announcements = Announcements(
        snapshots,
        LEADERBOARD,
        index_names()[0],
        SnapshotTable(snapshots, BOARDS),
        policies,
        Publisher(bus, "bus"),
        PLACES,
        executor,
    )
    leaderboard, dead_letters = Leaderboard(writer, LEADERBOARD, BOARDS), DeadLetterQueue(None, "queue")  # type: ignore[arg-type]
    return Consumer(SETTINGS, leaderboard, dead_letters, ClaimStore(create_s3_client), policies, announcements)


def _measure(
    consumer: Consumer, case: str, deliveries: list[Delivery], writer: Metered, snapshots: Snapshots, bus: Bus
) -> Row:
    snapshots.reset()
    writer.reads = writer.transactions = bus.calls = bus.events = 0
    outcome = consumer.take(deliveries)
    assert not outcome.again
    assert outcome.counts["applied"] == BATCH
    announcing = snapshots.meter.calls + snapshots.saves + bus.calls
    return {
        "what_happens": case,
        "events": bus.events,
        "calls": announcing,
        "read_units": snapshots.meter.units,
        "write_units": snapshots.write_units,
        "all_calls_a_change": round((writer.reads + writer.transactions + announcing) / BATCH, 3),
    }


def main() -> None:
    arguments = create_parser("Measure what standing events cost.").parse_args()
    dynamodb_local.require()
    with empty_tables() as (endpoint, _):
        save("announcements", measure(endpoint), arguments.into, meter=dynamodb_local.METER)


if __name__ == "__main__":
    main()

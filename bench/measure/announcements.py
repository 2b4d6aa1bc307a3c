"""Measures what standing events add to a batch of the consumer: AWS calls, read units and write units.

The handler runs against DynamoDB Local. Calls for the entries and calls for the announcement are counted separately, in
a warm process: the board is listed and its policy is cached. Run `python -m bench.measure.announcements --help`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.measure.consumer import NO_DEAD_LETTERS, SETTINGS, Metered, delivery
from bench.report.results import Row, create_parser, save
from bench.rig import dynamodb_local
from bench.rig.boards import load_board
from bench.rig.meter import Meter
from bench.rig.scores import Oracle, draw_entries
from bench.rig.tables import BOARDS, LEADERBOARD, empty_tables, index_names
from scorecast.changes.claim_store import ClaimStore
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.aws import create_s3_client
from scorecast.standings.announce.announcements import Announcements
from scorecast.standings.announce.publish import StandingEventPublisher
from scorecast.standings.announce.snapshots import SnapshotTable
from scorecast.standings.handler import BatchProcessor, Delivery
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


@dataclass
class Rig:
    """A consumer that announces, on clients that count."""

    writer: Metered
    snapshots: Snapshots
    bus: Bus
    consumer: BatchProcessor

    @classmethod
    def create(cls, endpoint: str, executor: Executor) -> Rig:
        """Create one on a DynamoDB Local."""
        writer = Metered(dynamodb_local.create_client(endpoint))
        snapshots, bus = Snapshots(dynamodb_local.create_client(endpoint)), Bus()
        # The clock stands still, so a policy is read once, as in a process that handles many batches within seconds.
        policies = PolicyTable(snapshots, BOARDS, clock=lambda: 0.0)
        top, publisher = SnapshotTable(snapshots, BOARDS), StandingEventPublisher(bus, "bus")
        announcements = Announcements(
            snapshots, LEADERBOARD, *index_names(), top, policies, publisher, PLACES, executor
        )
        leaderboard, claims = Leaderboard(writer, LEADERBOARD, BOARDS), ClaimStore(create_s3_client)
        return cls(
            writer,
            snapshots,
            bus,
            BatchProcessor(SETTINGS, leaderboard, NO_DEAD_LETTERS, claims, policies, announcements),
        )

    def measure(self, case: str, deliveries: list[Delivery]) -> Row:
        """Have a batch written and announced."""
        self.snapshots.reset()
        self.writer.reads = self.writer.transactions = self.bus.calls = self.bus.events = 0
        outcome = self.consumer.process(deliveries)
        assert not outcome.retry_ids
        assert outcome.counts["applied"] == BATCH
        announcing = self.snapshots.meter.calls + self.snapshots.saves + self.bus.calls
        return {
            "what_happens": case,
            "events": self.bus.events,
            "calls": announcing,
            "read_units": self.snapshots.meter.units,
            "write_units": self.snapshots.write_units,
            "all_calls_a_change": round((self.writer.reads + self.writer.transactions + announcing) / BATCH, 3),
        }


def measure(endpoint: str) -> Iterator[Row]:
    """Write and announce batches of a loaded board, then one of a new board."""
    with ThreadPoolExecutor(1) as executor:
        rig = Rig.create(endpoint, executor)
        rig.consumer.policies.of(["large", "new"])
        oracle = Oracle()
        oracle.add(draw_entries("uniform", ENTRIES))
        load_board(endpoint, "large", oracle.scores, oracle.ordered)
        rig.consumer.process(batch_of("large", 0, [LEADING - 1]))
        for number, (case, scores) in enumerate(CASES.items(), start=1):
            yield rig.measure(case, batch_of("large", number * BATCH, scores))
        yield rig.measure("the board is new", batch_of("new", 0, []))


def main() -> None:
    arguments = create_parser("Measure what standing events cost.").parse_args()
    dynamodb_local.require()
    with empty_tables() as (endpoint, _):
        save("announcements", measure(endpoint), arguments.into, meter=dynamodb_local.METER)


if __name__ == "__main__":
    main()

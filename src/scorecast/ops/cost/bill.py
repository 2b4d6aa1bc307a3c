"""A month's bill of Scorecast and of three alternatives: measured calls, units and CPU time times the price table.

`prices.json` is the price table, with its date and sources; `measured.json` comes from the benchmarks' results. The
constants below and docs/cost.md state what the model assumes. Refuses boards that are too large for every cache node in
the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode

MILLION = 1_000_000
HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3600

# The functions' memory in template.yaml, and the share of a vCPU that comes with it: 1,769 MB are one vCPU.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY_GB = 0.5
VCPU_SHARE = 512 / 1769
# Assumed, not measured: a call on AWS takes 20 ms to the bus and 5 ms to a table or a cache.
PUBLISH_MS = 20.0
TABLE_MS = 5.0
# A batch of the stream holds the changes of one second, at an even rate. So does a batch of the queue, but without a
# window (the default) AWS delivers at most ten messages. Bursts make larger, cheaper batches.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
WINDOW_S = 1.0
CONSUMER_BATCH = 10
# ReceiveMessage and DeleteMessageBatch take ten messages; on an idle queue, five pollers ask every 20 seconds.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
QUEUE_BATCH = 10
IDLE_POLLS = 5 * 3600 / 20 * HOURS_A_MONTH
# Firehose bills records in steps of 5 KB; a change of a few KB is one step.
BACKUP_GB = 5 / 1024 / 1024
# ElastiCache reserves a quarter of a node's memory.
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/redis-memory-management.html
NODE_SHARE = 0.75
SERVERLESS_LEAST_GB = 0.1

SCORECAST, TEXTBOOK, PIPES, REDIS = "scorecast", "textbook", "pipes", "redis"
ALTERNATIVES = (TEXTBOOK, PIPES, REDIS)
DESIGNS = (SCORECAST, *ALTERNATIVES)

Measured = Mapping[str, Any]
Lines = dict[str, float]
"""Dollars a month by service."""


@dataclass(frozen=True)
class Workload:
    """A month of a board: changes of scores, look-ups of ranks, entries."""

    changes: float = MILLION
    lookups: float = MILLION
    entries: float = 100_000


@dataclass(frozen=True)
class Bill:
    """A month's cost of one design."""

    design: str
    lines: Lines

    @property
    def total(self) -> float:
        return sum(self.lines.values())


@dataclass(frozen=True)
class Model:
    """The price table and the measurements."""

    prices: Mapping[str, Any]
    measured: Measured

    def bill(self, design: str, workload: Workload) -> Bill:
        """Return a month's bill of a design, without lines that cost nothing."""
        lines: Lines = {}
        for part in (
            *self._changes(design, workload),
            *self._lookups(design, workload),
            *self._fixed(design, workload),
        ):
            name, dollars = part
            lines[name] = lines.get(name, 0.0) + dollars
        return Bill(design, {name: dollars for name, dollars in lines.items() if dollars})

    def bills(self, workload: Workload) -> list[Bill]:
        """Return a month's bill of each design."""
        return [self.bill(design, workload) for design in DESIGNS]

    def a_million_changes(self, design: str, workload: Workload) -> float:
        """Return the dollars for a million changes at this workload."""
        return sum(dollars for _, dollars in self._changes(design, workload)) * MILLION / max(workload.changes, 1)

    def a_million_lookups(self, design: str, workload: Workload) -> float:
        """Return the dollars for a million look-ups of a rank on a board of this size."""
        return sum(dollars for _, dollars in self._lookups(design, Workload(0, MILLION, workload.entries)))

    # ---------------------------------------------------------------- the lines of a bill

    def _changes(self, design: str, workload: Workload) -> list[tuple[str, float]]:
        """All designs have the bus, with a function or a pipe before it and a consumer behind it."""
        batch, many = workload.changes / SECONDS_A_MONTH * WINDOW_S, workload.changes
        lines = [("EventBridge", many * self.a_million("event"))]
        if design == PIPES:
            lines.append(("EventBridge", many * self.a_million("pipe")))
        else:
            fanout = self.measured["fanout"][TEXTBOOK if design == TEXTBOOK else SCORECAST]
            milliseconds = max(fanout["ms"], PUBLISH_MS / max(batch, 1), fanout["cpu_ms"] / VCPU_SHARE)
            lines.append(("Lambda", self.invocations(many / max(batch, 1), many * milliseconds)))
        if design in (TEXTBOOK, PIPES):
            return [*lines, *self._written(many, self.measured["consumer"][TEXTBOOK][0], batch=1, units=True)]
        lines.append(("SQS", many * (1 + 2 / min(max(batch, 1), QUEUE_BATCH)) * self.a_million("queue")))
        batch = min(max(batch, 1), CONSUMER_BATCH)
        steps = self.measured["consumer"][SCORECAST]
        # The cost of a change grows with the board, so use the next larger board that was measured.
        sizes = sorted({step["entries"] for step in steps})
        size = next((size for size in sizes if size >= workload.entries), sizes[-1])
        step = _step([step for step in steps if step["entries"] == size], "batch", batch)
        lines += self._written(many, step, batch=batch, units=design == SCORECAST)
        if design == SCORECAST:
            lines.append(("Firehose (backup)", many * BACKUP_GB * self.price("firehose_gb")))
        return lines

    def _written(self, many: float, step: Measured, batch: float, *, units: bool) -> list[tuple[str, float]]:
        """A consumer's invocations, and the units that it reads and writes, if `units` are billed."""
        milliseconds = max(step["calls"] * TABLE_MS, step["cpu_ms"] / VCPU_SHARE)
        written = step["write_units"] * self.a_million("write_unit") + step["read_units"] * self.a_million("read_unit")
        return [
            ("Lambda", self.invocations(many / batch, many * milliseconds)),
            ("DynamoDB, writing", many * written if units else 0.0),
        ]

    def _lookups(self, design: str, workload: Workload) -> list[tuple[str, float]]:
        """All designs have the API and its function, and behind them the index, a COUNT, or a sorted set."""
        way = SCORECAST if design in (SCORECAST, REDIS) else "COUNT"
        steps = self.measured["lookups"][way]
        step, larger = _step(steps, "entries", workload.entries), 1.0
        if way == "COUNT":  # it reads every entry that it counts
            larger = workload.entries / step["entries"]
        milliseconds = max(step["round_trips"] * larger * TABLE_MS, step["cpu_ms"] * max(larger, 1) / VCPU_SHARE)
        units = 0.0 if design == REDIS else step["read_units"] * larger
        return [
            ("API Gateway", workload.lookups * self.a_million("api")),
            ("Lambda", self.invocations(workload.lookups, workload.lookups * milliseconds)),
            ("DynamoDB, reading", workload.lookups * units * self.a_million("read_unit")),
        ]

    def _fixed(self, design: str, workload: Workload) -> list[tuple[str, float]]:
        if design == REDIS:
            return [("SQS", IDLE_POLLS * self.a_million("queue")), ("ElastiCache", self._cache(workload))]
        return [("SQS", IDLE_POLLS * self.a_million("queue"))] if design == SCORECAST else []

    def _cache(self, workload: Workload) -> float:
        """Return the price of a serverless cache or one node, whichever is cheaper; a replaced node loses the board."""
        gb = workload.entries * float(self.measured["redis"]["bytes_an_entry"]) / 2**30
        requests = workload.changes + workload.lookups * float(self.measured["redis"]["calls_a_lookup"])
        serverless = max(gb, SERVERLESS_LEAST_GB) * HOURS_A_MONTH * self.price("cache_gb_hour")
        nodes = [float(node["dollars_an_hour"]) for node in self.prices["nodes"] if node["gb"] * NODE_SHARE >= gb]
        if not nodes:
            raise UserError(f"No cache node in the price table holds {workload.entries:,.0f} entries.", ExitCode.USAGE)
        return min(serverless + requests * self.a_million("cache_request"), min(nodes) * HOURS_A_MONTH)

    def invocations(self, invocations: float, milliseconds: float) -> float:
        """Return the price of a function's invocations, given their total milliseconds."""
        gb_seconds = milliseconds / 1000 * MEMORY_GB
        return invocations * self.a_million("invocation") + gb_seconds * self.price("gb_second")

    def price(self, name: str) -> float:
        """Return an entry of the price table."""
        return float(self.prices["prices"][name]["dollars"])

    def a_million(self, name: str) -> float:
        """Return the price of one unit that is priced by the million."""
        return self.price(name) / MILLION


def _step(steps: Sequence[Measured], name: str, value: float) -> Measured:
    """Return the last measured step that the value reaches, or the first step if it reaches none."""
    reached = [step for step in steps if step[name] <= value]
    return reached[-1] if reached else steps[0]


# ---------------------------------------------------------------- which is cheaper


def verdict(model: Model, other: str, workload: Workload) -> str:
    """Return `compare`'s answer as a sentence."""
    return f"{NAMES[other]} is {compare(model, other, workload)}."


def compare(model: Model, other: str, workload: Workload) -> str:
    """Say at how many look-ups a month another design is cheaper than Scorecast, all else unchanged."""
    none = Workload(workload.changes, 0, workload.entries)
    more = model.bill(other, none).total - model.bill(SCORECAST, none).total
    slope = model.a_million_lookups(SCORECAST, workload) - model.a_million_lookups(other, workload)
    crossing = more / slope * MILLION if slope else -1.0
    if crossing <= 0:
        return "cheaper at any number of look-ups" if more < 0 else "never cheaper"
    return f"cheaper {'above' if slope > 0 else 'up to'} {_rounded(crossing)} look-ups a month"


NAMES = {
    SCORECAST: "Scorecast",
    TEXTBOOK: "The textbook pipeline with COUNT",
    PIPES: "EventBridge Pipes with COUNT",
    REDIS: "Redis (ElastiCache)",
}


def _rounded(number: float) -> str:
    """Round to two digits, which is all the precision that the model has.

    >>> _rounded(123456.0)
    '120,000'
    """
    return f"{float(f'{number:.2g}'):,.0f}"

"""Measures the whole pipeline on the local twin beside the textbook's: changes a second, first write to last entry.

Both stacks are deployed to one engine that runs only for this; the designs take turns. Run
`python -m bench.measure.pipeline --help`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.report.results import Row, create_parser, progress, save, spread
from bench.rig import functions
from bench.rig.process_time import group_seconds
from scorecast.ops.stack.batch_write import BATCH_WRITES
from scorecast.ops.stack.polling import poll_until
from scorecast.runtime.batches import cut_batches
from scorecast.twin import deployment, process
from scorecast.twin.buffer import INTERVAL_S
from scorecast.twin.instance import Twin, read_note

Item = dict[str, Any]

PORT = 4640
# As `make up` deploys it, with standing events, which the textbook lacks, and an API that answers all who ask.
RATE = ("ApiRateLimit=10000", "ApiBurstLimit=5000")
PARAMETERS = {functions.OURS: ["--parameter-overrides", *deployment.PARAMETERS, *RATE]}
DEADLINE_S = 300
POLL_S = 0.1
# An idle engine still polls; that takes less than this share of a core. Firehose flushes within the time.
IDLE_S, IDLE_SHARE = 2 * INTERVAL_S, 0.2


@dataclass(frozen=True)
class Deployed:
    """A stack that is deployed to the engine."""

    design: str
    dynamodb: Any
    outputs: Mapping[str, str]

    def carry(self, items: Sequence[Item], deadline_s: float = DEADLINE_S) -> float:
        """Write new items and wait until all are entries; return the seconds since the first write."""
        before, started = self._entries(), time.perf_counter()
        for batch in cut_batches(items, BATCH_WRITES):
            puts = [{"PutRequest": {"Item": item}} for item in batch]
            self.dynamodb.batch_write_item(RequestItems={self.outputs["MainTableName"]: puts})
        while self._entries() < before + len(items):
            if time.perf_counter() > started + deadline_s:
                sys.exit(f"{self.design}: of {len(items)} changes {self._entries() - before} arrived.")
            time.sleep(POLL_S)
        return time.perf_counter() - started

    def _entries(self) -> int:
        return int(self.dynamodb.describe_table(TableName=self.outputs["LeaderboardTableName"])["Table"]["ItemCount"])


def items_of(turn: int, count: int, board: str = "StarWar") -> list[Item]:
    """Return new items: those of different turns are different participants."""
    return [
        {
            "id": {"S": f"player{turn:03}{number:06}"},
            "metadata": {"S": board},
            "projectScore": {"N": str((number * 7919) % 10_000)},
            "userName": {"S": f"The {number}th"},
        }
        for number in range(count)
    ]


@contextmanager
def engine(port: int = PORT) -> Iterator[Twin]:
    """Run an empty engine for a benchmark only."""
    with tempfile.TemporaryDirectory(prefix="scorecast-bench-") as state_dir:
        twin = Twin(root=functions.ROOT, state_dir=Path(state_dir), port=port)
        process.start(twin)
        try:
            yield twin
        finally:
            process.stop(twin)


def deploy(twin: Twin, design: str) -> Deployed:
    """Deploy a design's bundles with the SAM CLI."""
    name = f"bench-{design}"
    done = deployment.run_sam(
        twin,
        *("deploy", "--config-env", "bench", "--template-file", str(functions.BUILDS / design / "template.yaml")),
        *("--stack-name", name, "--capabilities", "CAPABILITY_IAM", "--resolve-s3"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *PARAMETERS.get(design, []),
    )
    if done.returncode:
        sys.exit(f"The stack of {design} could not be deployed:\n{(done.stdout + done.stderr)[-2000:]}")
    outputs = deployment.describe(Twin(twin.root, twin.state_dir, twin.port, name)).outputs
    return Deployed(design, twin.client("dynamodb"), outputs)


def seconds_when_idle(leader: int) -> float:
    """Return the CPU seconds of the engine and its functions, once announcements, upkeep and backup are done too."""
    before = group_seconds(leader)
    for _ in poll_until(DEADLINE_S, IDLE_S, IDLE_S):
        now = group_seconds(leader)
        if 0 < now - before < IDLE_SHARE * IDLE_S:
            return now
        before = now
    sys.exit(f"The engine was still at work after {DEADLINE_S} s.")


def measure(changes: int, rounds: int) -> Iterator[Row]:
    """Send batches of changes through both stacks in turns."""
    with engine() as twin:
        stacks = [deploy(twin, design) for design in functions.PIPELINES]
        taken: dict[str, list[float]] = {one.design: [] for one in stacks}
        worked: dict[str, list[float]] = {one.design: [] for one in stacks}
        leader = int(read_note(twin.state_dir)["pid"])
        worked_before = seconds_when_idle(leader)
        for turn in range(rounds + 1):
            for one in stacks:
                seconds = one.carry(items_of(turn, changes if turn else 100))
                progress(f"turn {turn}, {one.design}: {seconds:.1f} s")
                worked_so_far = seconds_when_idle(leader)
                if turn:  # the first one starts the functions
                    taken[one.design].append(seconds)
                    worked[one.design].append(worked_so_far - worked_before)
                worked_before = worked_so_far
    base = median(taken[functions.TEXTBOOK])
    for design, seconds_taken in taken.items():
        yield {
            "design": design,
            "changes": changes,
            "changes_a_second": spread(changes / seconds for seconds in seconds_taken),
            "times_the_changes": round(base / median(seconds_taken), 1),
            "cpu_ms_a_change": spread((1000 * seconds / changes for seconds in worked[design]), digits=2),
        }


def main() -> None:
    parser = create_parser("Measure the whole pipeline.")
    parser.add_argument("--changes", type=int, default=2000, help="changes a round")
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds of each design, after a small one that does not count"
    )
    arguments = parser.parse_args()
    functions.build()
    rows = measure(arguments.changes, arguments.rounds)
    save("pipeline", rows, arguments.into, engine="MiniStack, the local twin")


if __name__ == "__main__":
    main()

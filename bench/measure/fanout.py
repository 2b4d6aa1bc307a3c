"""Measures the fan-out beside the textbook's and Powertools': records a second and CPU time a record.

The handlers run from their bundles and publish the same batches to a stub that answers PutEvents after a fixed time.
They take turns, so that other load on the machine affects all of them alike. Run
`python -m bench.measure.fanout --help`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

from bench.report.results import Row, create_parser, save, spread
from bench.rig import functions, stub

LATENCIES_MS = [0, 20, 50]
SIZES_KB = [0.5, 4, 64]
# A batch of the trigger: BatchSize of the template, and the bytes that Lambda accepts (6 MB, with some room).
BATCH_RECORDS = 1000
BATCH_BYTES = 5_500_000
# A design that makes one call a record gets only the start of a batch: a whole one takes minutes at the same rate.
SINGLE_RECORDS = 50
# How many attributes an item's text is spread over, next to the five that a leaderboard reads.
TEXTS = 8
_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/main/stream/2026-01-01T00:00:00.000"
_BARE_BYTES = 700


def batch_of(size_kb: float) -> dict[str, Any]:
    """Return a batch of updates of different items; a record with both images has about this size as JSON."""
    size_bytes = int(size_kb * 1024)
    count = min(BATCH_RECORDS, BATCH_BYTES // size_bytes)
    return {"Records": [record(number, size_bytes) for number in range(count)]}


def record(number: int, size_bytes: int) -> dict[str, Any]:
    """Return a record of the stream as Lambda delivers it."""
    keys = {"id": {"S": f"player{number:07}"}, "metadata": {"S": "StarWar"}}
    text = ("lorem ipsum " * size_bytes)[: max(0, size_bytes - _BARE_BYTES) // (2 * TEXTS)]
    texts = {f"text{at}": {"S": text} for at in range(TEXTS)} if text else {}
    old, new = (keys | {"projectScore": {"N": str(score)}} | texts for score in (number, number + 1))
    return {
        "eventID": f"{number:032x}",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1767225600,
            "Keys": keys,
            "NewImage": new,
            "OldImage": old,
            "SequenceNumber": f"{number:025}",
            "SizeBytes": size_bytes,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": _ARN,
    }


def measure(latency_ms: int, sizes_kb: list[float], rounds: int) -> Iterator[Row]:
    """Measure all designs at one latency, size by size."""
    with ExitStack() as stack:
        endpoint = stack.enter_context(stub.running(latency_ms))
        processes = {one.design: stack.enter_context(functions.running(one, endpoint)) for one in functions.PUBLISHERS}
        for size_kb in sizes_kb:
            batch = batch_of(size_kb)
            for row in _compare(processes, batch["Records"], rounds):
                yield {"latency_ms": latency_ms, "record_kb": size_kb} | row


def _compare(processes: dict[str, functions.Process], records: list[Any], rounds: int) -> Iterator[Row]:
    batches = {design: records[:SINGLE_RECORDS] if design == functions.POWERTOOLS else records for design in processes}
    taken: dict[str, list[tuple[float, float]]] = {design: [] for design in processes}
    for turn in range(rounds + 1):
        for design, process in processes.items():
            measured = process.invoke({"Records": batches[design]})
            many = len(batches[design])
            assert measured["answer"].get("published", many) == many
            assert not measured["answer"].get("batchItemFailures")
            if turn:  # the first opens connections
                taken[design].append((measured["seconds"] / many, measured["cpu_s"] / many))
    base_s, base_cpu_s = _medians(taken[functions.TEXTBOOK])
    for design, measurements in taken.items():
        record_s, record_cpu_s = _medians(measurements)
        yield {
            "batch": len(batches[design]),
            "design": design,
            "records_a_second": spread(1 / seconds for seconds, _ in measurements),
            "cpu_us_a_record": spread(1e6 * cpu_s for _, cpu_s in measurements),
            "times_the_records": round(base_s / record_s, 1),
            "times_the_cpu": round(record_cpu_s / base_cpu_s, 2),
        }


def _medians(measurements: list[tuple[float, float]]) -> tuple[float, float]:
    return median(seconds for seconds, _ in measurements), median(cpu_s for _, cpu_s in measurements)


def main() -> None:
    parser = create_parser("Measure the fan-out.")
    parser.add_argument(
        "--latencies", type=int, nargs="+", default=LATENCIES_MS, metavar="MS", help="how long the bus takes"
    )
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES_KB, metavar="KB", help="sizes of a record")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each design, after one that does not count")
    arguments = parser.parse_args()
    functions.build()
    rows = (row for latency in arguments.latencies for row in measure(latency, arguments.sizes, arguments.rounds))
    save("fanout", rows, arguments.into)


if __name__ == "__main__":
    main()

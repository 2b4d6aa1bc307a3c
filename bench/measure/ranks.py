"""Measures the counting index for docs/ranks.md: look-ups, answers, writes, upkeep, contention and numbers of shards.

Most of it runs on DynamoDB Local; very large boards, and what fills boards, in memory. Run
`python -m bench.measure.ranks --help`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import chain

from bench.measure.answers import ORDERED_TIES, measure_answers
from bench.measure.contention import Stress
from bench.measure.lookups import measure_listed, measure_lookups
from bench.measure.upkeep import measure_upkeep
from bench.measure.write_cost import measure_concurrency, measure_shards, measure_writers, measure_writes
from bench.report.results import Row, create_parser, save
from bench.rig import dynamodb_local
from bench.rig.scores import SHAPES
from scorecast.leaderboard.index import table

SIZES = [300, 10_000, 100_000]
ANSWERED = [100_000]
LISTED = 10_000_000
BATCHES = [1, 10, 50]
WRITTEN = [10_000, 100_000]
FILLED = 100_000
WRITERS = [2, 8, 32]
SHARDS = [1, 2, 3, 4, 8]
PARTS = ("lookups", "answers", "writes", "upkeep", "concurrency", "writers", "shards")


def measurements(asked: argparse.Namespace) -> Iterator[tuple[str, Iterable[Row]]]:
    """Return the names of the results of the parts, each with rows that are measured when they are asked for."""
    once: dict[str, Iterable[Row]] = {
        "answers": measure_answers([*asked.shapes, ORDERED_TIES], ANSWERED, asked.lookups // 10),
        "writes": measure_writes("uniform", asked.written, BATCHES, asked.lookups),
        "upkeep": measure_upkeep(asked.filled, FILLED, 2 * FILLED),
        "concurrency": (measure_concurrency(Stress(writers=writers)) for writers in (1, 8)),
        "writers": measure_writers(WRITERS),
        "shards": measure_shards(SHARDS),
    }
    for part in asked.parts or PARTS:
        if part in once:
            yield part, once[part]
            continue
        for shape in asked.shapes:
            on_local = measure_lookups(shape, asked.entries, asked.lookups)
            yield f"lookups-{shape.replace(' ', '-')}", chain(on_local, measure_listed(shape, LISTED, asked.lookups))


def main() -> None:
    parser = create_parser("Measure the counting index.")
    parser.add_argument("parts", nargs="*", help=f"parts to measure: {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--entries", type=int, nargs="+", default=SIZES, metavar="N", help="sizes of boards to look up on"
    )
    parser.add_argument(
        "--written", type=int, nargs="+", default=WRITTEN, metavar="N", help="sizes of boards to write to"
    )
    parser.add_argument("--filled", type=int, default=FILLED, metavar="N", help="entries that fill a board")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES), help="shapes of the scores")
    parser.add_argument("--lookups", type=int, default=1000, metavar="N", help="look-ups a board, and changes a batch")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    dynamodb_local.require()
    for name, rows in measurements(arguments):
        save(name, rows, arguments.into, meter=dynamodb_local.METER, shards=table.SHARDS)


if __name__ == "__main__":
    main()

"""Measures the counting index for docs/ranks.md on DynamoDB Local: look-ups, writes, contention and numbers of shards.

Run `python -m bench.measure.ranks --help`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.measure.contention import Stress
from bench.measure.lookups import measure_lookups, measure_small_boards
from bench.measure.write_cost import measure_concurrency, measure_shards, measure_writes
from bench.report.results import Row, create_parser, save
from bench.rig import dynamodb_local
from bench.rig.boards import SHAPES
from scorecast.leaderboard.index import table

SIZES = [10_000, 100_000]
SMALL_SIZES = [100, 250, 500, 750, 1000, 2000]
BATCHES = [1, 10, 50]
WRITE_ENTRIES = 100_000
SHARDS = [1, 2, 3, 4, 8, 16]
PARTS = ("lookups", "writes", "concurrency", "shards", "small")


def measurements(
    parts: Iterable[str], shapes: Iterable[str], sizes: list[int], lookups: int
) -> Iterator[tuple[str, Iterable[Row]]]:
    """Return the names of the results of these parts, each with rows that are measured when they are asked for."""
    once: dict[str, Iterable[Row]] = {
        "concurrency": (measure_concurrency(Stress(writers=writers)) for writers in (1, 8)),
        "shards": measure_shards(SHARDS),
        "small": measure_small_boards(SMALL_SIZES),
    }
    for part in parts:
        if part in once:
            yield part, once[part]
            continue
        for shape in shapes:
            if part == "lookups":
                rows = measure_lookups(shape, sizes, lookups)
            else:
                rows = measure_writes(shape, WRITE_ENTRIES, BATCHES, lookups)
            yield f"{part}-{shape.replace(' ', '-')}", rows


def main() -> None:
    parser = create_parser("Measure the counting index.")
    parser.add_argument("parts", nargs="*", help=f"parts to measure: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--entries", type=int, nargs="+", default=SIZES, metavar="N", help="sizes of the boards")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES), help="shapes of the scores")
    parser.add_argument("--lookups", type=int, default=1000, metavar="N", help="look-ups a board, and changes a batch")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    dynamodb_local.require()
    parts = arguments.parts or PARTS
    for name, rows in measurements(parts, arguments.shapes, arguments.entries, arguments.lookups):
        save(name, rows, arguments.into, meter=dynamodb_local.METER, shards=table.SHARDS)


if __name__ == "__main__":
    main()

"""The tables of docs/ranks.md: what the counting index costs to read and to write."""

from __future__ import annotations

from bench.report.results import Row, rows
from bench.report.tables import markdown
from bench.rig.boards import SHAPES

# The size of the boards in the table of answers, which cost the same at every size.
ANSWERED = 100_000
ANSWERS = {"answer": "a participant's rank", "answer, neighbours": "and two neighbours each side"}


def of_all_shapes(part: str) -> list[Row]:
    """Return the rows of a part that is measured for each shape of scores."""
    return [row for shape in SHAPES for row in rows(f"{part}-{shape.replace(' ', '-')}")]


def lookups() -> str:
    """A rank by the index and by COUNT, by shape and size."""
    measured = of_all_shapes("lookups")
    counts = {(row["shape"], row["entries"]): _cost(row) for row in measured if row["way"] == "count"}
    return markdown(
        ["scores", "entries", "index: units", "most", "round trips", "COUNT: units", "most seen", "round trips"],
        [
            [
                row["shape"],
                _n(row["entries"]),
                *_cost(row),
                *counts.get((row["shape"], row["entries"]), ["not run"] * 3),
            ]
            for row in measured
            if row["way"] == "index"
        ],
    )


def answers() -> str:
    """What the API reads for the answer about a participant."""
    return markdown(
        ["answer", "scores", "entries", "units", "most", "round trips"],
        [
            [ANSWERS[row["way"]], row["shape"], _n(row["entries"]), *_cost(row)]
            for row in of_all_shapes("lookups")
            if row["way"] in ANSWERS and row["entries"] == ANSWERED
        ],
    )


def small() -> str:
    """A rank by the index and by COUNT on small boards."""
    index, count = rows("small", way="index"), rows("small", way="count")
    return markdown(
        ["entries", "index: units", "most", "root and COUNT: units", "most"],
        [[_n(one["entries"]), *_cost(one)[:2], *_cost(other)[:2]] for one, other in zip(index, count, strict=True)],
    )


def writes() -> str:
    """What a change costs, by shape and batch."""
    names = ["own_write_units", "extra_write_units", "read_units", "nodes"]
    return markdown(
        ["scores", "batch", "entry alone: write units", "index: write units more", "read units", "nodes a change"],
        [[row["shape"], _n(row["batch"]), *(f"{row[name]:.2f}" for name in names)] for row in of_all_shapes("writes")],
    )


def shards() -> str:
    """Conflicts between writers, by the number of shards."""
    return markdown(
        ["shards", "transactions tried", "of them in conflict", "changes to deliver again", "a look-up's nodes: units"],
        [
            [
                _n(row["shards"]),
                _n(row["transactions"]),
                f"{100 * row['conflicts'] / row['transactions']:.0f} %",
                _n(row["redelivered"]),
                f"{3 * row['shards'] / 2:.1f}",
            ]
            for row in rows("shards")
        ],
    )


def concurrency() -> str:
    """What happened to concurrent writers that were killed and got repeats."""
    names = ["writers", "changes", "transactions", "conflicts", "overtaken", "killed", "redelivered"]
    measured = rows("concurrency")
    assert all(row["counters_equal_entries"] for row in measured)
    return markdown(
        [*names, "counters equal entries"], [[*(_n(row[name]) for name in names), "yes"] for row in measured]
    )


def _cost(row: Row) -> list[str]:
    return [f"{row['units_median']:,.1f}", f"{row['units_max']:,.1f}", _n(row["round_trips_max"])]


def _n(number: int) -> str:
    return f"{number:,}"

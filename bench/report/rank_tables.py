"""The tables of docs/ranks.md: what the counting index costs to read, to write and to keep."""

from __future__ import annotations

from statistics import median

from bench.measure.answers import ORDERED_TIES
from bench.report.results import Row, rows
from bench.report.tables import markdown
from bench.rig.scores import SHAPES


def of_all_shapes(part: str) -> list[Row]:
    """Return the rows of a part that is measured for each shape of scores."""
    return [row for shape in SHAPES for row in rows(f"{part}-{shape.replace(' ', '-')}")]


def lookups() -> str:
    """A rank and a position by the index, and a rank by COUNT, by shape and size."""
    measured = of_all_shapes("lookups")
    found = {(row["shape"], row["entries"], row["way"]): _cost(row) for row in measured}
    return markdown(
        [
            "scores",
            "entries",
            "a rank: units",
            "most",
            "round trips",
            "a position: units",
            "most",
            "COUNT: units",
            "most",
        ],
        [
            [
                row["shape"],
                _n(row["entries"]),
                *_cost(row),
                *found[row["shape"], row["entries"], "position"][:2],
                *found.get((row["shape"], row["entries"], "count"), ["not run"] * 2)[:2],
            ]
            for row in measured
            if row["way"] == "rank"
        ],
    )


def answers() -> str:
    """What the API reads for its answers: on boards of all shapes, and on one that orders ties."""
    measured = rows("answers")
    names = list(dict.fromkeys(row["answer"] for row in measured))
    return markdown(
        ["answer", "by score: units", "most", "round trips", "ties ordered: units", "most", "round trips"],
        [
            [
                name,
                *_of_several([row for row in measured if row["answer"] == name and row["shape"] != ORDERED_TIES]),
                *_of_several([row for row in measured if row["answer"] == name and row["shape"] == ORDERED_TIES]),
            ]
            for name in names
        ],
    )


def writes() -> str:
    """What a change costs, by size and batch."""
    names = ["own_write_units", "extra_write_units", "extra_max", "read_units", "nodes"]
    head = [
        "entries",
        "batch",
        "entry alone: write units",
        "index: write units more",
        "most",
        "read units",
        "nodes a change",
    ]
    return markdown(
        head,
        [[_n(row["entries"]), _n(row["batch"]), *(f"{row[name]:.2f}" for name in names)] for row in rows("writes")],
    )


def upkeep() -> str:
    """What upkeep costs, and what a rank costs afterwards."""
    return markdown(
        [
            "the board",
            "entries",
            "upkeep a change: write units",
            "read units",
            "pages",
            "ranges",
            "a rank: units",
            "most",
        ],
        [
            [
                row["what"],
                _n(row["entries"]),
                f"{row['upkeep_write_units']:.2f}",
                f"{row['upkeep_read_units']:.2f}",
                _n(row["pages"]),
                _n(row["ranges"]),
                f"{row['rank_units_median']:.1f}",
                f"{row['rank_units_max']:.1f}",
            ]
            for row in rows("upkeep")
        ],
    )


def writers() -> str:
    """Conflicts and throughput, by the number of writers."""
    return markdown(
        ["writers", "changes a second", "transactions tried", "of them in conflict", "changes to deliver again"],
        [
            [_n(row["writers"]), _n(row["changes_a_second"]), *_conflicts(row), _n(row["redelivered"])]
            for row in rows("writers")
        ],
    )


def shards() -> str:
    """Conflicts between writers, by the number of shards."""
    return markdown(
        [
            "shards",
            "transactions tried",
            "of them in conflict",
            "changes to deliver again",
            "a look-up's counts: units",
        ],
        [
            [_n(row["shards"]), *_conflicts(row), _n(row["redelivered"]), f"{2 * row['shards'] / 2:.1f}"]
            for row in rows("shards")
        ],
    )


def concurrency() -> str:
    """What happened to concurrent writers that were killed and got repeats, and to their upkeep."""
    names = ["writers", "changes", "transactions", "conflicts", "overtaken", "killed", "redelivered"]
    of_upkeep = ["upkeep_transactions", "upkeep_updates", "upkeep_killed"]
    measured = rows("concurrency")
    assert all(row["counters_equal_entries"] for row in measured)
    return markdown(
        [*names, *(name.replace("_", " ") for name in of_upkeep), "counts equal entries"],
        [[*(_n(row[name]) for name in names + of_upkeep), "yes"] for row in measured],
    )


def _conflicts(row: Row) -> list[str]:
    return [_n(row["transactions"]), f"{100 * row['conflicts'] / row['transactions']:.0f} %"]


def _of_several(some: list[Row]) -> list[str]:
    """The median of the medians, and the most of all."""
    units = median(row["units_median"] for row in some)
    most, trips = (max(row[name] for row in some) for name in ("units_max", "round_trips_max"))
    return _cost({"units_median": units, "units_max": most, "round_trips_max": trips})


def _cost(row: Row) -> list[str]:
    return [f"{row['units_median']:,.1f}", f"{row['units_max']:,.1f}", _n(row["round_trips_max"])]


def _n(number: int) -> str:
    return f"{number:,}"

"""The worked example and the picture of docs/ranks.md are what the code counts."""

import re
from decimal import Decimal

from bench.report import rank_tables
from bench.rig.boards import count
from bench.rig.tables import ROOT
from scorecast.leaderboard.index.counters import above_outside_range, path_nodes, total
from scorecast.leaderboard.index.digits import above_in_range
from scorecast.leaderboard.policy import Order

TEXT = (ROOT / "docs" / "ranks.md").read_text(encoding="utf-8")
PICTURE = (ROOT / "docs" / "ranks.svg").read_text(encoding="utf-8")
ASKED = Decimal("73.42")


def example_scores() -> list[Decimal]:
    block = re.search(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert block
    return [Decimal(score) for score in block[1].split()]


def test_every_size_and_shape_was_looked_up_in_three_round_trips() -> None:
    rows = [row for row in rank_tables.of_all_shapes("lookups") if row["way"] == "index"]
    assert {(row["shape"], row["entries"]) for row in rows} == {
        (shape, entries) for shape in ("uniform", "tied", "long tail") for entries in (10_000, 100_000, 1_000_000)
    }
    assert max(row["round_trips_max"] for row in rows) <= 3
    assert max(row["units_median"] for row in rows) <= 10


def test_the_worked_example_counts_what_the_text_and_the_picture_say() -> None:
    scores = example_scores()
    counters = count(scores)
    low, high = above_in_range(ASKED, Order.DESCENDING) or (ASKED, ASKED)
    inside = sum(low <= score <= high for score in scores)
    rank = 1 + above_outside_range(counters.read(path_nodes(ASKED)), ASKED, Order.DESCENDING) + inside
    assert total(counters.nodes) == 21
    assert (inside, rank) == (1, 9)
    assert rank == 1 + sum(score > ASKED for score in scores)
    assert counters.nodes[""] == {133: 2, 132: 16, 131: 3}
    assert counters.nodes["132"] == {88: 4, 73: 5, 71: 3, 59: 4}
    assert counters.nodes["132.73"] == {90: 1, 42: 3, 10: 1}
    drawn = re.findall(r'<text [^>]*class="m start">([\d.]+)</text>.*?class="m end">(\d*)</text>', PICTURE)
    buckets = {bucket: held for name in ("", "132", "132.73") for bucket, held in counters.nodes[name].items()}
    assert {int(bucket): int(held) for bucket, held in drawn if "." not in bucket} == buckets


def test_the_change_of_the_worked_example_is_counted_as_the_text_says() -> None:
    before, after = count(example_scores()), count(example_scores())
    after.replace(Decimal("73.1"), Decimal("88.7"))
    assert after.nodes[""] == before.nodes[""]
    assert after.nodes["132"] == before.nodes["132"] | {73: 4, 88: 5}
    assert after.nodes["132.73"] == {90: 1, 42: 3}
    assert after.nodes["132.88"] == before.nodes["132.88"] | {70: 1}

"""The results meet the targets; the worked example and the picture of docs/ranks.md are what the code counts."""

import re
from decimal import Decimal

import pytest

from bench.report import rank_tables
from bench.report.results import ROOT, Row, rows
from bench.rig.scores import CHANGES, SHAPES
from scorecast.leaderboard.index.shape import Shape, cuts, find
from scorecast.leaderboard.order_key import HIGHEST, LOWEST, score_order

TEXT = (ROOT / "docs" / "ranks.md").read_text(encoding="utf-8")
PICTURE = (ROOT / "docs" / "ranks.svg").read_text(encoding="utf-8")
ASKED = Decimal("73.42")
LINE = re.compile(r"range (\d) +(?:below [\d.]+|from ([\d.]+)) +((?:[\d.]+ +)+)(\d)\n")


def example() -> tuple[Shape, dict[str, int], dict[str, list[Decimal]]]:
    """The shape, the counts and the scores of the worked example."""
    found = LINE.findall(TEXT)
    starts = tuple(score_order(Decimal(start)) if start else LOWEST for _, start, _, _ in found)
    scores = {one: [Decimal(score) for score in text.split()] for one, _, text, _ in found}
    return Shape(1, starts, tuple(scores)), {one: int(count) for one, _, _, count in found}, scores


def test_the_worked_example_counts_what_the_text_says() -> None:
    shape, counts, scores = example()
    everyone = [score for some in scores.values() for score in some]
    assert len(everyone) == 21
    assert counts == {one: len(some) for one, some in scores.items()}
    assert all(shape.id_at(score_order(score)) == one for one, some in scores.items() for score in some)
    found = find(shape, counts, score_order(ASKED) + HIGHEST, best_first=False)
    inside = sum(score > ASKED and score_order(score) < found.block.high for score in everyone)
    assert (found.block.ids, found.better, inside) == (("4",), 6, 2)
    assert 1 + found.better + inside == 1 + sum(score > ASKED for score in everyone) == 9


def test_the_split_of_the_worked_example_is_that_of_the_text() -> None:
    shape, _, scores = example()
    keys = sorted(score_order(score) for score in [*scores["5"], Decimal("88.7")])
    [cut] = cuts(keys, shape.starts[-1], HIGHEST, 2)
    after = shape.replaced(shape.starts[-1], HIGHEST, [shape.starts[-1], cut], ["6", "7"])
    assert [after.id_at(key) for key in keys] == ["6"] * 4 + ["7"] * 3
    assert after.id_at(score_order(Decimal("88.9"))) == "7"
    assert after.blocks[-1].ids == ("5", "6", "7")


def test_the_picture_shows_the_worked_example() -> None:
    _, counts, scores = example()
    assert dict(re.findall(r'class="t start">range (\d)</text>.*?class="d m">(\d)</text>', PICTURE, re.DOTALL)) == {
        one: str(count) for one, count in counts.items()
    }
    drawn = [Decimal(score) for score in re.findall(r'class="m">([\d.]+)</text>', PICTURE)]
    assert sorted(drawn) == sorted(score for some in scores.values() for score in some)


def of_lookups(way: str) -> list[Row]:
    return [row for row in rank_tables.of_all_shapes("lookups") if row["way"] == way]


@pytest.mark.parametrize("way", ["rank", "position"])
def test_a_look_up_costs_ten_units_and_three_round_trips_at_most(way: str) -> None:
    measured = of_lookups(way)
    found = {(row["shape"], row["entries"]) for row in measured}
    assert found >= {(shape, size) for shape in SHAPES for size in (300, 10_000, 100_000, 10_000_000)}
    assert 1_000_000 in {size for _, size in found}
    assert max(row["units_max"] for row in measured) <= 10
    assert max(row["units_median"] for row in measured) <= 7
    assert max(row["round_trips_max"] for row in measured) <= 3


def test_the_best_ten_cost_two_and_a_half_units() -> None:
    assert max(row["units_max"] for row in rows("answers", answer="top 10")) <= 2.5


@pytest.mark.parametrize(("entries", "batch", "most"), [(10_000, 1, 3.2), (10_000, 10, 1.3), (1_000_000, 1, 7)])
def test_a_change_writes_few_units_beside_its_entry(entries: int, batch: int, most: float) -> None:
    [row] = rows("writes", entries=entries, batch=batch)
    assert row["extra_write_units"] <= most


def test_upkeep_costs_little() -> None:
    *_, filled = rows("upkeep", what="filled")
    assert filled["entries"] >= 100_000
    assert filled["upkeep_write_units"] <= 3.5
    assert max(rows("upkeep", what=kind)[0]["upkeep_write_units"] for kind in CHANGES) <= 0.4


def test_counts_equaled_entries_under_stress() -> None:
    [_, many] = rows("concurrency")
    assert (many["writers"], many["changes"], many["repeated"], many["killed_share"]) == (8, 20_000, 0.1, 0.05)
    assert many["counters_equal_entries"]
    assert many["upkeep_transactions"] > 0

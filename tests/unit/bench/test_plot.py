"""Charts: lengths and positions follow the values, and the SVG is well-formed."""

import re
from xml.etree import ElementTree

import pytest

from bench.report.plot import Bar, bars, lines

SERIES = {"flat": [(1_000, 7.0), (1_000_000, 7.0)], "steep <&>": [(1_000, 10.0), (1_000_000, 10_000.0)]}


def drawn(pattern: str, chart: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, chart)]


def test_bars_are_as_long_as_their_values() -> None:
    chart = bars("Speed", "more is better", [Bar("ours", 100, 0), Bar("theirs", 25, 1)])
    ours, theirs = drawn(r'class="b\d" x="\d+" y="\d+" width="([\d.]+)"', chart)
    assert ours == pytest.approx(4 * theirs, rel=0.01)


def test_lines_rise_by_powers_of_ten() -> None:
    [flat, steep] = re.findall(r'polyline class="l\d" points="([^"]+)"', lines("Units", "fewer", "entries", SERIES))
    heights = [[float(point.split(",")[1]) for point in one.split()] for one in (flat, steep)]
    assert heights[0][0] == heights[0][1]
    assert heights[1][0] > heights[1][1]  # y grows downwards


def test_labels_at_the_ends_do_not_cover_each_other() -> None:
    close = {"one": [(1, 1.0), (10, 5.0)], "two": [(1, 1.0), (10, 5.1)]}
    heights = drawn(r'y="([\d.]+)">(?:one|two)', lines("Units", "fewer", "entries", close))
    assert abs(heights[0] - heights[1]) >= 17


@pytest.mark.parametrize("chart", [bars("a & b", "<c>", [Bar("d<", 1, 0)]), lines("a", "b", "c", SERIES)])
def test_a_chart_is_well_formed_and_has_its_own_colours_in_the_dark(chart: str) -> None:
    ElementTree.fromstring(chart)
    assert "prefers-color-scheme: dark" in chart
    assert 'class="paper"' in chart

"""Charts as SVG, written as text: bars on a linear scale, and lines on two logarithmic scales. Pure.

Each has its own background and colours for light and dark mode, so that it is readable on any page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
_LEFT, _RIGHT, _TOP = 210, 110, 78
_BAR, _GAP = 20, 12
_STYLE = """\
  <style>
    svg { --paper: #ffffff; --ink: #16191d; --soft: #5c6570; --line: #d3d9e0;
          --c0: #0b7a75; --c1: #b06a00; --c2: #7a3fb0; --c3: #c0392b; }
    @media (prefers-color-scheme: dark) {
      svg { --paper: #0f1216; --ink: #e9edf2; --soft: #9aa5b1; --line: #39424d;
            --c0: #3fc1b8; --c1: #e0a34a; --c2: #b48be0; --c3: #ef8074; }
    }
    text { fill: var(--ink); font-size: 14px; } .t { font-size: 17px; font-weight: 600; }
    .s { fill: var(--soft); font-size: 12px; }
    .end { text-anchor: end; } .mid { text-anchor: middle; } .grid { stroke: var(--line); stroke-width: 1; }
    .paper { fill: var(--paper); } polyline { fill: none; stroke-width: 2.5; }
    .b0 { fill: var(--c0); } .b1 { fill: var(--c1); } .b2 { fill: var(--c2); } .b3 { fill: var(--c3); }
    .l0 { stroke: var(--c0); } .l1 { stroke: var(--c1); } .l2 { stroke: var(--c2); } .l3 { stroke: var(--c3); }
  </style>"""


@dataclass(frozen=True)
class Bar:
    """A bar: its label, its value, and the number of its colour."""

    label: str
    value: float
    colour: int


def bars(title: str, about: str, rows: Sequence[Bar]) -> str:
    """Draw bars from zero, each with its value."""
    longest = max(row.value for row in rows)
    drawn = []
    for at, row in enumerate(rows):
        y = _TOP + at * (_BAR + _GAP)
        length = (WIDTH - _LEFT - _RIGHT) * row.value / longest
        drawn += [
            f'  <text class="end" x="{_LEFT - 10}" y="{y + 15}">{escape(row.label)}</text>',
            f'  <rect class="b{row.colour}" x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="3"/>',
            f'  <text x="{_LEFT + length + 8:.1f}" y="{y + 15}">{row.value:,g}</text>',
        ]
    return _page(title, about, _TOP + len(rows) * (_BAR + _GAP) + 14, drawn)


Points = Sequence[tuple[float, float]]
_PLOT_LEFT, _PLOT_RIGHT, _PLOT_HEIGHT = 76, 190, 280


def lines(title: str, about: str, x_name: str, series: Mapping[str, Points]) -> str:
    """Draw lines over powers of ten, each labelled at its end."""
    points = [point for one in series.values() for point in one]
    across = _Scale.over((x for x, _ in points), _PLOT_LEFT, WIDTH - _PLOT_RIGHT)
    upward = _Scale.over((y for _, y in points), _TOP + _PLOT_HEIGHT, _TOP)
    drawn = [*_grid(across, upward)]
    ends = _apart([upward.at(one[-1][1]) for one in series.values()])
    for number, ((name, one), end) in enumerate(zip(series.items(), ends, strict=True)):
        path = " ".join(f"{across.at(x):.1f},{upward.at(y):.1f}" for x, y in one)
        drawn.append(f'  <polyline class="l{number}" points="{path}"/>')
        drawn += [
            f'  <circle class="b{number}" cx="{across.at(x):.1f}" cy="{upward.at(y):.1f}" r="3.5"/>' for x, y in one
        ]
        label = f"{name}: {one[-1][1]:,.3g}" if one[-1][1] < 1000 else f"{name}: {one[-1][1]:,.0f}"
        drawn.append(f'  <text x="{across.at(one[-1][0]) + 10:.1f}" y="{end + 5:.1f}">{escape(label)}</text>')
    drawn.append(
        f'  <text class="s mid" x="{(across.low_at + across.high_at) / 2:.0f}" y="{_TOP + _PLOT_HEIGHT + 42}">'
        f"{escape(x_name)}</text>"
    )
    return _page(title, about, _TOP + _PLOT_HEIGHT + 62, drawn)


@dataclass(frozen=True)
class _Scale:
    """A logarithmic scale between two coordinates."""

    low: int
    high: int
    low_at: float
    high_at: float

    @classmethod
    def over(cls, values: Iterable[float], low_at: float, high_at: float) -> _Scale:
        logs = [math.log10(value) for value in values]
        low = math.floor(min(logs) + 1e-9)
        return cls(low, max(math.ceil(max(logs) - 1e-9), low + 1), low_at, high_at)

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.low_at + share * (self.high_at - self.low_at)

    def powers(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _grid(across: _Scale, upward: _Scale) -> Iterable[str]:
    for y in upward.powers():
        at = upward.at(y)
        yield f'  <line class="grid" x1="{across.low_at}" x2="{across.high_at}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'  <text class="s end" x="{across.low_at - 8}" y="{at + 4:.1f}">{y:,g}</text>'
    for x in across.powers():
        yield f'  <text class="s mid" x="{across.at(x):.1f}" y="{_TOP + _PLOT_HEIGHT + 20}">{x:,.0f}</text>'


def _apart(heights: Sequence[float]) -> list[float]:
    """Move labels down where they would overlap."""
    moved = dict.fromkeys(range(len(heights)), 0.0)
    last = -math.inf
    for at in sorted(moved, key=lambda one: heights[one]):
        last = moved[at] = max(heights[at], last + 17)
    return list(moved.values())


def _page(title: str, about: str, height: int, drawn: Iterable[str]) -> str:
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        ' aria-labelledby="title desc" font-family="system-ui, \'Segoe UI\', Roboto, sans-serif">',
        f'  <title id="title">{escape(title)}</title>',
        f'  <desc id="desc">{escape(about)}</desc>',
        _STYLE,
        f'  <rect class="paper" width="{WIDTH}" height="{height}" rx="12"/>',
        f'  <text class="t" x="24" y="34">{escape(title)}</text>',
        f'  <text class="s" x="24" y="56">{escape(about)}</text>',
    ]
    return "\n".join([*head, *drawn, "</svg>"]) + "\n"

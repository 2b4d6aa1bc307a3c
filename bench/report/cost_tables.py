"""The tables of docs/cost.md: the bill at several workloads, and the price table."""

from __future__ import annotations

from collections.abc import Callable

from bench.report.tables import markdown
from scorecast.ops.cost.bill import ALTERNATIVES, DESIGNS, Workload, compare
from scorecast.ops.cost.data import load_model
from scorecast.ops.cost.viewers import (
    API,
    EARLIER_FOLLOWING,
    EARLIER_PAGE,
    EDGE,
    FOLLOWING,
    PAGE,
    WAYS,
    Audience,
    is_possible,
    viewer_hour,
)

CHANGES = [10_000, 1_000_000, 100_000_000]
SIZES = [1_000, 10_000, 100_000, 1_000_000]
# A board of one page of the counting index, and a large one.
WRITTEN = [10_000, 1_000_000]
AUDIENCES = [1, 100, 10_000, 1_000_000]
BUSY, QUIET = 3600, 60  # seconds of an hour in which the top changes
MODEL = load_model()


def months() -> str:
    """Dollars a month by changes and entries, with as many look-ups as changes."""
    return markdown(
        ["changes, and as many look-ups, a month", "entries", *DESIGNS],
        [
            [f"{changes:,}", f"{entries:,}", *_each(lambda *asked: MODEL.bill(*asked).total, changes, changes, entries)]
            for changes in CHANGES
            for entries in SIZES
        ],
    )


def millions() -> str:
    """Dollars for a million changes by their rate and by the size of the board, and for a million look-ups."""
    of_changes = [
        [
            f"a million changes, at {changes:,} a month, on a board of {entries:,}",
            *_each(MODEL.a_million_changes, changes, 0, entries),
        ]
        for entries in WRITTEN
        for changes in CHANGES
    ]
    of_lookups = [
        [f"a million look-ups of a rank among {entries:,}", *_each(MODEL.a_million_lookups, 0, 0, entries)]
        for entries in SIZES
    ]
    return markdown(["dollars for", *DESIGNS], of_changes + of_lookups)


def verdicts() -> str:
    """Which design is cheaper at how many look-ups."""
    return markdown(
        ["changes a month", "entries", *ALTERNATIVES],
        [
            [
                f"{changes:,}",
                f"{entries:,}",
                *(compare(MODEL, other, Workload(changes, 0, entries)) for other in ALTERNATIVES),
            ]
            for changes in CHANGES
            for entries in SIZES[1:]
        ],
    )


def viewer_hours() -> str:
    """Cents for an hour of a viewer, by their number and by how often the top changes."""
    return markdown(
        ["viewers", "changes of the top an hour", *WAYS],
        [
            [f"{viewers:,}", f"{changes:,}", *(_cents(way, Audience(viewers, changes)) for way in WAYS)]
            for viewers in AUDIENCES
            for changes in (BUSY, QUIET)
        ],
    )


def fall() -> str:
    """Cents for an hour of one of 10,000 viewers: with the page of version 0.1 at the API, and now at the edge."""
    audience = Audience(10_000)
    pages = {
        "watches the board": (EARLIER_PAGE, PAGE),
        "also follows a participant, each another one": (EARLIER_FOLLOWING, FOLLOWING),
    }
    prices = {
        what: (100 * viewer_hour(MODEL, API, audience, before), 100 * viewer_hour(MODEL, EDGE, audience, now))
        for what, (before, now) in pages.items()
    }
    return markdown(
        ["one of 10,000 viewers", "version 0.1, no edge", "now, at the edge", "factor"],
        [[what, f"{before:.2f}", f"{now:.2f}", f"{before / now:.1f}"] for what, (before, now) in prices.items()],
    )


def _cents(way: str, audience: Audience) -> str:
    return f"{100 * viewer_hour(MODEL, way, audience):.3f}" if is_possible(way, audience) else "beyond the quotas"


def prices() -> str:
    """The price table."""
    table = MODEL.prices
    rows = [(one["dollars"], one["for"], one["source"]) for one in table["prices"].values()]
    rows += [
        (node["dollars_an_hour"], f"an hour of {node['name']}, {node['gb']:g} GB", table["nodes_source"])
        for node in table["nodes"]
    ]
    lines = [[f"{dollars:g}", what, f"[page]({source})"] for dollars, what, source in rows]
    note = f"US dollars in {table['region']}, as of {table['date']}."
    return f"{markdown(['dollars', 'for', 'source'], lines)}\n{note}\n"


def _each(priced: Callable[[str, Workload], float], changes: int, lookups: int, entries: int) -> list[str]:
    return [f"{priced(design, Workload(changes, lookups, entries)):,.2f}" for design in DESIGNS]

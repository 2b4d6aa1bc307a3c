"""The tables of docs/cost.md: the bill's model at several workloads, and its price table."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from scorecast.cli.cost import load_model
from scorecast.ops.cost.bill import DESIGNS, NAMES, SCORECAST, Workload, verdict

CHANGES = [10_000, 1_000_000, 100_000_000]
SIZES = [1_000, 10_000, 100_000, 1_000_000]
OTHERS = [design for design in DESIGNS if design != SCORECAST]


def months() -> str:
    """Dollars a month by changes and entries; as many look-ups as changes."""
    model = load_model()
    workloads = [Workload(changes, changes, entries) for changes in CHANGES for entries in SIZES]
    rows = [
        [f"{workload.changes:,}", f"{workload.entries:,}", *(f"{bill.total:,.2f}" for bill in model.bills(workload))]
        for workload in workloads
    ]
    return _table(["changes, and as many look-ups, a month", "entries", *DESIGNS], rows)


def millions() -> str:
    """Dollars for a million changes by the rate, and for a million look-ups by the size of the board."""
    model = load_model()
    rows = [
        [f"a million changes, at {changes:,} a month", *_each(model.a_million_changes, Workload(changes, 0, 1_000))]
        for changes in CHANGES
    ]
    rows += [
        [f"a million look-ups of a rank among {entries:,}", *_each(model.a_million_lookups, Workload(0, 0, entries))]
        for entries in SIZES
    ]
    return _table(["dollars for", *DESIGNS], rows)


def verdicts() -> str:
    """Who is cheaper when, said plainly."""
    model = load_model()
    rows = [
        [
            f"{changes:,}",
            f"{entries:,}",
            *(_short(other, verdict(model, other, Workload(changes, 0, entries))) for other in OTHERS),
        ]
        for changes in CHANGES
        for entries in SIZES[1:]
    ]
    return _table(["changes a month", "entries", *OTHERS], rows)


def _short(design: str, sentence: str) -> str:
    """A verdict in a column that has the design's name above it."""
    return sentence.removeprefix(f"{NAMES[design]} is ").removesuffix(".")


def prices() -> str:
    """The price table as the model reads it."""
    table = load_model().prices
    rows = [[f"{one['dollars']:g}", one["for"], f"[page]({one['source']})"] for one in table["prices"].values()]
    rows += [
        [
            f"{node['dollars_an_hour']:g}",
            f"an hour of {node['name']}, {node['gb']:g} GB",
            f"[page]({table['nodes_source']})",
        ]
        for node in table["nodes"]
    ]
    return _table(["dollars", "for", "source"], rows) + f"\nUS dollars in {table['region']}, as of {table['date']}.\n"


def _each(priced: Callable[[str, Workload], float], workload: Workload) -> list[str]:
    return [f"{priced(design, workload):,.2f}" for design in DESIGNS]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---" for _ in head], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"

"""The command for the bill: cost. Asks no AWS; the prices and what was measured come with the package."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from scorecast.cli.options import Json, data, print_json
from scorecast.ops.cost.bill import ALTERNATIVES, DESIGNS, Bill, Model, Workload, verdict
from scorecast.ops.cost.data import load_model

app = typer.Typer()


@app.command()
def cost(
    changes: Annotated[int, typer.Option(min=0, help="Changes of scores a month.")] = 1_000_000,
    lookups: Annotated[int, typer.Option(min=0, help="Look-ups of a rank a month.")] = 1_000_000,
    entries: Annotated[int, typer.Option(min=1, help="Entries of the board.")] = 100_000,
    as_json: Json = False,
) -> None:
    """Estimate a month's bill in us-east-1, beside the textbook pipeline, EventBridge Pipes and Redis.

    From measured calls, units and CPU time, and a dated price table. What it leaves out: docs/cost.md.
    """
    model, workload = load_model(), Workload(changes, lookups, entries)
    bills = model.bills(workload)
    verdicts = [verdict(model, other, workload) for other in ALTERNATIVES]
    if as_json:
        print_json(_answer(model, workload, bills, verdicts))
        return
    data.print(_table(model, workload, bills))
    for line in verdicts:
        data.print(line, soft_wrap=True)
    data.print(f"Prices of {model.prices['date']} in {model.prices['region']}, in dollars, without the free tier.")


def _answer(model: Model, workload: Workload, bills: list[Bill], verdicts: list[str]) -> dict[str, Any]:
    return {
        "region": model.prices["region"],
        "pricesOf": model.prices["date"],
        "changes": workload.changes,
        "lookups": workload.lookups,
        "entries": workload.entries,
        "dollarsAMonth": {bill.design: round(bill.total, 2) for bill in bills},
        "lines": {bill.design: {name: round(dollars, 4) for name, dollars in bill.lines.items()} for bill in bills},
        "dollarsAMillionChanges": {design: round(model.a_million_changes(design, workload), 2) for design in DESIGNS},
        "dollarsAMillionLookups": {design: round(model.a_million_lookups(design, workload), 2) for design in DESIGNS},
        "verdicts": verdicts,
    }


def _table(model: Model, workload: Workload, bills: list[Bill]) -> Table:
    title = (
        f"{workload.changes:,.0f} changes and {workload.lookups:,.0f} look-ups a month, {workload.entries:,.0f} entries"
    )
    table = Table("dollars a month", title=title, show_footer=False)
    for bill in bills:
        table.add_column(bill.design, justify="right")
    for name in dict.fromkeys(name for bill in bills for name in bill.lines):
        table.add_row(name, *(_dollars(bill.lines.get(name, 0.0)) for bill in bills))
    table.add_section()
    table.add_row("a month", *(_dollars(bill.total) for bill in bills), style="bold")
    for name, priced in (("changes", model.a_million_changes), ("look-ups", model.a_million_lookups)):
        table.add_row(f"a million {name}", *(_dollars(priced(design, workload)) for design in DESIGNS))
    return table


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"

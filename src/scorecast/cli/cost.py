"""The command for the bill: cost. It makes no call to AWS: prices and measurements come with the package."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from scorecast.cli.command import Whole, command, json_option, option, print_json
from scorecast.cli.output import data, make_table
from scorecast.ops.cost.bill import ALTERNATIVES, DESIGNS, Bill, Model, Workload, verdict
from scorecast.ops.cost.data import load_model


@command()
@option("--changes", type=Whole(0), default=1_000_000, metavar="N", help="Score changes a month.")
@option("--lookups", type=Whole(0), default=1_000_000, metavar="N", help="Rank lookups a month.")
@option("--entries", type=Whole(1), default=100_000, metavar="N", help="Entries of the board.")
@json_option
def cost(changes: int, lookups: int, entries: int, as_json: bool) -> None:
    """Estimate a month's bill in us-east-1, beside the textbook pipeline, EventBridge Pipes and Redis.

    The estimate combines measured calls, capacity units and CPU time with a dated price table, and makes no call to
    AWS. docs/cost.md says what it leaves out.
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
    designs = [bill.design for bill in bills]
    table = make_table("dollars a month", *designs, right=designs, title=title)
    for name in dict.fromkeys(name for bill in bills for name in bill.lines):
        table.add_row(name, *(_dollars(bill.lines.get(name, 0.0)) for bill in bills))
    table.add_section()
    table.add_row("a month", *(_dollars(bill.total) for bill in bills), style="bold")
    for name, priced in (("changes", model.a_million_changes), ("look-ups", model.a_million_lookups)):
        table.add_row(f"a million {name}", *(_dollars(priced(design, workload)) for design in DESIGNS))
    return table


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"

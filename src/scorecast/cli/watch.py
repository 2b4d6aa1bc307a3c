"""What `scorecast status --watch` prints: a live table in a terminal, else one line for each look."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count as count_up
from typing import Any

from rich.live import Live
from rich.table import Table

from scorecast.cli.command import print_json
from scorecast.cli.output import data, make_table
from scorecast.ops.stack.flow import Flow, FlowReader
from scorecast.ops.stack.stack import Stack


def watch(stack: Stack, looks: int | None, interval_s: float, as_json: bool) -> None:
    """Show the flow of a stack until Ctrl-C, or for a number of looks."""
    with suppress(KeyboardInterrupt):
        flows = _flows(FlowReader(stack), looks, interval_s)
        if as_json:
            for flow in flows:
                print_json(answer_of(flow))
                sys.stdout.flush()
        elif data.is_terminal:
            with Live(console=data, auto_refresh=False) as live:
                for flow in flows:
                    live.update(table_of(flow), refresh=True)
        else:
            for flow in flows:
                data.print(line_of(flow), soft_wrap=True)


def _flows(reader: FlowReader, looks: int | None, interval_s: float) -> Iterator[Flow]:
    for look in count_up(1):
        yield reader.read()
        if look == looks:
            return
        time.sleep(interval_s)


def answer_of(flow: Flow) -> dict[str, Any]:
    """Return the flow as --json prints it; null for values that CloudWatch does not have."""
    return {
        "at": flow.at,
        "queued": flow.queued,
        "inFlight": flow.in_flight,
        "oldestS": flow.oldest_s,
        "streamLagMs": flow.stream_lag_ms,
        "boardLagMs": flow.board_lag_ms,
        "deadLetters": flow.dead_letters,
    }


def line_of(flow: Flow) -> str:
    """Return the flow as a line of text."""
    values = " ".join(f"{name}={'-' if value is None else value}" for name, value in answer_of(flow).items())
    return values.removeprefix("at=")


def table_of(flow: Flow) -> Table:
    """Return the flow as a table, in the order of the data flow."""
    table = make_table("", flow.at, right=[flow.at])
    table.add_row("stream: FanoutLambda is behind", _seconds(flow.stream_lag_ms, 1000))
    table.add_row("queue: changes that wait", f"{flow.queued:,}")
    table.add_row("queue: changes at ConsumerLambda", f"{flow.in_flight:,}")
    table.add_row("queue: the oldest waits for", _seconds(flow.oldest_s, 1))
    table.add_row("board: from change to entry", _seconds(flow.board_lag_ms, 1000))
    style = "bold red" if flow.dead_letters else ""
    table.add_row("dead letters", f"{flow.dead_letters:,}", style=style)
    return table


def _seconds(value: float | None, per_second: int) -> str:
    return "not known" if value is None else f"{value / per_second:,.1f} s"

"""The commands for what is declared for boards: list, set."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from scorecast.cli.options import Json, data, notes, open_stack, plain, print_json, with_place
from scorecast.errors import CannotRead, UserError
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Keep, Order, Ties, make_policy
from scorecast.leaderboard.policy_table import POLICY_AGE_S
from scorecast.ops.boards.policies import Policies, policies_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options

app = typer.Typer(name="boards", help="Declare how boards rank, and until when.", no_args_is_help=True)

# What `--closes-at` takes for a board that shall not close.
NEVER = "never"


@app.command("list")
@with_place
def list_(place: Options, as_json: Json = False) -> None:
    """List the boards for which something is declared; all others rank as always."""
    policies = policies_of(open_stack(place)).all()
    if as_json:
        print_json({"boards": [_shown(board, policy) for board, policy in policies.items()]})
        return
    if not policies:
        notes.print("Nothing is declared: on every board the highest score is best, and the latest counts.")
        return
    table = Table("board", "order", "keep", "ties", "closes")
    for board, policy in policies.items():
        table.add_row(plain(board), policy.order, policy.keep, policy.ties, policy.closes_at or NEVER)
    data.print(table)


@app.command("set")
@with_place
def set_(
    place: Options,
    board: Annotated[str, typer.Argument(metavar="BOARD", help="The board's name (hackathonName).")],
    order: Annotated[Order | None, typer.Option("--order", help="Which scores are better: high or low ones.")] = None,
    keep: Annotated[Keep | None, typer.Option("--keep", help="Which of a participant's scores counts.")] = None,
    ties: Annotated[Ties | None, typer.Option("--ties", help="How equal scores, which share a rank, stand.")] = None,
    closes_at: Annotated[
        str | None,
        typer.Option(
            "--closes-at", metavar="TIME", help="Later changes do not count (2026-12-01T18:00:00Z), or never."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Declare how a board ranks; what is not given stays as it is.

    It counts for changes that come after it: declare it before the board's first score.
    """
    policies = policies_of(open_stack(place))
    given = {"order": order, "keep": keep, "ties": ties, "closes_at": closes_at}
    before = _declared(policies, board)
    wanted = asdict(before) | {name: value for name, value in given.items() if value is not None}
    policy = _policy(wanted | ({"closes_at": None} if closes_at == NEVER else {}))
    policies.set(board, policy)
    if policy.ties is Ties.EARLIEST and (policy.order, policy.ties) != (before.order, before.ties):
        notes.print(
            "Entries that are on the board already come into this order with `scorecast backfill`.", soft_wrap=True
        )
    if as_json:
        print_json(_shown(board, policy))
        return
    until = f"closes at {policy.closes_at}" if policy.closes_at else "never closes"
    declared = f"{board}: order {policy.order}, keeps the {policy.keep} score, ties {policy.ties}, {until}."
    data.print(plain(declared), soft_wrap=True)
    notes.print(f"ConsumerLambda takes it up within {POLICY_AGE_S} seconds.", style="dim")


def _declared(policies: Policies, board: str) -> BoardPolicy:
    """What stands; of what is not usable, nothing."""
    try:
        return policies.of(board)
    except CannotRead as error:
        notes.print(plain(f"{error} It is declared anew."), soft_wrap=True)
        return DEFAULT


def _policy(values: dict[str, Any]) -> BoardPolicy:
    try:
        return make_policy(**values)
    except CannotRead as error:
        raise UserError(str(error).replace("closes_at", "--closes-at"), ExitCode.USAGE) from None


def _shown(board: str, policy: BoardPolicy) -> dict[str, Any]:
    declared = asdict(policy)
    return {"hackathonName": board, "closesAt": declared.pop("closes_at")} | declared

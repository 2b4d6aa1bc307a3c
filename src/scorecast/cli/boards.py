"""The commands for the policies of boards: list, set, unset."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import click

from scorecast.cli.command import CommandGroup, board_argument, json_option, option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, make_table, notes, plain
from scorecast.errors import CannotRead, UserError
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Corrections, Keep, Order, Ties, make_policy
from scorecast.leaderboard.policy_table import POLICY_AGE_S
from scorecast.ops.boards.policies import Policies, policies_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options

# The value of `--closes-at` for a board that never closes.
NEVER = "never"


@click.group(cls=CommandGroup)
def boards() -> None:
    """Declare how boards rank and when they close."""


@boards.command("list")
@json_option
@with_stack_options
def list_(options: Options, as_json: bool) -> None:
    """List the boards with a policy. All others show the latest score, the highest first."""
    policies = policies_of(open_stack(options)).all()
    if as_json:
        print_json({"boards": [_shown(board, policy) for board, policy in policies.items()]})
        return
    if not policies:
        notes.print(
            "No board has a policy: on every board the highest score is best, and the latest counts.", soft_wrap=True
        )
        return
    table = make_table("board", "order", "keep", "ties", "closes", "corrections")
    for board, policy in policies.items():
        table.add_row(
            plain(board), policy.order, policy.keep, policy.ties, policy.closes_at or NEVER, policy.corrections
        )
    data.print(table)


@boards.command("set")
@board_argument
@option("--order", type=click.Choice([*map(str, Order)]), help="Which scores are better: high or low ones.")
@option("--keep", type=click.Choice([*map(str, Keep)]), help="Which of a participant's scores counts.")
@option("--ties", type=click.Choice([*map(str, Ties)]), help="Order of entries with equal scores.")
@option(
    "--closes-at",
    metavar="TIME",
    help="Later changes do not count: 2026-12-01T18:00:00Z, or never.",
)
@option(
    "--corrections",
    type=click.Choice([*map(str, Corrections)]),
    help="Whether removals and names still count after the closing.",
)
@json_option
@with_stack_options
def set_(
    options: Options,
    board: str,
    order: str | None,
    keep: str | None,
    ties: str | None,
    closes_at: str | None,
    corrections: str | None,
    as_json: bool,
) -> None:
    """Declare how a board ranks. An omitted option keeps its value.

    A policy applies to later changes: declare it before the board's first score.
    """
    policies = policies_of(open_stack(options))
    given = {"order": order, "keep": keep, "ties": ties, "closes_at": closes_at, "corrections": corrections}
    before = _declared(policies, board)
    wanted = asdict(before) | {name: value for name, value in given.items() if value is not None}
    policy = _policy(wanted | ({"closes_at": None} if closes_at == NEVER else {}))
    _declare(policies, board, before, policy, as_json)


@boards.command("unset")
@board_argument
@option("--order", is_flag=True, help="Only the order.")
@option("--keep", is_flag=True, help="Only which score counts.")
@option("--ties", is_flag=True, help="Only the order of entries with equal scores.")
@option("--closes-at", is_flag=True, help="Only the closing time.")
@option("--corrections", is_flag=True, help="Only whether corrections count after the closing.")
@json_option
@with_stack_options
def unset(options: Options, board: str, as_json: bool, **chosen: bool) -> None:
    """Return a board to the defaults: all of its policy, or the parts that options name.

    The defaults apply to later changes.
    """
    policies = policies_of(open_stack(options))
    before = _declared(policies, board)
    names = [name for name, is_chosen in chosen.items() if is_chosen] or [field.name for field in fields(DEFAULT)]
    policy = _policy(asdict(before) | {name: getattr(DEFAULT, name) for name in names})
    _declare(policies, board, before, policy, as_json)


def _declare(policies: Policies, board: str, before: BoardPolicy, policy: BoardPolicy, as_json: bool) -> None:
    """Write the policy and say what now applies."""
    policies.set(board, policy)
    if policy.ties is Ties.EARLIEST and (policy.order, policy.ties) != (before.order, before.ties):
        needed = "`scorecast backfill`, and then `scorecast rebuild`,"
        notes.print(f"Entries that are already on the board need {needed} for this order.", soft_wrap=True)
    if as_json:
        print_json(_shown(board, policy))
        return
    until = f"closes at {policy.closes_at}" if policy.closes_at else "never closes"
    until += ", takes corrections after that" if policy.corrections is Corrections.OPEN and policy.closes_at else ""
    declared = f"{board}: order {policy.order}, keeps the {policy.keep} score, ties {policy.ties}, {until}."
    data.print(plain(declared), soft_wrap=True)
    notes.print(f"ConsumerLambda applies it within {POLICY_AGE_S} seconds.", style="dim")


def _declared(policies: Policies, board: str) -> BoardPolicy:
    """Return the board's policy; the default if the item is malformed, which is replaced."""
    try:
        return policies.of(board)
    except CannotRead as error:
        notes.print(plain(f"{error} The new policy replaces it."), soft_wrap=True)
        return DEFAULT


def _policy(values: dict[str, Any]) -> BoardPolicy:
    try:
        return make_policy(**values)
    except CannotRead as error:
        raise UserError(str(error).replace("closes_at", "--closes-at"), ExitCode.USAGE) from None


def _shown(board: str, policy: BoardPolicy) -> dict[str, Any]:
    declared = asdict(policy)
    return {"hackathonName": board, "closesAt": declared.pop("closes_at")} | declared

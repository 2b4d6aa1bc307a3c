"""The commands for the policies of boards: list, set, unset, hide, unhide, hidden, reveal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import click
from rich.text import Text

from scorecast.changes.change import iso_now
from scorecast.cli.command import CommandGroup, board_argument, id_argument, json_option, option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, make_table, notes, plain
from scorecast.errors import CannotRead, UserError
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Corrections, Every, Keep, Order, Ties, make_policy
from scorecast.leaderboard.policy_table import POLICY_AGE_S
from scorecast.ops.boards.hidden import hidden_entries_of
from scorecast.ops.boards.policies import Policies, policies_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Options

# The value of `--closes-at` for a board that never closes.
NEVER = "never"
EVERYBODY = "everybody"
# The value of `--then-by` for a board without columns.
NONE = "none"


@click.group(cls=CommandGroup)
def boards() -> None:
    """Declare how boards rank and when they close."""


@boards.command("list")
@option("--derived", is_flag=True, help="Include derived boards.")
@json_option
@with_stack_options
def list_(options: Options, derived: bool, as_json: bool) -> None:
    """List the boards with a policy. All others show the latest scores, highest first."""
    declared = policies_of(open_stack(options)).all()
    policies = {
        board: policy
        for board, policy in declared.items()
        if (derived and not policy.has_expired(iso_now())) or not (policy.base or policy.copy_of)
    }
    if as_json:
        print_json({"boards": [_shown(board, policy) for board, policy in policies.items()]})
        return
    if not policies:
        notes.print(
            "No board has a policy: on every board the highest score is best, and the latest counts.", soft_wrap=True
        )
        return
    table = make_table("board", "order", "keep", "ties", "closes", "also")
    for board, policy in policies.items():
        order, also = (
            Text("\n").join(map(plain, parts)) for parts in (_order_parts(policy), _further(policy) or ["-"])
        )
        table.add_row(plain(board), order, policy.keep, policy.ties, policy.closes_at or NEVER, also)
    data.print(table)


@boards.command("set")
@board_argument
@option("--order", type=click.Choice([*map(str, Order)]), help="Which scores are better: high or low ones.")
@option("--keep", type=click.Choice([*map(str, Keep)]), help="Which of a participant's scores counts, or the gain.")
@option("--ties", type=click.Choice([*map(str, Ties)]), help="Order of entries with equal scores.")
@option(
    "--then-by",
    multiple=True,
    metavar="ATTRIBUTE:ORDER",
    help="Rank equal scores by an attribute: penalty:ascending; up to three times, or none.",
)
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
@option(
    "--freezes-at",
    metavar="TIME",
    help="From this time on people see the board as it was then, until `reveal`: 2026-12-01T17:00:00Z, or never.",
)
@option("--every", type=click.Choice([*map(str, Every)]), help="Also keep a board for each day, week or month.")
@option("--keep-periods", metavar="N", help="Periods for which a board is kept after its own has ended, or never.")
@option(
    "--time-zone",
    metavar="ZONE",
    help="Time zone of the periods, which begin at midnight: Asia/Shanghai (default: UTC).",
)
@option("--by", multiple=True, metavar="ATTRIBUTE", help="Also keep a board for each value of this attribute.")
@option(
    "--readers",
    metavar="WHO",
    help="Who may read the board: ids of API keys and ARNs of IAM users and roles, separated by commas; or everybody.",
)
@json_option
@with_stack_options
def set_(options: Options, board: str, then_by: Sequence[str], by: Sequence[str], as_json: bool, **given: str) -> None:
    """Declare how a board ranks. An omitted option keeps its value.

    A policy applies to later changes: declare it before the board's first score.
    """
    stack = open_stack(options)
    policies = policies_of(stack)
    before = _declared(policies, board)
    wanted = _texts(before) | {name: value for name, value in given.items() if value is not None}
    wanted |= {"by": ",".join(by)} if by else {}
    wanted |= {"then_by": "" if [*then_by] == [NONE] else ",".join(then_by)} if then_by else {}
    wanted |= {name: None for name in ("closes_at", "freezes_at", "keep_periods") if wanted[name] == NEVER}
    wanted |= {"readers": ""} if wanted["readers"] == EVERYBODY else {}
    policy = _policy(wanted)
    _declare(policies, board, before, policy, as_json)
    if policy.readers and stack.outputs.get("ApiAccess", "open") == "open":
        warning = "The API of this stack knows no callers, so nobody can read the board there: deploy with ApiAccess."
        notes.print(warning, soft_wrap=True)


@boards.command("unset")
@board_argument
@option("--order", is_flag=True, help="Only the order.")
@option("--keep", is_flag=True, help="Only which score counts.")
@option("--ties", is_flag=True, help="Only the order of entries with equal scores.")
@option("--then-by", is_flag=True, help="Only the columns that rank equal scores.")
@option("--closes-at", is_flag=True, help="Only the closing time.")
@option("--corrections", is_flag=True, help="Only whether corrections count after the closing.")
@option("--freezes-at", is_flag=True, help="Only the freezing time, as `reveal` does.")
@option("--every", is_flag=True, help="Only the periods; their boards stay as they are.")
@option("--keep-periods", is_flag=True, help="Only how long periods are kept; those that have begun expire as before.")
@option("--time-zone", is_flag=True, help="Only the time zone of the periods.")
@option("--by", is_flag=True, help="Only the attributes with boards of their own; these boards stay as they are.")
@option("--readers", is_flag=True, help="Only the readers: the API answers to everybody again.")
@json_option
@with_stack_options
def unset(options: Options, board: str, as_json: bool, **chosen: bool) -> None:
    """Return a board to the defaults: all of its policy, or the parts that options name.

    The defaults apply to later changes.
    """
    policies = policies_of(open_stack(options))
    before = _declared(policies, board)
    names = [name for name, is_chosen in chosen.items() if is_chosen] or list(chosen)
    defaults = _texts(DEFAULT)
    policy = _policy(_texts(before) | {name: defaults[name] for name in names})
    _declare(policies, board, before, policy, as_json)


@boards.command()
@board_argument
@id_argument
@option("--reason", required=True, metavar="TEXT", help="Why, for `boards hidden`.")
@json_option
@with_stack_options
def hide(options: Options, board: str, participant: str, reason: str, as_json: bool) -> None:
    """Hide a participant on a board, and on those that derive from it.

    The entry disappears from all answers and ranks. Its score is still updated, for `unhide`.
    """
    if not reason.strip():
        raise UserError("--reason is empty; it must say why.", ExitCode.USAGE)
    changed = hidden_entries_of(open_stack(options)).hide(board, participant, reason.strip())
    _report_hidden(participant, "hidden", changed, as_json)


@boards.command()
@board_argument
@id_argument
@json_option
@with_stack_options
def unhide(options: Options, board: str, participant: str, as_json: bool) -> None:
    """Show a hidden participant again, with the score that counts now."""
    changed = hidden_entries_of(open_stack(options)).hide(board, participant, "")
    _report_hidden(participant, "shown again", changed, as_json)


@boards.command()
@board_argument
@json_option
@with_stack_options
def hidden(options: Options, board: str, as_json: bool) -> None:
    """List who is hidden on a board, and why. Reads the whole leaderboard."""
    found = hidden_entries_of(open_stack(options)).of(board)
    if as_json:
        rows = [{"id": one.id, "userName": one.name, "projectScore": one.score, "reason": one.hidden} for one in found]
        print_json({"hackathonName": board, "hidden": rows})
        return
    if not found:
        notes.print(plain(f"Nobody is hidden on the board {board}."), soft_wrap=True)
        return
    table = make_table("id", "name", "score", "reason", right=["score"])
    for one in found:
        table.add_row(*map(plain, (one.id, one.name or "", one.score or "-", one.hidden)))
    data.print(table)


def _report_hidden(participant: str, what: str, changed: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"id": participant, "boards": changed})
        return
    where = f"is {what} on {', '.join(changed)}" if changed else f"is {what} already"
    data.print(plain(f"{participant} {where}."), soft_wrap=True)


@boards.command()
@board_argument
@json_option
@with_stack_options
def reveal(options: Options, board: str, as_json: bool) -> None:
    """Show a frozen board as it is now, and the boards that derive from it."""
    policies = policies_of(open_stack(options))
    before = _declared(policies, board)
    if before.freezes_at is None:
        raise UserError(f"The board {board!r} does not freeze, so there is nothing to reveal.")
    _declare(policies, board, before, replace(before, freezes_at=None), as_json)


def _declare(policies: Policies, board: str, before: BoardPolicy, policy: BoardPolicy, as_json: bool) -> None:
    """Write the policy and say what now applies."""
    derived = policies.declare(board, policy, datetime.now(UTC))
    if policy.orders_ties and (policy.key_order, before.orders_ties) != (before.key_order, True):
        needed = "`scorecast backfill`, and then `scorecast rebuild`,"
        notes.print(f"Entries that are already on the board need {needed} for this order.", soft_wrap=True)
    if as_json:
        print_json(_shown(board, policy))
        return
    until = f"closes at {policy.closes_at}" if policy.closes_at else "never closes"
    until += ", takes corrections after that" if policy.corrections is Corrections.OPEN and policy.closes_at else ""
    parts = [f"order {_ordered(policy)}", f"keeps {policy.keep.words}", f"ties {policy.ties}", until]
    parts += _further(replace(policy, corrections=Corrections.CLOSED))
    data.print(plain(f"{board}: {', '.join(parts)}."), soft_wrap=True)
    if derived:
        notes.print(f"{derived:,} boards that derive from it follow.", soft_wrap=True)
    notes.print(f"ConsumerLambda applies it within {POLICY_AGE_S} seconds.", style="dim")


def _ordered(policy: BoardPolicy) -> str:
    """Say what a board ranks by: `descending, then penalty ascending`."""
    return ", then ".join(_order_parts(policy))


def _order_parts(policy: BoardPolicy) -> list[str]:
    return [policy.order, *(f"{column.name} {column.order}" for column in policy.columns)]


def _declared(policies: Policies, board: str) -> BoardPolicy:
    """Return the board's policy; the default if its item is malformed, since that will be replaced."""
    try:
        return policies.of(board)
    except CannotRead as error:
        notes.print(plain(f"{error} The new policy replaces it."), soft_wrap=True)
        return DEFAULT


def _policy(values: dict[str, Any]) -> BoardPolicy:
    try:
        return make_policy(**values)
    except CannotRead as error:
        said = str(error)
        for name in ("closes_at", "freezes_at", "time_zone", "then_by", "keep_periods", "readers"):
            said = said.replace(name, f"--{name.replace('_', '-')}")
        raise UserError(said, ExitCode.USAGE) from None


def _texts(policy: BoardPolicy) -> dict[str, Any]:
    """The texts from which `make_policy` makes a policy."""
    periods = None if policy.keep_periods is None else str(policy.keep_periods)
    return asdict(policy) | {"by": ",".join(policy.by), "keep_periods": periods}


def _further(policy: BoardPolicy) -> list[str]:
    """The rarer declarations, in words."""
    found = ["takes corrections"] if policy.corrections is Corrections.OPEN else []
    found += [f"freezes at {policy.freezes_at}"] if policy.freezes_at else []
    kept = f", kept for {policy.keep_periods} more" if policy.keep_periods else ""
    found += [f"a board every {policy.every} in {policy.time_zone}{kept}"] if policy.every else []
    found += [f"read only by {', '.join(policy.listed_readers)}"] if policy.readers else []
    found += [f"expires at {policy.kept_until}"] if policy.kept_until else []
    return found + ([f"a board for each {' and each '.join(policy.by)}"] if policy.by else [])


def _shown(board: str, policy: BoardPolicy) -> dict[str, Any]:
    names = {"closes_at": "closesAt", "freezes_at": "freezesAt", "time_zone": "timeZone", "then_by": "thenBy"}
    names |= {"starts_at": "startsAt", "copy_of": "copyOf", "keep_periods": "keepPeriods", "kept_until": "keptUntil"}
    values = asdict(policy) | {"then_by": {column.name: column.order for column in policy.columns}}
    values |= {"readers": policy.listed_readers}
    return {"hackathonName": board} | {names.get(name, name): value for name, value in values.items()}

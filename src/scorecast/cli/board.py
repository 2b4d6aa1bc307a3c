"""The commands that read boards and write scores: top, rank, score."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from scorecast.changes.change import iso_now
from scorecast.cli.command import (
    BOARD,
    Number,
    Whole,
    argument,
    board_argument,
    command,
    id_argument,
    json_option,
    option,
    print_json,
)
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, make_table, notes, plain
from scorecast.errors import UserError
from scorecast.leaderboard.policy import BoardPolicy, Corrections, Keep, Order
from scorecast.ops.boards.api_client import ApiClient, api_of
from scorecast.ops.boards.live import live_top
from scorecast.ops.boards.policies import policies_of
from scorecast.ops.boards.score import Expected, delete_score, wait_until_shown, write_score
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.main_table import main_table_of, read_score
from scorecast.ops.stack.stack import Options, Stack


@command()
@argument(
    "board",
    type=BOARD,
    required=False,
    metavar="[BOARD]",
    help="Board name. Omit it to list all boards.",
)
@option("--limit", "-n", type=Whole(1), default=10, metavar="N", help="Number of entries to show.")
@option("--live", is_flag=True, help="Read the tables directly, to see a frozen board as it is now.")
@json_option
@with_stack_options
def top(options: Options, board: str | None, limit: int, live: bool, as_json: bool) -> None:
    """Show the best entries of a board, or list all boards."""
    stack = open_stack(options)
    if board is None:
        if live:
            raise UserError("--live shows one board: name it.", ExitCode.USAGE)
        _show_boards(api_of(stack), as_json)
        return
    answer = live_top(stack, board, limit) if live else api_of(stack).top(board, limit)
    if as_json:
        print_json(answer)
        return
    data.print(_entries_table(answer, answer["entries"]))
    for remark in _remarks(answer):
        notes.print(remark, style="dim")
    if len(answer["entries"]) < answer["total"]:
        notes.print(f"{len(answer['entries']):,} of {answer['total']:,}; --limit shows more.", style="dim")


@command()
@id_argument
@board_argument
@json_option
@with_stack_options
def rank(options: Options, participant: str, board: str, as_json: bool) -> None:
    """Show a participant's rank and neighbours on a board. Tied participants share a rank."""
    answer = api_of(open_stack(options)).rank(board, participant)
    if as_json:
        print_json(answer)
        return
    name = f" ({answer['userName']})" if answer["userName"] is not None else ""
    line = f"{answer['id']}{name} is number {answer['rank']:,} of {answer['total']:,} on {answer['hackathonName']}"
    better = "score lower" if answer["order"] == Order.ASCENDING else "score higher"
    share = f"{answer['percentile']} % do not {'rank higher' if 'columns' in answer else better}"
    data.print(plain(f"{line} with a score of {answer['projectScore']}; {share}."), soft_wrap=True)
    data.print(_entries_table(answer, [*answer["above"], answer, *answer["below"]]))


# A negative score is an argument that begins with a dash, not an option.
@command(context_settings={"ignore_unknown_options": True})
@id_argument
@board_argument
@argument("points", required=False, metavar="[SCORE]", help="Score: a number of up to 38 digits.")
@option("--name", metavar="NAME", help="Display name (default: unchanged).")
@option("--delete", is_flag=True, help="Delete the item instead.")
@option("--wait/--no-wait", default=True, help="Wait until the board shows the score.")
@option("--timeout", type=Number(0.1), default=30, metavar="SECONDS", help="Longest time to wait.")
@json_option
@with_stack_options
def score(
    options: Options,
    participant: str,
    board: str,
    points: str | None,
    name: str | None,
    delete: bool,
    wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Write a participant's score to the main table, and wait until the board shows it.

    Other attributes of the item stay unchanged. A change usually takes about a second. If the stack's
    ConsumerBatchingWindow is above 0, it may take more than 20 seconds while there are few changes.
    """
    if delete == (points is not None) or (delete and name is not None):
        raise UserError("Give either a SCORE, to which --name may be added, or --delete.", ExitCode.USAGE)
    points_exact = None if points is None else read_score(points)
    stack = open_stack(options)
    table = main_table_of(stack)
    if points_exact is None:
        expected = delete_score(table, participant, board)
    else:
        expected = write_score(table, participant, board, points_exact, name)
    policy = policies_of(stack).of(expected.board)
    is_awaited = wait and _counts(expected, policy)
    _report(expected, policy, _wait(stack, expected, timeout, policy) if is_awaited else None, as_json)


def _counts(expected: Expected, policy: BoardPolicy) -> bool:
    """Whether people will see the change; after the closing, only a removal on a board that takes corrections."""
    is_taken = policy.is_open(iso_now()) or (expected.score is None and policy.corrections is Corrections.OPEN)
    return is_taken and not policy.is_frozen(iso_now())


def _wait(stack: Stack, expected: Expected, timeout_s: float, policy: BoardPolicy) -> float:
    with notes.status(plain(f"Waiting for {expected.board} ...")):
        return wait_until_shown(api_of(stack), expected, timeout_s, policy=policy)


def _report(expected: Expected, policy: BoardPolicy, seconds: float | None, as_json: bool) -> None:
    if as_json:
        answer = {"hackathonName": expected.board, "id": expected.participant, "projectScore": expected.score}
        print_json(answer | {"shownAfterSeconds": None if seconds is None else round(seconds, 3)})
        return
    what = "is off the board" if expected.score is None else f"has {expected.score} on the board"
    when = "it will follow" if seconds is None else f"it arrived after {seconds:.2f} s"
    if policy.keep != Keep.LATEST and expected.score is not None:
        # The board may show another score, even before this one has arrived.
        agrees = "will agree" if seconds is None else f"agreed after {seconds:.2f} s"
        when = f"the board, which keeps {policy.keep.words}, {agrees}"
    if not _counts(expected, policy):
        when = f"it does not count because the board closed at {policy.closes_at}"
    if policy.is_frozen(iso_now()):
        since = f"the board has been frozen since {policy.freezes_at}"
        when = f"{since}, so people do not see it until `scorecast boards reveal`"
    data.print(plain(f"{expected.participant} {what} {expected.board}; {when}."), soft_wrap=True)


def _show_boards(api: ApiClient, as_json: bool) -> None:
    boards = api.list_boards()
    if as_json:
        print_json({"boards": boards})
        return
    if not boards:
        notes.print("There are no boards yet: `scorecast score 1 StarWar 60 --name userA` makes the first entry.")
        return
    table = make_table("board", "entries", right=["entries"])
    for board in boards:
        table.add_row(plain(board["hackathonName"]), f"{board['total']:,}")
    data.print(table)


def _remarks(answer: dict[str, Any]) -> list[str]:
    """What the board's policy declares that its entries do not show."""
    remarks = ["The lowest score is best."] if answer["order"] == Order.ASCENDING else []
    if columns := answer.get("columns"):
        by = ", then by ".join(f"{one['name']} ({one['order']})" for one in columns)
        remarks.append(f"Equal scores rank by {by}.")
    if closes_at := answer.get("closesAt"):
        is_open = BoardPolicy(closes_at=closes_at).is_open(iso_now())
        remarks.append(f"It closes at {closes_at}." if is_open else f"Final: it closed at {closes_at}.")
    if freezes_at := answer.get("freezesAt"):
        is_frozen = BoardPolicy(freezes_at=freezes_at).is_frozen(iso_now())
        remarks.append(f"People see it as it was at {freezes_at}." if is_frozen else f"It freezes at {freezes_at}.")
    return remarks


def _entries_table(answer: dict[str, Any], entries: list[dict[str, Any]]) -> Table:
    title = plain(answer["hackathonName"])
    attributes = sorted({name for entry in entries for name in entry.get("attributes", {})})
    columns = [one["name"] for one in answer.get("columns", [])]
    shown, then = ([plain(name) for name in names] for names in (attributes, columns))
    table = make_table("rank", "name", "id", *shown, "score", *then, right=["rank", "score"], title=title)
    for entry in entries:
        name = entry["userName"] if entry["userName"] is not None else ""
        shown, then = _cells(entry, "attributes", attributes), _cells(entry, "thenBy", columns)
        table.add_row(f"{entry['rank']:,}", plain(name), plain(entry["id"]), *shown, str(entry["projectScore"]), *then)
    return table


def _cells(entry: dict[str, Any], field: str, names: list[str]) -> list[Text]:
    return [plain(_written(entry.get(field, {}).get(name))) for name in names]


def _written(value: Any) -> str:
    """The text of an attribute's value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)

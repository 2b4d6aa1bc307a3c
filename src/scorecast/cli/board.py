"""The commands that read boards and write scores: top, rank, score."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from scorecast.changes.change import iso_now
from scorecast.cli.options import (
    Json,
    data,
    notes,
    open_stack,
    plain,
    print_json,
    with_place,
)
from scorecast.errors import UserError
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order
from scorecast.ops.boards.api_client import ApiClient, api_of
from scorecast.ops.boards.policies import policies_of
from scorecast.ops.boards.score import Expected, delete_score, wait_until_shown, write_score
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.main_table import main_table_of, read_score
from scorecast.ops.stack.stack import Options, Stack

app = typer.Typer()

Participant = Annotated[str, typer.Argument(metavar="ID", help="The participant's id.")]
Board = Annotated[str, typer.Argument(metavar="BOARD", help="The board's name (hackathonName).")]


@app.command()
@with_place
def top(
    place: Options,
    board: Annotated[str | None, typer.Argument(metavar="BOARD", help="The board; left away, all boards.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many entries to show.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the best of a board, or list the boards."""
    api = api_of(open_stack(place))
    if board is None:
        _show_boards(api, as_json)
        return
    answer = api.top(board, limit)
    if as_json:
        print_json(answer)
        return
    data.print(_entries_table(answer, answer["entries"]))
    for remark in _remarks(answer):
        notes.print(remark, style="dim")
    if len(answer["entries"]) < answer["total"]:
        notes.print(f"{len(answer['entries']):,} of {answer['total']:,}; --limit shows more.", style="dim")


@app.command()
@with_place
def rank(
    place: Options,
    board: Board,
    participant: Participant,
    as_json: Json = False,
) -> None:
    """Show a participant's rank on a board, and who is next to them. Who has the same score has the same rank."""
    answer = api_of(open_stack(place)).rank(board, participant)
    if as_json:
        print_json(answer)
        return
    name = f" ({answer['userName']})" if answer["userName"] is not None else ""
    line = f"{answer['id']}{name} is number {answer['rank']:,} of {answer['total']:,} on {answer['hackathonName']}"
    share = f"{answer['percentile']} % do not score {'lower' if answer['order'] == Order.ASCENDING else 'higher'}"
    data.print(plain(f"{line} with a score of {answer['projectScore']}; {share}."), soft_wrap=True)
    data.print(_entries_table(answer, [*answer["above"], answer, *answer["below"]]))


# A negative score is a word that begins with a dash, not an option.
@app.command(context_settings={"ignore_unknown_options": True})
@with_place
def score(
    place: Options,
    participant: Participant,
    board: Board,
    points: Annotated[
        str | None, typer.Argument(metavar="SCORE", help="The score: a number of up to 38 digits.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The name to show; left away, it stays as it is.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the item instead.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the board shows it.")] = True,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="How many seconds to wait at most.")] = 30,
    as_json: Json = False,
) -> None:
    """Write a participant's score to the main table, and wait until it has come through to the board.

    Other attributes of the item stay as they are.
    """
    if delete == (points is not None) or (delete and name is not None):
        raise UserError("Give either a SCORE (with --name, if you like) or --delete.", ExitCode.USAGE)
    points_exact = None if points is None else read_score(points)
    where = open_stack(place)
    table = main_table_of(where)
    if points_exact is None:
        expected = delete_score(table, participant, board)
    else:
        expected = write_score(table, participant, board, points_exact, name)
    policy = policies_of(where).of(expected.board)
    is_awaited = wait and policy.is_open(iso_now())
    _report(expected, policy, _wait(where, expected, timeout, policy) if is_awaited else None, as_json)


def _wait(stack: Stack, expected: Expected, timeout_s: float, policy: BoardPolicy) -> float:
    with notes.status(plain(f"Waiting for {expected.board} ...")):
        return wait_until_shown(api_of(stack), expected, timeout_s, policy=policy)


def _report(expected: Expected, policy: BoardPolicy, seconds: float | None, as_json: bool) -> None:
    if as_json:
        answer = {"hackathonName": expected.board, "id": expected.participant, "projectScore": expected.score}
        print_json(answer | {"shownAfterSeconds": None if seconds is None else round(seconds, 3)})
        return
    what = "is off the board" if expected.score is None else f"has {expected.score} on the board"
    when = "it will follow" if seconds is None else f"it came through after {seconds:.2f} s"
    if policy.keep != Keep.LATEST and expected.score is not None:
        # Another score may stand there, also before this one has come through.
        agrees = "will agree" if seconds is None else f"agreed after {seconds:.2f} s"
        when = f"the board, which keeps the {policy.keep} score, {agrees}"
    if not policy.is_open(iso_now()):
        when = f"it does not count, for the board closed at {policy.closes_at}"
    data.print(plain(f"{expected.participant} {what} {expected.board}; {when}."), soft_wrap=True)


def _show_boards(api: ApiClient, as_json: bool) -> None:
    boards = api.list_boards()
    if as_json:
        print_json({"boards": boards})
        return
    if not boards:
        notes.print("There are no boards yet: `scorecast score 1 StarWar 60 --name userA` makes the first entry.")
        return
    table = Table("board")
    table.add_column("entries", justify="right")
    for board in boards:
        table.add_row(plain(board["hackathonName"]), f"{board['total']:,}")
    data.print(table)


def _remarks(answer: dict[str, Any]) -> list[str]:
    """What is declared for a board and not to be seen from its entries."""
    remarks = ["The lowest score is best."] if answer["order"] == Order.ASCENDING else []
    if closes_at := answer.get("closesAt"):
        is_open = BoardPolicy(closes_at=closes_at).is_open(iso_now())
        remarks.append(f"It closes at {closes_at}." if is_open else f"Final: it closed at {closes_at}.")
    return remarks


def _entries_table(answer: dict[str, Any], entries: list[dict[str, Any]]) -> Table:
    table = Table(title=plain(answer["hackathonName"]), title_justify="left")
    table.add_column("rank", justify="right")
    table.add_column("name")
    table.add_column("id")
    table.add_column("score", justify="right", no_wrap=True)
    for entry in entries:
        name = entry["userName"] if entry["userName"] is not None else ""
        table.add_row(f"{entry['rank']:,}", plain(name), plain(entry["id"]), str(entry["projectScore"]))
    return table

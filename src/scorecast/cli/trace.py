"""The command that finds a change: trace."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from scorecast.cli.command import BOARD, ID, argument, command, json_option, option, print_json
from scorecast.cli.options import open_stack, with_stack_options
from scorecast.cli.output import data, notes, plain
from scorecast.leaderboard.item import StoredEntry
from scorecast.ops.dead_letters.queue import open_letters
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.moments import read_moment
from scorecast.ops.stack.stack import Options
from scorecast.ops.trace.search import OnBoard, Search, Trace, Wanted


@command()
@argument("id_", type=ID, metavar="ID", help="A change's id; with BOARD, a participant's id.")
@argument("board", type=BOARD, required=False, metavar="[BOARD]", help="Board name: finds the newest change on it.")
@option("--since", default="1d", metavar="TIME", help="How far to look back in the backup: a time or an age.")
@json_option
@with_stack_options
def trace(options: Options, id_: str, board: str | None, since: str, as_json: bool) -> None:
    """Find a change: in a dead letter, on the bus and in the backup, on the board, or not yet.

    On AWS, the backup has a change a minute after the bus. Exits 11 if the change is nowhere.
    """
    now = datetime.now(UTC)
    stack, moment = open_stack(options), read_moment(since, now)
    with notes.status("Looking ..."):
        found = Search(stack, open_letters(stack), moment, now).find(Wanted(id_, board))
    if as_json:
        print_json(_answer(found, moment))
    else:
        for line in _lines(found):
            data.print(plain(line), soft_wrap=True)
        notes.print(_extent(found, moment), style="dim", soft_wrap=True)
    if not found.is_found:
        sys.exit(ExitCode.NOT_FOUND)


def _lines(found: Trace) -> Iterator[str]:
    for letter in found.letters:
        yield f"dead letter: stage {letter.stage}, {letter.error_code}, since {letter.parked_at}: {letter.reason}"
    if found.backup:
        change = found.backup.change
        place = f"{found.backup.key}, line {found.backup.line}, written at {found.backup.written_at}"
        yield f"on the bus and in the backup: {change.operation} {change.id} of {change.at} ({place})"
        if not found.boards:
            yield "on no board: the item has no score, or no usable one"
    for one in found.boards:
        yield f"board {one.entry.board}, participant {one.entry.id}: {_standing(one)}"
    if not found.boards and found.stored:
        yield f"on the board: {_stored(found.stored)}"
    if not found.is_found:
        yield "Not found: the change is not on the bus yet, or it is older than --since, or it has another id."


def _standing(one: OnBoard) -> str:
    if one.stored is None:
        return "not yet"
    if one.state == "not yet":
        return f"not yet; there is an earlier change: {_stored(one.stored)}"
    return f"{'applied' if one.state == 'shown' else 'a newer change is there'}: {_stored(one.stored)}"


def _stored(stored: StoredEntry) -> str:
    what = "removed" if stored.score is None else f"score {stored.score}"
    return f"{what}, sequence {stored.sequence}, at {stored.at}"


def _extent(found: Trace, since: datetime) -> str:
    objects = f"{found.objects_read:,} objects of the backup, the newest first, back to {since:%Y-%m-%dT%H:%M:%SZ}"
    return f"Looked through {found.letters_read:,} dead letters and {objects}."


def _answer(found: Trace, since: datetime) -> dict[str, Any]:
    backup = found.backup
    return {
        "found": found.is_found,
        "deadLetters": [letter.shown() for letter in found.letters],
        "backup": None
        if backup is None
        else {
            "key": backup.key,
            "line": backup.line,
            "writtenAt": backup.written_at,
            "changeId": backup.change.id,
            "operation": backup.change.operation,
            "sequence": backup.change.sequence,
            "at": backup.change.at,
        },
        "boards": [
            {"hackathonName": one.entry.board, "id": one.entry.id, "state": one.state} | _entry(one.stored)
            for one in found.boards
        ],
        "entry": None if found.stored is None else _entry(found.stored),
        "since": since.isoformat(),
        "lettersRead": found.letters_read,
        "objectsRead": found.objects_read,
    }


def _entry(stored: StoredEntry | None) -> dict[str, Any]:
    if stored is None:
        return {"projectScore": None, "sequence": None, "at": None}
    return {"projectScore": stored.number if stored.score else None, "sequence": stored.sequence, "at": stored.at}

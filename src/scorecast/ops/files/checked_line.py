"""A line of a file as an import needs it: the fields that make an item. Refuses what could make no entry.

Every refusal names the line, the value, and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scorecast.errors import CannotApply, UserError
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.item import NAME_CHARACTERS, Key
from scorecast.ops.files.board_file import BOARD, ID, NAME, SCORE, RawLine, Row, shown
from scorecast.ops.stack.main_table import MainTable, read_score


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """What a line says about a participant on a board; without a name, the item keeps the one it has."""

    number: int
    participant: str
    board: str
    score: Decimal
    name: str | None = None

    @property
    def key(self) -> Key:
        """The participant and the board."""
        return self.participant, self.board


@dataclass(frozen=True, slots=True)
class LineFault:
    """Why a line is refused."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line:,}: {self.reason}"


def check_line(raw: RawLine, table: MainTable, board: str | None = None) -> CheckedLine | list[LineFault]:
    """Check a line; it is about `board` if that is given, else about the one that it names. Returns all its faults."""
    if raw.flaw:
        return [LineFault(raw.number, raw.flaw)]
    row = raw.row if board is None else {**raw.row, BOARD: board}
    if reasons := [reason for reason in _reasons(row) if reason]:
        return [LineFault(raw.number, reason) for reason in reasons]
    score, name = read_score(str(row[SCORE])), row.get(NAME) or None
    try:
        item = table.item(row[ID], row[BOARD], score, name)
        table.entry_of(item)
    except (UserError, CannotApply) as error:
        return [LineFault(raw.number, str(error))]
    return CheckedLine(raw.number, table.participant_of(item), row[BOARD], score, name)


def _reasons(row: Row) -> Iterator[str]:
    yield _flaw_of_key(row, BOARD, BOARD_BYTES)
    yield _flaw_of_key(row, ID, ID_BYTES)
    yield _flaw_of_score(row)
    yield _flaw_of_name(row)


def _flaw_of_key(row: Row, field: str, most_bytes: int) -> str:
    if field not in row:
        return f"{field} is missing" + ("; --board names the board of all lines" if field == BOARD else "")
    value = row[field]
    size = _size_bytes(value)
    if size and size <= most_bytes:
        return ""
    return f"{field} is {shown(value)}; it must be a text of 1 to {most_bytes:,} bytes of UTF-8"


def _flaw_of_score(row: Row) -> str:
    if SCORE not in row:
        return f"{SCORE} is missing"
    value = row[SCORE]
    try:
        read_score(str(value) if isinstance(value, str | Decimal) else "")
    except UserError:
        return f"{SCORE} is {shown(value)}; it must be a number of up to 38 digits"
    return ""


def _flaw_of_name(row: Row) -> str:
    name = row.get(NAME)
    if name is None or (_size_bytes(name) is not None and len(name) <= NAME_CHARACTERS):
        return ""
    return f"{NAME} is {shown(name)}; it must be a text of at most {NAME_CHARACTERS} characters, or empty"


def _size_bytes(value: Any) -> int | None:
    """Return the bytes of a text in UTF-8; None if it is no text, or has what is not UTF-8."""
    try:
        return len(value.encode()) if isinstance(value, str) else None
    except UnicodeEncodeError:
        return None

"""A line of a file as an import needs it: the fields that make an item. Refuses what could make no entry.

Every refusal names the line, the value, and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any

from scorecast.errors import CannotApply, UserError
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.derived_board import policy_by_name
from scorecast.leaderboard.display import ATTRIBUTE_CHARACTERS, Attributes
from scorecast.leaderboard.item import NAME_CHARACTERS, Key
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.ops.files.board_file import ATTRIBUTE, BOARD, ID, NAME, SCORE, RawLine, Row, shown
from scorecast.ops.stack.main_table import MainTable, is_number, read_score
from scorecast.runtime.settings import AttributeNames


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """What a line says about a participant on a board; a name or an attribute that it lacks, the item keeps."""

    number: int
    participant: str
    board: str
    score: Decimal
    name: str | None = None
    attributes: Attributes = ()

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


def check_line(
    raw: RawLine, table: MainTable, policies: Mapping[str, BoardPolicy], board: str | None = None
) -> CheckedLine | list[LineFault]:
    """Check a line; it is about `board` if that is given, else about the one that it names. Returns all its faults.

    `policies` are those of the stack's boards.
    """
    if raw.flaw:
        return [LineFault(raw.number, raw.flaw)]
    row = raw.row if board is None else {**raw.row, BOARD: board}
    if reasons := [reason for reason in _reasons(row, table.attributes, policies) if reason]:
        return [LineFault(raw.number, reason) for reason in reasons]
    score, name, attributes = read_score(str(row[SCORE])), row.get(NAME) or None, _attributes(row, table.attributes)
    try:
        item = table.item(row[ID], row[BOARD], score, name, attributes)
        entry = table.entry_of(item)
    except (UserError, CannotApply) as error:
        return [LineFault(raw.number, str(error))]
    if entry and not have(entry.attributes, attributes):
        return [LineFault(raw.number, f"its attributes have more than {ATTRIBUTE_CHARACTERS} characters together")]
    return CheckedLine(raw.number, table.participant_of(item), row[BOARD], score, name, attributes)


def have(shown: Attributes, wanted: Attributes) -> bool:
    """Whether the attributes of an entry have some values; 1 is not True."""
    return {(name, type(value), value) for name, value in wanted} <= {(name, type(one), one) for name, one in shown}


def _attributes(row: Row, names: AttributeNames) -> Attributes:
    """Return the attributes that a line gives, sorted; those that are the score, the name or a key have fields."""
    given = {name: row.get(f"{ATTRIBUTE}{name}") for name in names.shown if name not in astuple(names)}
    return tuple(sorted((name, value) for name, value in given.items() if value not in (None, "")))


def _reasons(row: Row, names: AttributeNames, policies: Mapping[str, BoardPolicy]) -> Iterator[str]:
    yield _flaw_of_key(row, BOARD, BOARD_BYTES) or _flaw_of_board(row[BOARD], policies)
    yield _flaw_of_key(row, ID, ID_BYTES)
    yield _flaw_of_score(row)
    yield _flaw_of_name(row)
    yield from (_flaw_of_attribute(field, row[field], names) for field in row if field.startswith(ATTRIBUTE))


def _flaw_of_key(row: Row, field: str, most_bytes: int) -> str:
    if field not in row:
        return f"{field} is missing" + ("; --board names the board of all lines" if field == BOARD else "")
    value = row[field]
    size = _size_bytes(value)
    if size and size <= most_bytes:
        return ""
    return f"{field} is {shown(value)}; it must be a text of 1 to {most_bytes:,} bytes of UTF-8"


def _flaw_of_board(board: str, policies: Mapping[str, BoardPolicy]) -> str:
    derived = policy_by_name(board, policies)
    if derived is None:
        return ""
    return f"{BOARD} is {shown(board)}, which derives from {shown(derived.base)}; --board names another board"


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


def _flaw_of_attribute(field: str, value: Any, names: AttributeNames) -> str:
    if field.removeprefix(ATTRIBUTE) not in names.shown:
        known = f"shows {', '.join(names.shown)}" if names.shown else "shows none"
        return f"{shown(field)} is not an attribute that the stack shows; it {known} (ShowAttributes)"
    if isinstance(value, bool) or value is None or _size_bytes(value) is not None:
        return ""
    if isinstance(value, Decimal) and is_number(str(value)):
        return ""
    return f"{field} is {shown(value)}; it must be a text, a number of up to 38 digits, true or false"


def _size_bytes(value: Any) -> int | None:
    """Return the bytes of a text in UTF-8; None if it is no text, or has what is not UTF-8."""
    try:
        return len(value.encode()) if isinstance(value, str) else None
    except UnicodeEncodeError:
        return None

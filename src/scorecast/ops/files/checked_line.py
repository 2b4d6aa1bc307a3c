"""A line of a file as an import needs it: the fields that make an item. Refuses lines that could not make an entry.

Every refusal names the line, the value, and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from decimal import Decimal
from typing import Any

from scorecast.changes.values import Image, typed_value
from scorecast.errors import CannotApply, UserError
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.columns import Values, values_of
from scorecast.leaderboard.derived_board import policy_by_name
from scorecast.leaderboard.display import ATTRIBUTE_CHARACTERS, Attributes
from scorecast.leaderboard.item import NAME_CHARACTERS, Key
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Order
from scorecast.ops.files.board_file import ATTRIBUTE, BOARD, COLUMN, ID, NAME, SCORE, RawLine, Row, shown
from scorecast.ops.stack.main_table import MainTable, is_number, read_score
from scorecast.runtime.settings import AttributeNames


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """What a line sets for a participant on a board; the item keeps what the line lacks.

    `attributes` are the display attributes, and `columns` the attributes that rank the board's equal scores.
    """

    number: int
    participant: str
    board: str
    score: Decimal
    name: str | None = None
    attributes: Attributes = ()
    columns: Attributes = ()

    @property
    def values(self) -> Attributes:
        """All attributes to write; an attribute may be both shown and a column."""
        return tuple((dict(self.columns) | dict(self.attributes)).items())

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
    """Check a line; its board is `board` if that is given, else the one that it names. Returns all its faults.

    `policies` are the policies of the stack's boards.
    """
    if raw.flaw:
        return [LineFault(raw.number, raw.flaw)]
    row = raw.row if board is None else {**raw.row, BOARD: board}
    if reasons := [reason for reason in _reasons(row, table.attributes, policies) if reason]:
        return [LineFault(raw.number, reason) for reason in reasons]
    line = CheckedLine(
        raw.number,
        row[ID],
        row[BOARD],
        read_score(str(row[SCORE])),
        row.get(NAME) or None,
        _given(row, ATTRIBUTE, table.attributes.shown, table),
        _given(row, COLUMN, [column.name for column in policies.get(row[BOARD], DEFAULT).columns], table),
    )
    try:
        item = table.item(*line.key, line.score, line.name, line.values)
        entry = table.entry_of(item)
    except (UserError, CannotApply) as error:
        return [LineFault(raw.number, str(error))]
    if entry and not have(entry.attributes, line.attributes):
        return [LineFault(raw.number, f"its attributes have more than {ATTRIBUTE_CHARACTERS} characters together")]
    if not has_columns(item, line.columns):
        return [LineFault(raw.number, "an attribute is in thenBy and in attributes, with different values")]
    return replace(line, participant=table.participant_of(item))


def have(shown: Attributes, wanted: Attributes) -> bool:
    """Whether the shown attributes include all wanted values; 1 is not True."""
    return {(name, type(value), value) for name, value in wanted} <= {(name, type(one), one) for name, one in shown}


def has_columns(item: Image, wanted: Attributes) -> bool:
    """Whether an item has the wanted values in columns: the same number, or the same time in any time zone."""
    names = [name for name, _ in wanted]
    return _columns(item, names) == _columns({name: typed_value(value, "", {}) for name, value in wanted}, names)


def _columns(item: Image, names: Iterable[str]) -> Values:
    """Return the values of columns as boards compare them; empty for a value that is neither a number nor a time."""
    return values_of(item, BoardPolicy(then_by=",".join(f"{name}:{Order.ASCENDING}" for name in names)))


def _given(row: Row, prefix: str, names: Sequence[str], table: MainTable) -> Attributes:
    """Return the nested fields that a line gives, sorted; the score, the name and the keys have fields of their own."""
    given = {name: row.get(f"{prefix}{name}") for name in names if name not in astuple(table.attributes)}
    return tuple(sorted((name, value) for name, value in given.items() if value not in (None, "")))


def _reasons(row: Row, names: AttributeNames, policies: Mapping[str, BoardPolicy]) -> Iterator[str]:
    yield _flaw_of_key(row, BOARD, BOARD_BYTES) or _flaw_of_board(row[BOARD], policies)
    yield _flaw_of_key(row, ID, ID_BYTES)
    yield _flaw_of_score(row)
    yield _flaw_of_name(row)
    yield from (_flaw_of_attribute(field, row[field], names) for field in row if field.startswith(ATTRIBUTE))
    yield from (_flaw_of_column(field, row, policies) for field in row if field.startswith(COLUMN))


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


def _flaw_of_column(field: str, row: Row, policies: Mapping[str, BoardPolicy]) -> str:
    name, value, board = field.removeprefix(COLUMN), row[field], row.get(BOARD)
    known = [column.name for column in policies.get(str(board), DEFAULT).columns]
    if name not in known:
        has = f"it has {', '.join(known)}" if known else "it has none"
        return f"{shown(field)} is not a column of the board {shown(board)}; {has} (`scorecast boards set --then-by`)"
    if value in (None, ""):
        return ""
    is_number_or_text = isinstance(value, str) or (isinstance(value, Decimal) and is_number(str(value)))
    if is_number_or_text and all(_columns({name: typed_value(value, "", {})}, [name])):
        return ""
    return f"{field} is {shown(value)}; it must be a number, or a time such as 2026-12-01T12:31:00Z"


def _size_bytes(value: Any) -> int | None:
    """Return the size of a text in UTF-8 bytes; None if it is not a text, or cannot be encoded in UTF-8."""
    try:
        return len(value.encode()) if isinstance(value, str) else None
    except UnicodeEncodeError:
        return None

"""The file of a board: one entry per line, as CSV (RFC 4180, with a header) or as JSON objects. Pure.

Both are UTF-8, and their fields have the API's names. Scores keep all their digits. A name may contain anything: in CSV
it may span several lines, and messages then refer to its entry by the first of them.

A column `penalty` is the field `thenBy.penalty`, and an attribute `team` is `attributes.team`; JSON nests both as the
API does. CSV has only texts, so a text that looks like a number, a boolean or a JSON string is written as a JSON
string.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from enum import StrEnum
from pathlib import PurePath
from typing import Any, TextIO

from scorecast.api.responses import json_text

BOARD, RANK, POSITION, ID, NAME, SCORE = "hackathonName", "rank", "position", "id", "userName", "projectScore"
FIELDS = (BOARD, RANK, POSITION, ID, NAME, SCORE)
"""The fields of every line, in CSV's order; the fields of the board's columns and of attributes follow."""

COLUMN, ATTRIBUTE = "thenBy.", "attributes."
"""The prefixes of the fields of columns, and of attributes."""
NESTED = (COLUMN, ATTRIBUTE)

Row = Mapping[str, Any]
"""The fields of a line by name. When read, CSV's are texts, except nested ones; JSON's numbers are decimals."""


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line as it was read, with its number (1 is the first); `flaw` says why it could not be read."""

    number: int
    row: Row
    flaw: str = ""


def format_of(path: PurePath) -> Format:
    """Return the format that a file's extension names; CSV unless that is JSON's.

    >>> format_of(PurePath("StarWar.jsonl")), format_of(PurePath("scores"))
    (<Format.JSON: 'json'>, <Format.CSV: 'csv'>)
    """
    return Format.JSON if path.suffix.lower() in (".json", ".jsonl", ".ndjson") else Format.CSV


def shown(value: Any) -> str:
    """Return a value as text for a message, cut to 60 characters.

    >>> shown("ninety"), shown(None), shown(Decimal("1E+9"))
    ("'ninety'", 'null', '1E9')
    """
    text = json_text(value) if value is None or isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# ---------------------------------------------------------------- writing


def write_lines(rows: Iterable[Row], fields: Sequence[str], form: Format) -> Iterator[str]:
    """Yield the text of a file, line by line."""
    if form is Format.JSON:
        yield from (json_text(_nested(row, fields)) + "\n" for row in rows)
        return
    write = csv.writer(_Echo()).writerow
    yield write(fields)
    yield from (write([_cell(name, row[name]) for name in fields]) for row in rows)


class _Echo:
    """The file that csv.writer writes to; it returns every line."""

    def write(self, text: str) -> str:
        return text


def _nested(row: Row, fields: Sequence[str]) -> dict[str, Any]:
    """Return the object of a line; columns and attributes that the entry lacks are omitted."""
    made = {name: row[name] for name in fields if not name.startswith(NESTED)}
    for prefix in NESTED:
        own = [name for name in fields if name.startswith(prefix) and row[name] is not None]
        if own:
            made[prefix.removesuffix(".")] = {name.removeprefix(prefix): row[name] for name in own}
    return made


def _cell(field: str, value: Any) -> Any:
    is_of_another_type = field.startswith(NESTED) and value is not None and read_cell(str(value)) != value
    return json_text(value) if isinstance(value, Decimal | bool) or is_of_another_type else value


def read_cell(text: str) -> str | Decimal | bool | None:
    """Read the value of a nested CSV field; an empty field has no value.

    >>> read_cell("Lynx"), read_cell("12"), read_cell('"12"'), read_cell("true")
    ('Lynx', Decimal('12'), '12', True)
    """
    try:
        value = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=lambda _: text)
    except (ValueError, DecimalException, RecursionError):
        return text or None
    return value if isinstance(value, str | Decimal | bool) else text


# ---------------------------------------------------------------- reading


def read_lines(file: TextIO, form: Format) -> Iterator[RawLine]:
    """Yield the lines of a file that was opened with newline="", skipping empty lines."""
    return _json_lines(file) if form is Format.JSON else _csv_lines(file)


def _json_lines(file: TextIO) -> Iterator[RawLine]:
    for number, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        except (ValueError, DecimalException, RecursionError):
            row = None
        if isinstance(row, dict):
            yield _flat(number, row)
        else:
            yield RawLine(number, {}, f"{shown(text.strip())} is not a JSON object; each line must be one")


def _flat(number: int, row: dict[str, Any]) -> RawLine:
    """Return the line with its nested columns and attributes as top-level fields."""
    for prefix in NESTED:
        nested = row.pop(prefix.removesuffix("."), {})
        if not isinstance(nested, dict):
            return RawLine(number, {}, f"{prefix.removesuffix('.')} is {shown(nested)}; it must be an object")
        row |= {f"{prefix}{name}": nested[name] for name in nested}
    return RawLine(number, row, _strange(row))


def _csv_lines(file: TextIO) -> Iterator[RawLine]:
    reader = csv.reader(file, strict=True)
    names: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawLine(number, {}, f"this is not CSV ({error}); a quotation mark within quotation marks is doubled")
            continue
        if not cells:
            continue
        if names is None:
            if flaw := _flaw_of_names(cells):
                yield RawLine(number, {}, flaw)
                return
            names = cells
        elif len(cells) != len(names):
            yield RawLine(number, {}, f"it has {len(cells)} fields; the first line names {len(names)}")
        else:
            row = dict(zip(names, cells, strict=True))
            yield RawLine(number, row | {name: read_cell(row[name]) for name in names if name.startswith(NESTED)})


def _flaw_of_names(names: Sequence[str]) -> str:
    """Say what is wrong with the header of a CSV file; empty if nothing is."""
    missing = [name for name in (ID, SCORE) if name not in names]
    if missing:
        return f"the first line must name the columns, and {' and '.join(missing)} among them; it is {shown(names)}"
    doubled = [name for name in names if names.count(name) > 1]
    return f"the column {doubled[0]} is there twice" if doubled else _strange(names)


def _strange(names: Iterable[str]) -> str:
    strange = [name for name in names if name not in FIELDS and not name.startswith(NESTED)]
    known = ", ".join((*FIELDS, *(f"{prefix}NAME" for prefix in NESTED)))
    return f"{shown(strange[0])} is not a field; the fields are {known}" if strange else ""

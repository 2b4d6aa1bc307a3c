"""Staged lines: a file's checked lines, kept in a SQLite file, so that the file can be larger than memory.

Refuses a second line about the same participant on a board.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from scorecast.api.responses import json_text
from scorecast.leaderboard.display import Attributes
from scorecast.ops.files.board_file import ID, RawLine, shown
from scorecast.ops.files.checked_line import CheckedLine, LineFault
from scorecast.ops.files.import_report import ImportReport
from scorecast.runtime.batches import cut_batches

# Keys are stored as bytes, because SQLite's texts end at a NUL.
_SCHEMA = """
CREATE TABLE lines (
    number INTEGER PRIMARY KEY, participant BLOB, board BLOB, score TEXT, name BLOB, attributes TEXT, columns TEXT,
    UNIQUE (participant, board)
)
"""
_STAGE = "INSERT OR IGNORE INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)"
_OTHER = "SELECT number FROM lines WHERE participant = ? AND board = ?"
_ALL = "SELECT * FROM lines ORDER BY number"

Check = Callable[[RawLine], CheckedLine | list[LineFault]]
"""Checks a line; returns its faults if it has any."""


@dataclass(slots=True)
class StagedLines:
    """The lines that an import writes, in the order of the file."""

    path: Path
    count: int = 0
    _connection: sqlite3.Connection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = sqlite3.connect(self.path)
        self._connection.execute("PRAGMA synchronous = OFF")  # the file is useless after a crash anyway
        self._connection.execute(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, line: CheckedLine) -> LineFault | None:
        """Add a line; return a fault if an earlier line is about the same participant."""
        participant, board = line.participant.encode(), line.board.encode()
        name = None if line.name is None else line.name.encode()
        nested = [json_text(dict(one)) for one in (line.attributes, line.columns)]
        row = (line.number, participant, board, str(line.score), name, *nested)
        if self._connection.execute(_STAGE, row).rowcount:
            self.count += 1
            return None
        [(other,)] = self._connection.execute(_OTHER, (participant, board))
        about = f"{ID} is {shown(line.participant)}, whom line {other:,} has on {shown(line.board)} too"
        return LineFault(line.number, f"{about}; a participant may have one line for each board")

    def boards(self) -> list[str]:
        """Return the boards that the lines name, sorted."""
        return [name.decode() for (name,) in self._connection.execute("SELECT DISTINCT board FROM lines ORDER BY 1")]

    def pages(self, most: int) -> Iterator[list[CheckedLine]]:
        """Yield the lines, `most` at a time."""
        return cut_batches(map(_line, self._connection.execute(_ALL)), most)


@contextmanager
def staged_lines() -> Iterator[StagedLines]:
    """Make an empty set of lines, in a folder that is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        lines = StagedLines(Path(folder) / "lines.sqlite")
        try:
            yield lines
        finally:
            lines.close()


def stage_lines(raws: Iterable[RawLine], check: Check, lines: StagedLines, report: ImportReport) -> Iterator[RawLine]:
    """Check lines, keep the good ones and report the others; yields each line."""
    for raw in raws:
        report.lines += 1
        checked = check(raw)
        doubled = lines.add(checked) if isinstance(checked, CheckedLine) else None
        faults = [doubled] if doubled else checked if isinstance(checked, list) else []
        if faults:
            report.refuse(*faults)
        yield raw
    report.is_checked = not report.refused


def _line(row: tuple[int, bytes, bytes, str, bytes | None, str, str]) -> CheckedLine:
    number, participant, board, score, name, attributes, columns = row
    return CheckedLine(
        number,
        participant.decode(),
        board.decode(),
        Decimal(score),
        None if name is None else name.decode(),
        _nested(attributes),
        _nested(columns),
    )


def _nested(text: str) -> Attributes:
    return tuple(json.loads(text, parse_float=Decimal, parse_int=Decimal).items())

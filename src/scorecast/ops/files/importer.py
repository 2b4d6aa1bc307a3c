"""Importer: write the lines of a file that differ from the main table's items to that table.

Each write only updates what the line gives, so an item's other attributes stay, even if another program writes them at
the same moment. Throttled writes are repeated. A line that equals its item is not written, so a second run changes
nothing, and continues after an interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from botocore.exceptions import ClientError

from scorecast.changes.values import Image
from scorecast.errors import CannotApply
from scorecast.leaderboard.batch_get import read_items
from scorecast.ops.files.board_file import shown
from scorecast.ops.files.checked_line import CheckedLine, LineFault, has_columns, have
from scorecast.ops.files.import_report import ImportReport
from scorecast.ops.files.staged_lines import StagedLines
from scorecast.ops.recovery.interrupts import Interrupts
from scorecast.ops.stack.aws_errors import aws_code_of, explained, message_of
from scorecast.ops.stack.main_table import MainTable
from scorecast.ops.stack.polling import CLOCK, Clock
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.throttling import repeat_throttled
from scorecast.runtime.together import Together, together

PAGE_LINES = 100
_ADVICE = "choose a lower --rate"

OnProgress = Callable[[int], None]


@dataclass(slots=True)
class Importer:
    """Writes lines, or only compares them with `is_dry_run`; `report` has the outcome of each."""

    table: MainTable
    report: ImportReport
    rate: float | None = None
    is_dry_run: bool = False
    on_lines: OnProgress = lambda _: None
    clock: Clock = CLOCK
    together: Together = together
    _rate_limit: RateLimit = field(init=False)

    def run(self, lines: StagedLines) -> None:
        """Process the lines page by page; after an error, or Ctrl-C (at a page's end), the report is still correct."""
        with Interrupts() as interrupts, explained():
            self.clock = interrupts.interruptible(self.clock)
            self._rate_limit = RateLimit(self.rate, self.clock)
            for page in lines.pages(PAGE_LINES):
                interrupts.check()
                self._take(page)

    def _take(self, page: Sequence[CheckedLine]) -> None:
        images = self._read(page)
        changed = [line for line in page if self._must_be_written(line, images.get(line.key))]
        if self.is_dry_run:
            self._count_written(len(changed))
            return
        results = self.together(partial(self._write, line) for line in changed)
        self._count_written(results.count(None))
        for result in results:
            if isinstance(result, LineFault):
                self._refuse(result)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _read(self, page: Sequence[CheckedLine]) -> dict[tuple[str, str], Image]:
        """Read the existing items of lines, by participant and board; a unit for 4 KB of each."""
        keys = [self.table.key(*line.key) for line in page]
        call = partial(read_items, self.table.dynamodb, self.table.name, keys, consistent=True)
        images = repeat_throttled(lambda: list(call()), _ADVICE, self.clock)
        board = self.table.attributes.metadata
        return {(self.table.participant_of(image), image[board]["S"]): image for image in images}

    def _must_be_written(self, line: CheckedLine, image: Image | None) -> bool:
        """Whether a line differs from its item; counts the line if it does not, or if it cannot be written."""
        if reason := self._refusal(line, image):
            self._refuse(LineFault(line.number, reason))
            return False
        if image is None or not self._says(image, line):
            return True
        self.report.unchanged += 1
        self.on_lines(1)
        return False

    def _refusal(self, line: CheckedLine, image: Image | None) -> str:
        """Say why the item would not make the line's entry, such as naming another board; empty if it would."""
        try:
            entry = self.table.entry_of((image or {}) | self.table.item(*line.key, line.score, line.name, line.values))
        except CannotApply as error:
            return str(error)
        if entry is None or entry.board == line.board:
            return ""
        attribute = self.table.attributes.board
        return (
            f"its item is of the board {shown(entry.board)}, by its {attribute}; the line is about {shown(line.board)}"
        )

    def _says(self, image: Image, line: CheckedLine) -> bool:
        """Whether an item has what a line gives; a long name or attribute only counts as far as a board shows it."""
        try:
            entry = self.table.entry_of(image)
        except CannotApply:
            return False
        if entry is None or entry.score is None:
            return False
        is_named = line.name in (None, entry.name) and have(entry.attributes, line.attributes)
        return Decimal(entry.score) == line.score and is_named and has_columns(image, line.columns)

    def _write(self, line: CheckedLine) -> LineFault | BaseException | None:
        """Write a line; return what went wrong, so that the other lines of its page are still counted."""
        try:
            self._rate_limit.wait(1)
            put = partial(self.table.put_score, *line.key, line.score, line.name, line.values)
            repeat_throttled(put, _ADVICE, self.clock)
        except ClientError as error:
            # The item would become too large; the other lines can still be written.
            is_of_item = aws_code_of(error) == "ValidationException"
            return LineFault(line.number, message_of(error)) if is_of_item else error
        except (Exception, KeyboardInterrupt) as error:
            return error
        return None

    def _count_written(self, lines: int) -> None:
        self.report.written += lines
        self.on_lines(lines)

    def _refuse(self, fault: LineFault) -> None:
        self.report.refuse(fault)
        self.on_lines(1)
